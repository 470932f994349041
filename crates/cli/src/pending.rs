//! A person has to decide first: exit 4 (`cli-core.md` §2.5).

use serde::Serialize;
use serde_json::{Value, json};

use crate::envelope::{Action, Actions};
use crate::output::{Format, json as writer, message};

const STATUS: u8 = 4;

/// What waits for a decision.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) message: String,
    pub(crate) request_id: Option<String>,
    pub(crate) work_session_id: Option<String>,
    /// What to do once it is decided, first.
    pub(crate) actions: Vec<Action>,
}

#[derive(Serialize)]
struct Signal<'a> {
    ok: bool,
    status: &'static str,
    exit_code: u8,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    work_session_id: Option<&'a str>,
    context: Value,
    #[serde(flatten)]
    actions: Actions,
}

impl Pending {
    pub(crate) fn new(message: impl Into<String>, retry: Option<Action>) -> Self {
        let console = Action::advice(
            "approve or reject it in the Alpacon console (web or Slack); to block until then, \
             pass --wait or --wait-approval DURATION where the command has it",
        );
        Self {
            message: message.into(),
            request_id: None,
            work_session_id: None,
            actions: retry.into_iter().chain([console]).collect(),
        }
    }

    /// Programs read the signal on stdout, people on stderr.
    pub(crate) fn report(&self, format: Format) -> u8 {
        match format {
            Format::Json => writer::print(&self.signal()),
            Format::Table => {
                let actions: String = self
                    .actions
                    .iter()
                    .map(|action| format!("\n  {}", action.line()))
                    .collect();
                message::warning(&format!("{}{actions}", self.message));
            }
        }
        STATUS
    }

    fn signal(&self) -> Signal<'_> {
        let request_id = self.request_id.as_deref();
        Signal {
            ok: false,
            status: "pending_approval",
            exit_code: STATUS,
            message: &self.message,
            request_id,
            work_session_id: self.work_session_id.as_deref(),
            context: request_id.map_or_else(|| json!({}), |id| json!({ "request_id": id })),
            actions: Actions::new(self.actions.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signal_can_be_told_by_its_status() {
        let mut pending = Pending::new("held", Some(Action::command("alpacon exec logs c1")));
        pending.request_id = Some("apr-1".to_owned());
        insta::assert_snapshot!(writer::pretty(&pending.signal(), b"  "), @r##"
        {
          "ok": false,
          "status": "pending_approval",
          "exit_code": 4,
          "message": "held",
          "request_id": "apr-1",
          "context": {
            "request_id": "apr-1"
          },
          "next_actions": [
            "alpacon exec logs c1",
            "# approve or reject it in the Alpacon console (web or Slack); to block until then, pass --wait or --wait-approval DURATION where the command has it"
          ],
          "next_action_details": [
            {
              "command": "alpacon exec logs c1"
            },
            {
              "description": "approve or reject it in the Alpacon console (web or Slack); to block until then, pass --wait or --wait-approval DURATION where the command has it"
            }
          ]
        }
        "##);
    }
}
