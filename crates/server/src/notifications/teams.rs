//! Microsoft Teams: adaptive cards, and what an outgoing webhook sends.

use chrono::{DateTime, Utc};
use protocol::id::ApprovalId;
use protocol::notification::Notification;
use serde::Deserialize;
use serde_json::{Value, json};

use super::render::{self, is_plain};

/// Longest text of a card, characters.
const MAX_TEXT: usize = 10_000;

/// A message with a card. `interactive`: this server verifies what people answer.
pub(super) fn message(notification: &Notification, interactive: bool) -> Value {
    let facts = render::facts(notification);
    let whole = facts.chars().count() <= MAX_TEXT && is_plain(&facts);
    let mut body = vec![json!({
        "type": "TextBlock", "weight": "Bolder", "wrap": true,
        "text": escape(&render::cut(&notification.title, 500)),
    })];
    if whole {
        for fact in &notification.facts {
            body.push(
                json!({"type": "TextBlock", "isSubtle": true, "spacing": "Small",
                "text": escape(&fact.name)}),
            );
            // Runs of plain text know no Markdown.
            body.push(
                json!({"type": "RichTextBlock", "spacing": "None", "inlines": [
                {"type": "TextRun", "fontType": "Monospace", "text": fact.value}]}),
            );
        }
    } else {
        body.push(json!({"type": "TextBlock", "wrap": true,
            "text": "It is too long or too unusual to be shown here; open it to read it."}));
    }
    if let Some(id) = render::open_request(notification).filter(|_| whole && interactive) {
        body.push(json!({"type": "TextBlock", "wrap": true, "isSubtle": true,
            "text": format!("To decide, mention the webhook with: approve {id} — or: \
                reject {id} REASON")}));
    }
    let mut actions = Vec::new();
    if let Some(link) = &notification.link {
        actions.push(json!({"type": "Action.OpenUrl", "title": "Open", "url": link}));
    }
    json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "content": {
                "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                "type": "AdaptiveCard", "version": "1.4",
                "body": body, "actions": actions,
            },
        }],
    })
}

/// Text blocks read Markdown: without this a text could be a link to elsewhere.
fn escape(text: &str) -> String {
    text.chars()
        .flat_map(|c| {
            let special = matches!(c, '\\' | '`' | '*' | '_' | '[' | ']' | '(' | ')' | '<');
            special.then_some('\\').into_iter().chain([c])
        })
        .collect()
}

/// Somebody spoke to the webhook.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Said {
    /// `TENANT/OBJECT`.
    pub(super) who: String,
    pub(super) at: DateTime<Utc>,
    /// What to do; none: not understood.
    pub(super) word: Option<(ApprovalId, Option<String>)>,
}

/// Reads an activity: `<at>Name</at> approve ID`, or `reject ID REASON`. The second part
/// of the word is the reason of a rejection; none: approved.
///
/// # Errors
/// When it is not of the form that Teams sends.
pub(super) fn said(body: &[u8]) -> Result<Said, &'static str> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Activity {
        timestamp: DateTime<Utc>,
        #[serde(default)]
        text: String,
        from: Person,
        channel_data: ChannelData,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Person {
        aad_object_id: String,
    }
    #[derive(Deserialize)]
    struct ChannelData {
        tenant: Tenant,
    }
    #[derive(Deserialize)]
    struct Tenant {
        id: String,
    }
    let activity: Activity =
        serde_json::from_slice(body).map_err(|_| "the body is not an activity of Teams")?;
    Ok(Said {
        who: format!(
            "{}/{}",
            activity.channel_data.tenant.id, activity.from.aad_object_id
        ),
        at: activity.timestamp,
        word: word(&activity.text),
    })
}

fn word(text: &str) -> Option<(ApprovalId, Option<String>)> {
    let text = text.replace("&nbsp;", " ");
    let spoken = match text.split_once("</at>") {
        Some((_, spoken)) => spoken,
        None => &text,
    };
    let mut words = spoken.split_whitespace();
    let verb = words.next()?.to_ascii_lowercase();
    let id = words.next()?.parse().ok()?;
    let reason = words.collect::<Vec<_>>().join(" ");
    match verb.as_str() {
        "approve" if reason.is_empty() => Some((id, None)),
        "reject" => Some((id, Some(reason))),
        _ => None,
    }
}

/// What Teams shows as the answer.
pub(super) fn answer(text: &str) -> Value {
    json!({"type": "message", "text": escape(text)})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_behind_the_mention() {
        let id = ApprovalId::new();
        assert_eq!(
            word(&format!("<at>Alpacon</at>&nbsp;Approve {id}\n")),
            Some((id, None))
        );
        assert_eq!(
            word(&format!("<at>Alpacon</at> reject {id} not  today")),
            Some((id, Some("not today".to_owned())))
        );
        for text in [
            String::new(),
            "approve".to_owned(),
            "approve x".to_owned(),
            format!("disapprove {id}"),
            format!("approve {id} and reject the rest"),
        ] {
            assert_eq!(word(&text), None, "{text}");
        }
    }

    #[test]
    fn activities_say_who_and_when() {
        let body = json!({"timestamp": "2026-01-02T03:04:05.678Z", "text": "hello",
            "from": {"aadObjectId": "o", "name": "Jane"},
            "channelData": {"tenant": {"id": "t"}}});
        let said = said(body.to_string().as_bytes()).unwrap();
        assert_eq!(said.who, "t/o");
        assert_eq!(said.word, None);
        assert!(super::said(b"{}").is_err());
    }

    #[test]
    fn titles_are_no_links() {
        let notification = Notification {
            title: "[run](https://evil.test)".to_owned(),
            ..Notification::default()
        };
        let text = message(&notification, true).to_string();
        assert!(!text.contains("[run]("), "{text}");
    }
}
