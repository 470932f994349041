//! The refusals of the work-session gate: exit 3 (`cli-core.md` §2.4, README).

use client::config::AuthMethod;
use protocol::code;
use serde_json::json;

use crate::envelope::{Action, Actions, Envelope};
use crate::output::{Format, message};
use crate::shell;

const STATUS: u8 = 3;
/// Width of the longest label, `required scope`.
const LABEL_WIDTH: usize = 14;

/// A refusal of the gate.
#[derive(Debug)]
pub(crate) struct Denial {
    pub(crate) code: String,
    /// The scope that the operation needs.
    pub(crate) scope: &'static str,
    /// Where it should have happened.
    pub(crate) server: Option<String>,
    pub(crate) auth: AuthMethod,
    /// The session that was sent along.
    pub(crate) session: Option<String>,
}

impl Denial {
    /// Whether `code` is one of the gate's.
    pub(crate) fn covers(code: Option<&str>) -> bool {
        code.is_some_and(|code| code::WORK_SESSION_GATE.contains(&code))
    }

    pub(crate) fn report(&self, format: Format) -> u8 {
        match format {
            Format::Json => self.envelope(),
            Format::Table => self.diagnostic(),
        }
        STATUS
    }

    fn envelope(&self) {
        Envelope {
            ok: false,
            exit_code: STATUS,
            error_code: Some(&self.code),
            message: &self.message(),
            reason: Some(self.reason()),
            context: json!({
                "auth_method": self.auth.label(),
                "required_scope": self.scope,
                "target_servers": self.server.iter().collect::<Vec<_>>(),
                "current_worksession": self.session,
            }),
            actions: Some(Actions::new(self.actions())),
        }
        .print();
    }

    fn diagnostic(&self) {
        message::error(&self.message());
        message::plain(&self.body());
    }

    fn body(&self) -> String {
        let mut rows = vec![
            ("auth", self.auth.description()),
            ("reason", self.reason()),
            ("required scope", self.scope),
        ];
        if let Some(server) = &self.server {
            rows.push(("target server", server));
        }
        let rows: String = rows
            .into_iter()
            .map(|(label, value)| format!("  {label:<LABEL_WIDTH$}: {value}\n"))
            .collect();
        let actions: String = self
            .actions()
            .iter()
            .map(|action| format!("  {}\n", action.line()))
            .collect();
        format!("\n{rows}\nNext:\n{}{}", actions.trim_end(), self.note())
    }

    /// A password login is stored as a token too, but passes no gate: the note would
    /// be read as its opposite.
    fn note(&self) -> &'static str {
        match self.auth {
            AuthMethod::PasswordLogin => "",
            _ => {
                "\n\nNote: Tokens issued by Alpacon (service or personal API token) bypass this check."
            }
        }
    }

    fn message(&self) -> String {
        format!(
            "the {} operation requires an active WorkSession on this authentication.",
            self.scope
        )
    }

    fn reason(&self) -> &'static str {
        match self.code.as_str() {
            code::WORK_SESSION_NOT_ACTIVE => {
                "the selected WorkSession is not active yet; check its starts_at"
            }
            code::WORK_SESSION_EXPIRED => "the selected WorkSession has expired",
            code::WORK_SESSION_SCOPE_NOT_ALLOWED => {
                "the selected WorkSession does not include this scope"
            }
            code::WORK_SESSION_SERVER_NOT_ALLOWED => {
                "the selected WorkSession does not include this server"
            }
            code::WORK_SESSION_ASSIGNEE_MISMATCH => {
                "the selected WorkSession is assigned to another principal"
            }
            code::WORK_SESSION_NOT_USABLE => "the selected WorkSession is no longer usable",
            _ => "no WorkSession selected for this shell",
        }
    }

    fn actions(&self) -> Vec<Action> {
        let server = self
            .server
            .as_deref()
            .map_or_else(|| "<SERVER>".to_owned(), shell::quote);
        let create = format!(
            "alpacon work-session create --scope {} --server {server} --expires-in 1h --purpose \
             \"<intent>\"",
            self.scope
        );
        let human = Action::command(format!("{create} --use"));
        let agent = Action::command(format!("{create} --requester-type agent"));
        let list = Action::command("alpacon work-session ls --status active");
        let choose = Action::command("alpacon work-session use <ID>");
        let new_human = human
            .clone()
            .described("create a new session and attach it");
        let new_agent = agent
            .clone()
            .described("AI agents: then pass --work-session <ID>");
        let reuse = list.described("or reuse an existing active session");
        match self.code.as_str() {
            code::WORK_SESSION_NOT_ACTIVE => vec![
                Action::command("alpacon work-session current")
                    .described("wait until it is active (check starts_at), or reuse or create one"),
                reuse,
                choose,
                new_human,
                new_agent,
            ],
            code::WORK_SESSION_EXPIRED => {
                let id = self
                    .session
                    .as_deref()
                    .map_or_else(|| "<ID>".to_owned(), shell::quote);
                let extend = format!("alpacon work-session extend {id} --expires-in 1h");
                vec![Action::command(extend), human, agent]
            }
            code::WORK_SESSION_SCOPE_NOT_ALLOWED | code::WORK_SESSION_SERVER_NOT_ALLOWED => {
                vec![human, agent]
            }
            code::WORK_SESSION_REQUIRED => vec![new_human, reuse, choose],
            _ => vec![new_human, reuse, choose, new_agent],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn denial(code: &str) -> Denial {
        Denial {
            code: code.to_owned(),
            scope: "command",
            server: Some("prod-1".to_owned()),
            auth: AuthMethod::BrowserLogin,
            session: None,
        }
    }

    #[test]
    fn the_diagnostic_is_the_promised_one() {
        insta::assert_snapshot!(denial(code::WORK_SESSION_REQUIRED).body(), @r#"

          auth          : Browser login (interactive)
          reason        : no WorkSession selected for this shell
          required scope: command
          target server : prod-1

        Next:
          alpacon work-session create --scope command --server prod-1 --expires-in 1h --purpose "<intent>" --use # create a new session and attach it
          alpacon work-session ls --status active # or reuse an existing active session
          alpacon work-session use <ID>

        Note: Tokens issued by Alpacon (service or personal API token) bypass this check.
        "#);
    }

    #[test]
    fn a_password_login_is_not_taken_for_a_token() {
        let mut denial = denial(code::WORK_SESSION_REQUIRED);
        denial.auth = AuthMethod::PasswordLogin;
        let body = denial.body();
        assert!(body.contains("auth          : Password login (interactive)\n"));
        assert!(!body.contains("Note:"), "{body}");
        assert!(body.ends_with("work-session use <ID>"), "{body}");
    }

    #[test]
    fn every_code_of_the_gate_has_its_own_reason() {
        let reasons: std::collections::BTreeSet<_> = code::WORK_SESSION_GATE
            .iter()
            .map(|code| denial(code).reason())
            .collect();
        assert_eq!(reasons.len(), code::WORK_SESSION_GATE.len());
    }

    #[test]
    fn an_expired_session_is_extended_by_its_id() {
        let mut denial = denial(code::WORK_SESSION_EXPIRED);
        denial.session = Some("3f0d".to_owned());
        let first = denial.actions().remove(0);
        assert_eq!(
            first.line(),
            "alpacon work-session extend 3f0d --expires-in 1h"
        );
    }

    #[test]
    fn without_a_target_the_placeholder_stays() {
        let mut denial = denial(code::WORK_SESSION_SERVER_NOT_ALLOWED);
        denial.server = None;
        assert!(
            denial
                .actions()
                .iter()
                .all(|a| a.line().contains("--server <SERVER> "))
        );
        assert!(!denial.body().contains("target server"));
    }
}
