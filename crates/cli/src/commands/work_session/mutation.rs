//! What changes of work sessions answer (`cli-core.md` §7.2).

use client::work_sessions::WorkSession;
use serde::Serialize;

use crate::output::{Format, json, message};

/// A change that was made.
#[derive(Debug, Default, Serialize)]
pub(super) struct Mutation<'a> {
    ok: bool,
    operation: &'static str,
    message: String,
    #[serde(skip_serializing_if = "str::is_empty")]
    work_session_id: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    status: &'a str,
    #[serde(skip_serializing_if = "String::is_empty")]
    expires_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    approval_request_id: Option<&'a str>,
    active_worksession: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    work_session: Option<&'a WorkSession>,
}

impl<'a> Mutation<'a> {
    pub(super) fn new(operation: &'static str, message: impl Into<String>) -> Self {
        Self {
            ok: true,
            operation,
            message: message.into(),
            ..Self::default()
        }
    }

    pub(super) fn of(mut self, id: &'a str) -> Self {
        self.work_session_id = id;
        self
    }

    pub(super) fn status(mut self, status: &'a str) -> Self {
        self.status = status;
        self
    }

    pub(super) fn expires_at(mut self, end: impl Into<String>) -> Self {
        self.expires_at = end.into();
        self
    }

    /// The whole session, and what can be told from it.
    pub(super) fn session(mut self, session: &'a WorkSession) -> Self {
        self.work_session_id = &session.id;
        self.status = &session.status;
        self.expires_at = session
            .expires_at
            .map_or_else(String::new, crate::output::time::utc);
        self.approval_request_id = session.approval_request_id.as_deref();
        self.work_session = Some(session);
        self
    }

    /// The session is attached now.
    pub(super) fn attached(mut self, id: Option<&'a str>) -> Self {
        self.active_worksession = id;
        self
    }

    pub(super) fn report(&self, format: Format) {
        match format {
            Format::Json => json::print(self),
            Format::Table => message::success(&self.message),
        }
    }
}

/// Tells what the approver changed and what is advised.
pub(super) fn advise(session: &WorkSession) {
    for (what, old, new) in adjustments(session) {
        message::warning(&format!("the approver changed the {what}: {old} -> {new}"));
    }
    for advice in session.recommendations.iter().flatten() {
        let severity = match advice.severity.trim() {
            "" => "INFO".to_owned(),
            severity => severity.to_uppercase(),
        };
        message::info(&format!("[{severity}] {}", advice.text));
    }
}

/// Changed dimensions: name, before, after.
pub(super) fn adjustments(session: &WorkSession) -> Vec<(&'static str, String, String)> {
    let joined = |words: Vec<&str>| {
        if words.is_empty() {
            "none".to_owned()
        } else {
            words.join(", ")
        }
    };
    let mut changes = Vec::new();
    let Some(adjustments) = &session.adjustments else {
        return changes;
    };
    if let Some(change) = &adjustments.scopes {
        let words = |list: &'_ [String]| joined(list.iter().map(String::as_str).collect());
        changes.push(("scopes", words(&change.old), words(&change.new)));
    }
    if let Some(change) = &adjustments.servers {
        let words = |list: &'_ [client::servers::ServerSummary]| {
            joined(list.iter().map(|server| server.name.as_str()).collect())
        };
        changes.push(("servers", words(&change.old), words(&change.new)));
    }
    changes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_attached_session_is_always_named() {
        insta::assert_snapshot!(json::pretty(&Mutation::new("unset", "cleared"), b"  "), @r#"
        {
          "ok": true,
          "operation": "unset",
          "message": "cleared",
          "active_worksession": null
        }
        "#);
    }

    #[test]
    fn changes_of_the_approver_are_told() {
        let session: WorkSession = serde_json::from_value(serde_json::json!({
            "adjustments": {"scopes": {"old": ["command", "websh"], "new": []}}
        }))
        .unwrap();
        assert_eq!(
            adjustments(&session),
            [("scopes", "command, websh".to_owned(), "none".to_owned())]
        );
    }
}
