//! One event on one line of stdout.

use chrono::Local;
use serde_json::Value;

use crate::output::{self, Format, json, message, sanitize};

/// A frame that could be read.
pub(super) struct Event(Value);

impl Event {
    /// `None`, with a warning, for what is no event.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        match serde_json::from_slice(bytes) {
            Ok(value @ Value::Object(_)) => Some(Self(value)),
            _ => {
                message::warning("an event that is not understood was skipped");
                None
            }
        }
    }

    pub(super) fn new(value: Value) -> Self {
        Self(value)
    }

    pub(super) fn sub_type(&self) -> Option<&str> {
        self.0.pointer("/payload/sub_type")?.as_str()
    }

    /// JSON keeps order and unknown members; people get four fields.
    pub(super) fn print(&self, format: Format, target: Option<&str>) {
        match format {
            Format::Json => output::stdout(&json::line(&self.0)),
            Format::Table => match self.0.get("event_type").and_then(Value::as_str) {
                Some(event_type) => output::stdout(&self.line(event_type, target)),
                None => message::warning("an event without a type was skipped"),
            },
        }
    }

    fn line(&self, event_type: &str, target: Option<&str>) -> String {
        let now = Local::now().format("%H:%M:%S").to_string();
        let fields = [
            &now,
            event_type,
            self.sub_type().unwrap_or("-"),
            target.unwrap_or("-"),
        ]
        .map(|field| sanitize::cell(&field.replace(['\n', '\r', '\t'], " ")));
        format!("{}\n", fields.join("\t"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn people_get_four_fields() {
        let event =
            Event::new(json!({"event_type": "x", "payload": {"sub_type": "a\tb\u{1b}[0m"}}));
        let line = event.line("x", None);
        let fields: Vec<&str> = line.trim_end().split('\t').collect();
        assert_eq!(fields[1..], ["x", "a b", "-"]);
    }
}
