//! The gate for sudo inside a session: asked by the host at the moment a program
//! calls it, whatever line, script or child that program came from.

use judge::{Authority, Decision, DenyCode, Plan, Sudo, Verdict};
use protocol::id::{CommandId, LoginId, TokenId, UserId, WebshSessionId, WorkSessionId};
use protocol::sudo::{self, SudoRequest};
use store::entity::work_session;
use store::now;
use uuid::Uuid;

use super::sudo_presence::{self as presence, Call};
use super::{command as rules, token};
use crate::http::{AgentCtx, ApiResult};

/// A decision, and for whom.
#[derive(Debug)]
pub(crate) struct SudoVerdict {
    pub(crate) command: Option<CommandId>,
    pub(crate) work_session: Option<WorkSessionId>,
    /// Who answers for it.
    pub(crate) user: Option<UserId>,
    /// What decided.
    pub(crate) basis: &'static str,
    /// The machine code of a denial; [`sudo::APPROVAL_REQUIRED`] where a reviewer could
    /// allow it.
    pub(crate) denied: Option<&'static str>,
    pub(crate) reason: String,
}

/// What decided, in the words of the timeline.
pub(super) mod basis {
    /// A sudo policy of the session.
    pub(in crate::gate) const POLICY: &str = "policy";
    /// A second factor of the person who asked.
    pub(in crate::gate) const PRESENCE: &str = "presence";
    /// The command rules of the token.
    pub(super) const ACL: &str = "acl";
    /// The workspace asks for no session; the rules of the host decide.
    pub(super) const ACCOUNT: &str = "account";
    /// Nothing allows it.
    pub(super) const NONE: &str = "none";
}

/// An approval's basis, or a denial's code and reason.
pub(super) type Outcome = Result<&'static str, (&'static str, String)>;

pub(super) fn deny(code: &'static str, reason: impl Into<String>) -> Outcome {
    Err((code, reason.into()))
}

/// Decides whether what runs as `request` says may go on.
///
/// # Errors
/// When the database cannot be read; the host asks again.
pub(crate) async fn decide_sudo(ctx: &AgentCtx, request: &SudoRequest) -> ApiResult<SudoVerdict> {
    let origin = match (&request.call.command_id, &request.call.session_id) {
        (None, Some(session)) => open_terminal(ctx, request, session).await?,
        _ => running_command(ctx, request).await?,
    };
    let outcome = match &origin {
        Some(origin) => decide(ctx, origin, request).await?,
        None => deny(
            sudo::SESSION_MISSING,
            "The request belongs to no running command and no terminal of this server.",
        ),
    };
    let origin = origin.unwrap_or_default();
    let (basis, denied, reason) = match outcome {
        Ok(basis) => (basis, None, "Approved".to_owned()),
        Err((code, reason)) => (basis::NONE, Some(code), reason),
    };
    Ok(SudoVerdict {
        command: origin.command,
        work_session: origin.work_session.map(WorkSessionId),
        user: origin.requested_by.map(UserId),
        basis,
        denied,
        reason,
    })
}

/// In what sudo was called: a command, or a terminal.
#[derive(Debug, Default)]
struct Origin {
    command: Option<CommandId>,
    requested_by: Option<Uuid>,
    token: Option<Uuid>,
    login: Option<Uuid>,
    work_session: Option<Uuid>,
    username: String,
    groupname: String,
}

/// The command in which sudo was called: on this very server, not yet over, and
/// run by the account that calls.
async fn running_command(ctx: &AgentCtx, request: &SudoRequest) -> ApiResult<Option<Origin>> {
    let id = request.call.command_id.as_deref().unwrap_or_default();
    let Ok(id) = id.parse::<CommandId>() else {
        return Ok(None);
    };
    let found = ctx.tenant().commands().find(id).await?;
    let running = found.filter(|row| {
        let runs = protocol::command::Status::parse(&row.status)
            .is_some_and(protocol::command::Status::is_running);
        runs && row.server_id == ctx.server.id
            && row.username == request.call.username
            // What is about to be stopped gets no further.
            && crate::commands::barred(ctx, row).is_none()
    });
    Ok(running.map(|row| Origin {
        command: Some(CommandId(row.id)),
        requested_by: row.requested_by,
        token: row.token_id,
        login: row.login_id,
        work_session: row.work_session_id,
        username: row.username,
        groupname: row.groupname,
    }))
}

/// The terminal in which sudo was called: on this very server, open, and of the account
/// that calls.
async fn open_terminal(
    ctx: &AgentCtx,
    request: &SudoRequest,
    session: &str,
) -> ApiResult<Option<Origin>> {
    let Ok(id) = session.parse::<WebshSessionId>() else {
        return Ok(None);
    };
    let found = ctx.tenant().websh().find(id).await?;
    let open = found.filter(|row| {
        row.closed_at.is_none()
            && row.server_id == ctx.server.id
            && row.username == request.call.username
            // One that is about to end gets no further.
            && ctx.app.websh.is_open(ctx, id)
    });
    let Some(row) = open else {
        return Ok(None);
    };
    let order = ctx
        .tenant()
        .commands()
        .find(CommandId(row.order_id))
        .await?;
    Ok(Some(Origin {
        command: None,
        requested_by: row.requested_by,
        token: row.token_id,
        login: order.and_then(|order| order.login_id),
        work_session: row.work_session_id,
        username: row.username,
        groupname: row.groupname,
    }))
}

async fn decide(ctx: &AgentCtx, origin: &Origin, request: &SudoRequest) -> ApiResult<Outcome> {
    let Some(user) = origin.requested_by else {
        return Ok(deny(
            sudo::NOT_AUTHORIZED,
            "The command was asked for by nobody who could answer for it.",
        ));
    };
    let words = words(request);
    if let Some(token) = origin.token.map(TokenId) {
        let own = ctx.tenant().identity().user(UserId(user)).await?;
        let own = own.map(|user| user.username).unwrap_or_default();
        let all = ctx.tenant().acl().commands(token).await?;
        let allowed = token::commands_for(all, &own, &origin.username, &origin.groupname);
        let authority = Authority {
            commands: rules::allow_list(&allowed)?,
            ..Authority::default()
        };
        let verdict = judge::judge(&Plan::read(&line(&words)), &authority, NO_NAMES);
        if let Err(refusal) = outcome(verdict, basis::ACL) {
            return Ok(Err(refusal));
        }
    }
    let Some(session) = origin.work_session else {
        let basis = match origin.token {
            Some(_) => basis::ACL,
            None => basis::ACCOUNT,
        };
        return Ok(Ok(basis));
    };
    let found = ctx.tenant().work_sessions();
    match found.find(WorkSessionId(session)).await? {
        Some(session) => {
            let within = in_session(&session, &words)?;
            let call = Call {
                session: &session,
                requested_by: UserId(user),
                login: origin.login.map(LoginId),
                can_ask: origin.command.is_some(),
                words: &words,
            };
            presence::complete(ctx, &call, within).await
        }
        None => Ok(deny(
            sudo::SESSION_MISSING,
            "The command's work session does not exist.",
        )),
    }
}

fn in_session(session: &work_session::Model, words: &[String]) -> ApiResult<Outcome> {
    if !session.is_active(now()) {
        return Ok(deny(
            sudo::SESSION_MISSING,
            "The command's work session is not active.",
        ));
    }
    let authority = rules::session_authority(session)?;
    // The policy answers for the call of sudo, the command rules for what it runs;
    // no reviewer of a single call lifts those.
    let of_command = Authority {
        sudo: Sudo::Unrestricted,
        ..authority.clone()
    };
    let verdict = judge::judge(&Plan::read(&quoted(words)), &of_command, NO_NAMES);
    let within_rules = outcome(verdict, basis::POLICY);
    match &authority.sudo {
        Sudo::Forbidden => {
            return Ok(deny(
                sudo::SCOPE_NOT_ALLOWED,
                "The work session does not hold the scope sudo.",
            ));
        }
        _ if within_rules.is_err() => return Ok(within_rules),
        Sudo::Unrestricted => {
            return Ok(deny(
                sudo::APPROVAL_REQUIRED,
                "The work session has no sudo policy for this command.",
            ));
        }
        Sudo::Policies(_) => {}
    }
    let of_sudo = Authority {
        sudo: authority.sudo.clone(),
        ..Authority::default()
    };
    let verdict = judge::judge(&Plan::read(&line(words)), &of_sudo, NO_NAMES);
    Ok(
        outcome(verdict, basis::POLICY).map_err(|(code, reason)| match code {
            sudo::NO_POLICY => (sudo::APPROVAL_REQUIRED, reason),
            code => (code, reason),
        }),
    )
}

pub(super) const NO_NAMES: &[&str] = &[];

fn outcome(verdict: Verdict, basis: &'static str) -> Outcome {
    match verdict.decision {
        Decision::Allow => Ok(basis),
        Decision::Deny {
            code: DenyCode::RiskDenied,
            reason,
        } => deny(sudo::RISK_DENIED, reason),
        Decision::Deny { reason, .. } | Decision::Hold { reason } => deny(sudo::NO_POLICY, reason),
    }
}

/// The words of the command. A host that sends only a line joined them with
/// spaces and quoted nothing, so that every space separates words and nothing else
/// in the line means anything.
fn words(request: &SudoRequest) -> Vec<String> {
    if request.argv.is_empty() {
        let words = request.call.command.split_whitespace();
        words.map(str::to_owned).collect()
    } else {
        request.argv.clone()
    }
}

/// The call of sudo as a line that is read as exactly these words.
pub(super) fn line(words: &[String]) -> String {
    format!("sudo -- {}", quoted(words))
}

fn quoted(words: &[String]) -> String {
    let quoted: Vec<String> = words
        .iter()
        .map(|word| format!("'{}'", word.replace('\'', r"'\''")))
        .collect();
    quoted.join(" ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn session(scopes: &[&str], policies: &[&str], commands: &[&str]) -> work_session::Model {
        let policies: Vec<_> = policies
            .iter()
            .map(|command| json!({"commands": [command], "allow_bypass_mfa": true}))
            .collect();
        work_session::Model {
            id: uuid::Uuid::nil(),
            workspace_id: uuid::Uuid::nil(),
            title: String::new(),
            description: String::new(),
            status: "active".to_owned(),
            status_detail: None,
            requester_type: "user".to_owned(),
            scopes: json!(scopes),
            servers: json!([]),
            sudo_policies: json!(policies),
            rules: json!({"commands": commands, "paths": [], "ports": []}),
            created_by: None,
            assigned_user: None,
            approval_request_id: None,
            adjustments: None,
            starts_at: None,
            expires_at: now() + chrono::TimeDelta::hours(1),
            started_at: None,
            completed_at: None,
            added_at: now(),
            updated_at: now(),
        }
    }

    fn decided(session: &work_session::Model, words: &[&str]) -> Outcome {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        in_session(session, &words).unwrap()
    }

    fn code(outcome: Outcome) -> &'static str {
        outcome.unwrap_err().0
    }

    #[test]
    fn a_policy_allows_its_command_and_no_other() {
        let session = session(&["command", "sudo"], &["systemctl restart *"], &[]);
        let restart = ["/usr/bin/systemctl", "restart", "nginx"];
        assert_eq!(decided(&session, &restart), Ok("policy"));
        for other in [
            &["/usr/bin/systemctl", "stop", "nginx"][..],
            &["/tmp/systemctl", "restart", "nginx"],
            &["/bin/sh", "-c", "systemctl restart nginx"],
            &["/usr/bin/env", "systemctl", "restart", "nginx"],
            &["/bin/bash"],
        ] {
            assert_eq!(
                code(decided(&session, other)),
                sudo::APPROVAL_REQUIRED,
                "{other:?}"
            );
        }
    }

    #[test]
    fn arguments_are_words_and_not_syntax() {
        let session = session(&["sudo"], &["apt install nginx"], &[]);
        for trick in [
            &["/usr/bin/apt", "install", "nginx", "#", "evil"][..],
            &["/usr/bin/apt", "install", "nginx;", "evil"],
            &["/usr/bin/apt", "install nginx"],
            &["/usr/bin/apt install nginx"],
        ] {
            assert_eq!(
                code(decided(&session, trick)),
                sudo::APPROVAL_REQUIRED,
                "{trick:?}"
            );
        }
        let from_line = |command: &str| {
            let mut request = SudoRequest::default();
            request.call.command = command.to_owned();
            words(&request)
        };
        let trick = from_line("/usr/bin/apt install nginx # evil");
        assert_eq!(
            code(in_session(&session, &trick).unwrap()),
            sudo::APPROVAL_REQUIRED
        );
        let honest = from_line("/usr/bin/apt install nginx");
        assert_eq!(in_session(&session, &honest).unwrap(), Ok("policy"));
    }

    #[test]
    fn without_scope_or_policy_nothing_goes() {
        let bare = session(&["command"], &[], &[]);
        assert_eq!(
            code(decided(&bare, &["/usr/bin/id"])),
            sudo::SCOPE_NOT_ALLOWED
        );
        let scope = session(&["command", "sudo"], &[], &[]);
        assert_eq!(
            code(decided(&scope, &["/usr/bin/id"])),
            sudo::APPROVAL_REQUIRED
        );
        let mut over = session(&["sudo"], &["id"], &[]);
        assert_eq!(decided(&over, &["/usr/bin/id"]), Ok("policy"));
        over.expires_at = now();
        assert_eq!(
            code(decided(&over, &["/usr/bin/id"])),
            sudo::SESSION_MISSING
        );
        over = session(&["sudo"], &["id"], &[]);
        over.status = "completed".to_owned();
        assert_eq!(
            code(decided(&over, &["/usr/bin/id"])),
            sudo::SESSION_MISSING
        );
    }

    #[test]
    fn command_rules_bound_what_sudo_runs_too() {
        let session = session(&["command", "sudo"], &["*"], &["git *", "sudo *"]);
        assert_eq!(decided(&session, &["/usr/bin/git", "pull"]), Ok("policy"));
        assert_eq!(code(decided(&session, &["/usr/bin/id"])), sudo::NO_POLICY);
    }
}
