//! The error object that programs read on stderr (`cli-core.md` §2.3).

use serde::Serialize;
use serde_json::Value;

use crate::output::{self, json};

/// Members in the order they are written.
#[derive(Debug, Serialize)]
pub(crate) struct Envelope<'a> {
    pub(crate) ok: bool,
    pub(crate) exit_code: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error_code: Option<&'a str>,
    pub(crate) message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<&'a str>,
    pub(crate) context: Value,
    #[serde(flatten)]
    pub(crate) actions: Option<Actions>,
}

/// What to do next, as lines for a shell and as objects.
#[derive(Debug, Serialize)]
pub(crate) struct Actions {
    pub(crate) next_actions: Vec<String>,
    pub(crate) next_action_details: Vec<Action>,
}

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Action {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) command: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) description: Option<String>,
}

impl Envelope<'_> {
    pub(crate) fn print(&self) {
        output::stderr(&json::pretty(self, json::COMPACT_INDENT));
    }
}

impl Actions {
    pub(crate) fn new(actions: Vec<Action>) -> Self {
        Self {
            next_actions: actions.iter().map(Action::line).collect(),
            next_action_details: actions,
        }
    }
}

impl Action {
    pub(crate) fn command(command: impl Into<String>) -> Self {
        Self {
            command: Some(command.into()),
            description: None,
        }
    }

    pub(crate) fn advice(description: impl Into<String>) -> Self {
        Self {
            command: None,
            description: Some(description.into()),
        }
    }

    pub(crate) fn described(self, description: impl Into<String>) -> Self {
        Self {
            description: Some(description.into()),
            ..self
        }
    }

    /// A line that a shell can run: what is not a command is a comment.
    pub(crate) fn line(&self) -> String {
        match (&self.command, &self.description) {
            (Some(command), Some(description)) => format!("{command} # {description}"),
            (Some(command), None) => command.clone(),
            (None, description) => format!("# {}", description.as_deref().unwrap_or_default()),
        }
    }
}
