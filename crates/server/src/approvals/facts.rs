//! What a request is about, as names and values for people.

use serde_json::Value;
use store::entity::approval_request;
use store::{Connected, Tenant};
use uuid::Uuid;

use crate::http::ApiResult;
use crate::identity::summary::Summaries;

/// The content in the order it was written, in words.
pub(super) async fn of<C: Connected>(
    tenant: Tenant<'_, C>,
    row: &approval_request::Model,
) -> ApiResult<Vec<(&'static str, String)>> {
    const NAMES: [(&str, &str); 25] = [
        ("line", "Command line"),
        ("plan", "Runs"),
        ("commands", "Each once"),
        ("command", "Command"),
        ("run_as", "Runs as"),
        ("username", "Account"),
        ("groupname", "Group"),
        ("env", "Environment"),
        ("data", "Input"),
        ("scheduled_at", "Not before"),
        ("run_after", "After the commands"),
        ("risk", "Risk"),
        ("flags", "Flags"),
        ("enforcement", "Enforced on the host"),
        ("guard", "May start on the host"),
        ("requester_type", "Requester"),
        ("title", "Title"),
        ("purpose", "Purpose"),
        ("scopes", "Operations"),
        ("servers", "Servers"),
        ("rules", "Rules"),
        ("sudo_policies", "Sudo policies"),
        ("starts_at", "Starts"),
        ("expires_at", "Ends"),
        ("server", "Server"),
    ];
    let ids = server_ids(&row.content);
    let servers = Summaries::read_from(tenant, [], ids).await?;
    let mut facts = Vec::new();
    for (key, name) in NAMES {
        let Some(value) = row.content.get(key) else {
            continue;
        };
        let text = match key {
            "server" | "servers" => names(value, &servers),
            "guard" => guard(value),
            _ => text(value),
        };
        // A session's purpose stands above all facts already.
        let is_known = key == "purpose" && text == row.description;
        if !text.is_empty() && !is_known {
            facts.push((name, visible(&text)));
        }
    }
    Ok(facts)
}

fn server_ids(content: &Value) -> Vec<Uuid> {
    let one = content.get("server").into_iter();
    let many = content.get("servers").and_then(Value::as_array);
    one.chain(many.into_iter().flatten())
        .filter_map(|value| value.as_str()?.parse().ok())
        .collect()
}

fn names(value: &Value, servers: &Summaries) -> String {
    let name = |value: &Value| {
        let id = value.as_str().and_then(|text| text.parse().ok());
        id.map_or_else(|| text(value), |id| servers.server(id).name)
    };
    match value {
        Value::Array(items) => items.iter().map(name).collect::<Vec<_>>().join(", "),
        one => name(one),
    }
}

/// The lists of the guard's policy, each of which has to allow a program.
fn guard(policy: &Value) -> String {
    let own = policy.get("commands").filter(|list| !list.is_null());
    let further = policy.get("further_commands").and_then(Value::as_array);
    let lists = own.into_iter().chain(further.into_iter().flatten());
    let lists: Vec<String> = lists.map(|list| text(list).replace('\n', ", ")).collect();
    match lists.is_empty() {
        true => "anything".to_owned(),
        false => lists.join("\nand in: "),
    }
}

/// Values for people: lists by lines, nothing for nothing.
fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(text).collect::<Vec<_>>().join("\n"),
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| (name, text(value)))
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| format!("{name}: {}", value.replace('\n', ", ")))
            .collect::<Vec<_>>()
            .join("\n"),
        other => other.to_string(),
    }
}

/// A text whose every character can be seen: nothing that is invisible or turns the
/// direction of writing hides in what is approved.
pub(crate) fn visible(text: &str) -> String {
    let hides = |c: char| {
        (c.is_control() && c != '\n')
            || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
                | '\u{e0000}'..='\u{e007f}')
    };
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if hides(c) {
            shown.extend(c.escape_unicode());
        } else {
            shown.push(c);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_read_as_words() {
        assert_eq!(text(&json!(["a", "b"])), "a\nb");
        assert_eq!(
            text(&json!({"commands": ["git *"], "paths": []})),
            "commands: git *"
        );
        assert_eq!(text(&json!(null)), "");
        assert_eq!(text(&json!(true)), "true");
    }

    #[test]
    fn what_may_start_on_the_host_reads_as_lists() {
        assert_eq!(guard(&json!({"mode": "observe"})), "anything");
        let policy = json!({"commands": ["git *", "ls *"], "further_commands": [["git *"]]});
        assert_eq!(guard(&policy), "git *, ls *\nand in: git *");
    }

    #[test]
    fn nothing_hides_in_a_value() {
        assert_eq!(
            visible("rm \u{202e}x\n\u{200b}\u{1b}[2K"),
            "rm \\u{202e}x\n\\u{200b}\\u{1b}[2K"
        );
        assert_eq!(visible("grüße 日本"), "grüße 日本");
    }
}
