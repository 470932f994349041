//! The messages of the local socket.

use protocol::sudo::{self, SudoCall, SudoDecision, SudoRequest};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::lenient::without_nulls;

/// A request.
#[derive(Debug, PartialEq)]
pub(super) enum Request {
    CheckUser(UserQuestion),
    SudoApproval(Sudo),
    SessionEvent(Box<Login>),
}

/// Does this process belong to a session of ours?
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct UserQuestion {
    pub(super) username: String,
    pub(super) groupname: String,
    pub(super) pid: i64,
    pub(super) ppid: i64,
}

/// The question again, and the answer.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct UserAnswer {
    #[serde(rename = "type")]
    kind: &'static str,
    username: String,
    groupname: String,
    pid: i64,
    ppid: i64,
    is_alpacon_user: bool,
}

impl UserQuestion {
    pub(super) fn answer(self, is_alpacon_user: bool) -> UserAnswer {
        UserAnswer {
            kind: "is_alpacon_response",
            username: self.username,
            groupname: self.groupname,
            pid: self.pid,
            ppid: self.ppid,
            is_alpacon_user,
        }
    }
}

/// May it run this as another user? What cannot be read reads as empty.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Sudo(SudoRequest);

impl Sudo {
    /// The request, if it says what is needed. What the plugin says about sessions
    /// is not its to say.
    pub(super) fn usable(&self) -> Option<SudoRequest> {
        let call = self.call(true);
        let complete = !call.request_id.is_empty() && !call.command.is_empty();
        complete.then(|| SudoRequest {
            kind: sudo::APPROVAL.to_owned(),
            call,
            ..self.0.clone()
        })
    }

    fn call(&self, is_alpacon_user: bool) -> SudoCall {
        SudoCall {
            is_alpacon_user,
            session_id: None,
            command_id: None,
            ..self.0.call.clone()
        }
    }
}

/// Denied without asking anybody.
pub(super) fn refusal(question: &Sudo, reason: &str) -> SudoDecision {
    SudoDecision::about(question.call(false), false, reason)
}

/// Approved without asking anybody: the rules of the host decide.
pub(super) fn local_approval(question: &Sudo) -> SudoDecision {
    SudoDecision::about(question.call(false), true, "Approved")
}

/// A login session opened on a hooked service.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct Login {
    pub(super) username: String,
    pub(super) service: String,
    pub(super) rhost: String,
    pub(super) tty: String,
    pub(super) pid: i64,
    pub(super) ppid: i64,
}

impl Login {
    pub(super) fn is_complete(&self) -> bool {
        !self.username.is_empty() && !self.service.is_empty() && self.pid > 0
    }
}

/// The answer to a login.
pub(super) fn received(received: bool) -> Value {
    serde_json::json!({"type": "session_event_response", "received": received})
}

/// Reads a request. `None`: the type is missing or unknown. A known type whose body
/// cannot be read is answered with a refusal, not with silence.
pub(super) fn parse(value: Value) -> Option<Request> {
    let kind = value.get("type")?.as_str()?.to_owned();
    let value = without_nulls(value);
    Some(match kind.as_str() {
        "check_user" => Request::CheckUser(serde_json::from_value(value).unwrap_or_default()),
        sudo::APPROVAL => {
            Request::SudoApproval(Sudo(serde_json::from_value(value).unwrap_or_default()))
        }
        "session_event" => {
            Request::SessionEvent(Box::new(serde_json::from_value(value).unwrap_or_default()))
        }
        _ => return None,
    })
}
