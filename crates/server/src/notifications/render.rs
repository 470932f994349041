//! Notifications in the words of their receivers.

use protocol::approval::Status;
use protocol::notification::{Notification, provider};
use serde_json::{Value, json};

use super::{slack, teams};

/// Longest plain message, characters; Discord takes 2,000.
const MAX_PLAIN: usize = 1900;

/// The body for a provider. `interactive`: this server verifies what the chat answers.
pub(super) fn body(provider: &str, notification: &Notification, interactive: bool) -> Value {
    match provider {
        provider::SLACK => slack::message(notification, interactive),
        provider::TEAMS => teams::message(notification, interactive),
        provider::DISCORD => {
            // Nothing in it mentions anybody.
            json!({"content": plain(notification), "allowed_mentions": {"parse": []}})
        }
        provider::TELEGRAM => json!({"text": plain(notification)}),
        _ => json!(notification),
    }
}

fn plain(notification: &Notification) -> String {
    let mut text = notification.title.clone();
    if let Some(link) = &notification.link {
        text.push('\n');
        text.push_str(link);
    }
    cut(&text, MAX_PLAIN)
}

/// All facts, a line or more each.
pub(super) fn facts(notification: &Notification) -> String {
    let fact = |fact: &protocol::notification::Fact| {
        let separator = if fact.value.contains('\n') { '\n' } else { ' ' };
        format!("{}:{separator}{}", fact.name, fact.value)
    };
    let facts: Vec<String> = notification.facts.iter().map(fact).collect();
    facts.join("\n")
}

/// The request that a notification asks to decide about.
pub(super) fn open_request(notification: &Notification) -> Option<&str> {
    let object = &notification.object;
    let pending = object["status"] == Status::Pending.as_str();
    object["id"].as_str().filter(|_| pending)
}

/// Whether a text looks like what it is: no control characters but line breaks, nothing
/// invisible, nothing that turns the direction of writing.
pub(super) fn is_plain(text: &str) -> bool {
    !text.chars().any(|c| {
        (c.is_control() && !matches!(c, '\n' | '\t'))
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{ad}' | '\u{e0000}'..='\u{e007f}')
    })
}

pub(super) fn cut(text: &str, limit: usize) -> String {
    if text.chars().count() <= limit {
        return text.to_owned();
    }
    let start: String = text.chars().take(limit.saturating_sub(1)).collect();
    format!("{start}…")
}

#[cfg(test)]
mod tests {
    use protocol::notification::Fact;

    use super::*;

    fn notification() -> Notification {
        let fact = |name: &str, value: &str| Fact {
            name: name.to_owned(),
            value: value.to_owned(),
        };
        Notification {
            title: "@everyone".to_owned(),
            link: Some("https://a.test/approvals/1/".to_owned()),
            facts: vec![fact("Runs", "a\nb"), fact("Risk", "high")],
            object: json!({"id": "x", "status": "approved"}),
            ..Notification::default()
        }
    }

    #[test]
    fn plain_chats_get_title_and_link_and_nobody_is_woken() {
        let body = body(provider::DISCORD, &notification(), true);
        assert_eq!(body["content"], "@everyone\nhttps://a.test/approvals/1/");
        assert_eq!(body["allowed_mentions"], json!({"parse": []}));
    }

    #[test]
    fn facts_are_lines_and_decided_requests_are_not_asked_about() {
        assert_eq!(facts(&notification()), "Runs:\na\nb\nRisk: high");
        assert_eq!(open_request(&notification()), None);
    }

    #[test]
    fn cuts_count_characters() {
        assert_eq!(cut("äöü", 3), "äöü");
        assert_eq!(cut("äöüß", 3), "äö…");
    }
}
