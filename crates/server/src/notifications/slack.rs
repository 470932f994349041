//! Slack: Block Kit messages, and what their buttons send.

use protocol::id::ApprovalId;
use protocol::notification::Notification;
use serde::Deserialize;
use serde_json::{Value, json};

use super::render::{self, is_plain};

/// Longest text of a block, characters; Slack takes 3,000.
const MAX_TEXT: usize = 2800;

/// A message. `interactive`: this server verifies what its buttons send.
pub(super) fn message(notification: &Notification, interactive: bool) -> Value {
    let facts = render::facts(notification);
    // Nobody approves what they could not read whole, as it is.
    let whole = facts.chars().count() <= MAX_TEXT && is_plain(&facts) && !facts.contains("```");
    let mut blocks = vec![json!({
        "type": "section",
        "text": {"type": "plain_text", "text": render::cut(&notification.title, MAX_TEXT)},
    })];
    if whole && !facts.is_empty() {
        blocks.push(json!({
            "type": "section",
            "text": {"type": "mrkdwn", "text": format!("```{}```", escape(&facts))},
        }));
    } else if !whole {
        blocks.push(json!({
            "type": "section",
            "text": {"type": "plain_text",
                "text": "It is too long or too unusual to be shown here; open it to read it."},
        }));
    }
    let mut buttons = Vec::new();
    if let Some(id) = render::open_request(notification).filter(|_| whole && interactive) {
        buttons.push(json!({
            "type": "button", "action_id": "approve", "value": id, "style": "primary",
            "text": {"type": "plain_text", "text": "Approve exactly this"},
        }));
        buttons.push(json!({
            "type": "button", "action_id": "reject", "value": id, "style": "danger",
            "text": {"type": "plain_text", "text": "Reject"},
        }));
    }
    if let Some(link) = &notification.link {
        buttons.push(json!({
            "type": "button", "action_id": "open", "url": link,
            "text": {"type": "plain_text", "text": "Open"},
        }));
    }
    if !buttons.is_empty() {
        blocks.push(json!({"type": "actions", "elements": buttons}));
    }
    json!({"text": escape(&render::cut(&notification.title, MAX_TEXT)), "blocks": blocks})
}

/// Slack's own control characters: without this a text could name a channel or a link.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// Somebody pressed a button.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Press {
    /// `TEAM/USER`.
    pub(super) who: String,
    pub(super) request: ApprovalId,
    pub(super) approves: bool,
    /// Where the message can be replaced.
    pub(super) answer_to: String,
}

/// Reads `payload=…`. `None`: something that is not for us, which is fine.
///
/// # Errors
/// When it is not of the form that Slack sends.
pub(super) fn press(body: &[u8]) -> Result<Option<Press>, &'static str> {
    #[derive(Deserialize)]
    struct Payload {
        #[serde(rename = "type")]
        kind: String,
        user: User,
        #[serde(default)]
        team: Option<Team>,
        #[serde(default)]
        actions: Vec<Action>,
        #[serde(default)]
        response_url: String,
    }
    #[derive(Deserialize)]
    struct User {
        id: String,
        #[serde(default)]
        team_id: Option<String>,
    }
    #[derive(Deserialize)]
    struct Team {
        id: String,
    }
    #[derive(Deserialize)]
    struct Action {
        action_id: String,
        #[serde(default)]
        value: String,
    }
    let payload = form_urlencoded::parse(body)
        .find(|(name, _)| name == "payload")
        .ok_or("there is no payload")?;
    let payload: Payload =
        serde_json::from_str(&payload.1).map_err(|_| "the payload is not Slack's")?;
    if payload.kind != "block_actions" {
        return Ok(None);
    }
    let [action] = payload.actions.as_slice() else {
        return Err("there is not exactly one action");
    };
    let approves = match action.action_id.as_str() {
        "approve" => true,
        "reject" => false,
        _ => return Ok(None),
    };
    let team = payload.user.team_id.or(payload.team.map(|team| team.id));
    Ok(Some(Press {
        who: format!("{}/{}", team.ok_or("there is no team")?, payload.user.id),
        request: action
            .value
            .parse()
            .map_err(|_| "the button names no request")?,
        approves,
        answer_to: payload.response_url,
    }))
}

/// What replaces the message once it is decided, or tells one person why it is not.
pub(super) fn answer(text: &str, decided: bool) -> Value {
    if decided {
        json!({"replace_original": true, "text": escape(text)})
    } else {
        json!({"replace_original": false, "response_type": "ephemeral", "text": escape(text)})
    }
}

#[cfg(test)]
mod tests {
    use protocol::notification::Fact;

    use super::*;

    fn notification(line: &str) -> Notification {
        Notification {
            event: "approval.pending".to_owned(),
            title: "jane asks: <!channel>".to_owned(),
            facts: vec![Fact {
                name: "Command line".to_owned(),
                value: line.to_owned(),
            }],
            object: json!({"id": ApprovalId::default(), "status": "pending"}),
            ..Notification::default()
        }
    }

    fn buttons(message: &Value) -> usize {
        let blocks = message["blocks"].as_array().unwrap();
        blocks
            .iter()
            .find(|block| block["type"] == "actions")
            .map_or(0, |block| block["elements"].as_array().unwrap().len())
    }

    #[test]
    fn only_what_is_shown_whole_has_buttons() {
        assert_eq!(buttons(&message(&notification("rm -rf /srv"), true)), 2);
        assert_eq!(buttons(&message(&notification("rm -rf /srv"), false)), 0);
        let long = "x".repeat(MAX_TEXT);
        for line in [
            long.as_str(),
            "a\u{202e}b",
            "a```b",
            "a\u{200b}b",
            "a\u{1b}b",
        ] {
            assert_eq!(buttons(&message(&notification(line), true)), 0, "{line}");
        }
    }

    #[test]
    fn texts_do_not_speak_slack() {
        let message = message(&notification("echo <https://evil.test|ok>"), true);
        let text = message.to_string();
        assert!(!text.contains("<https://evil"), "{text}");
        assert!(
            message["text"]
                .as_str()
                .unwrap()
                .contains("&lt;!channel&gt;")
        );
    }

    fn body(payload: &Value) -> Vec<u8> {
        form_urlencoded::Serializer::new(String::new())
            .append_pair("payload", &payload.to_string())
            .finish()
            .into_bytes()
    }

    #[test]
    fn presses_are_read_and_others_left() {
        let id = ApprovalId::new();
        let payload = json!({
            "type": "block_actions", "user": {"id": "U1", "team_id": "T1"},
            "actions": [{"action_id": "approve", "value": id}],
            "response_url": "https://hooks.slack.com/actions/x",
        });
        let pressed = press(&body(&payload)).unwrap().unwrap();
        assert_eq!(pressed.who, "T1/U1");
        assert_eq!((pressed.request, pressed.approves), (id, true));
        let mut open = payload.clone();
        open["actions"][0]["action_id"] = json!("open");
        assert_eq!(press(&body(&open)), Ok(None));
        let mut other = payload.clone();
        other["type"] = json!("shortcut");
        assert_eq!(press(&body(&other)), Ok(None));
        let mut stray = payload;
        stray["actions"][0]["value"] = json!("x");
        assert!(press(&body(&stray)).is_err());
        assert!(press(b"payload=%7B").is_err());
        assert!(press(b"\xff").is_err());
    }
}
