//! What is said on the agent's socket: one request, one answer, JSON.

use serde::{Deserialize, Serialize};

/// A request.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Request<'a> {
    /// Does this process belong to a session of ours?
    CheckUser(Process<'a>),
    /// May it run this as root?
    SudoApproval {
        /// Unique, chosen by us.
        request_id: &'a str,
        #[serde(flatten)]
        process: Process<'a>,
        /// The command as a line.
        command: &'a str,
        /// Ours: the command as words, which leave nothing to interpret.
        argv: &'a [String],
        /// Ours: the account it would run as.
        run_as: &'a str,
    },
    /// A login session opened.
    SessionEvent {
        username: &'a str,
        service: &'a str,
        #[serde(skip_serializing_if = "str::is_empty")]
        rhost: &'a str,
        #[serde(skip_serializing_if = "str::is_empty")]
        tty: &'a str,
        pid: i32,
        ppid: i32,
    },
}

/// Who asks.
#[derive(Debug, Serialize)]
pub(crate) struct Process<'a> {
    pub(crate) username: &'a str,
    pub(crate) groupname: &'a str,
    pub(crate) pid: i32,
    pub(crate) ppid: i32,
}

/// The answer to [`Request::CheckUser`]. What is missing means no.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct UserAnswer {
    pub(crate) is_alpacon_user: bool,
}

/// The answer to [`Request::SudoApproval`]. What is missing means no.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct SudoAnswer {
    request_id: String,
    approved: bool,
    pub(crate) reason: String,
    error_code: String,
}

impl SudoAnswer {
    /// Approved, and an answer to this very request.
    pub(crate) fn approves(&self, request_id: &str) -> bool {
        self.approved && self.request_id == request_id
    }

    /// The machine code of a denial, if it is one: `[A-Z0-9_]{1,63}`.
    pub(crate) fn code(&self) -> Option<&str> {
        let code = self.error_code.as_str();
        let fits = (1..=63).contains(&code.len())
            && code
                .bytes()
                .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
        fits.then_some(code)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn answer(value: serde_json::Value) -> SudoAnswer {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn only_an_explicit_approval_of_this_request_counts() {
        assert!(answer(json!({"request_id": "r", "approved": true})).approves("r"));
        assert!(!answer(json!({"request_id": "s", "approved": true})).approves("r"));
        assert!(!answer(json!({"approved": true})).approves("r"));
        assert!(!answer(json!({"request_id": "r"})).approves("r"));
        assert!(!answer(json!({})).approves("r"));
    }

    #[test]
    fn codes_that_could_write_on_the_terminal_are_dropped() {
        let code = |text: &str| {
            answer(json!({"error_code": text}))
                .code()
                .map(str::to_owned)
        };
        assert_eq!(
            code("SUDO_RISK_DENIED").as_deref(),
            Some("SUDO_RISK_DENIED")
        );
        for bad in ["", "sudo", "A B", "A\u{1b}[2J", &"A".repeat(64)] {
            assert_eq!(code(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn requests_have_the_documented_members() {
        let process = || Process {
            username: "kim",
            groupname: "kim",
            pid: 7,
            ppid: 6,
        };
        let argv = ["/usr/bin/id".to_owned()];
        let request = Request::SudoApproval {
            request_id: "r",
            process: process(),
            command: "/usr/bin/id",
            argv: &argv,
            run_as: "root",
        };
        assert_eq!(
            serde_json::to_value(request).unwrap(),
            json!({"type": "sudo_approval", "request_id": "r", "username": "kim",
                "groupname": "kim", "pid": 7, "ppid": 6, "command": "/usr/bin/id",
                "argv": ["/usr/bin/id"], "run_as": "root"})
        );
        assert_eq!(
            serde_json::to_value(Request::CheckUser(process())).unwrap(),
            json!({"type": "check_user", "username": "kim", "groupname": "kim",
                "pid": 7, "ppid": 6})
        );
    }
}
