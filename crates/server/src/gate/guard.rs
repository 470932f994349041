//! What a grant lets a process tree on the host run (`judgment.md` §6.3): the same
//! rules that the line was judged by, for the exec guard of the agent.

use judge::{Flag, Plan};
use protocol::guard::{Depth, Mode, Policy};
use protocol::work_session::REQUESTER_AGENT;
use store::work_sessions::Rules;

use super::Grant;
use crate::http::ApiResult;
use crate::work_sessions::read;

/// Processes of one tree at once: far above what honest builds start, and a bound on
/// fork bombs.
const MAX_PROCESSES: u32 = 16_384;

/// The policy of the tree that `plan` starts under `grant`.
///
/// # Errors
/// When the rules of the session cannot be read.
pub(super) fn guard_policy(grant: &Grant, plan: &Plan) -> ApiResult<Policy> {
    let session = grant.session.as_deref();
    let rules: Rules = match session {
        Some(session) => read(&session.rules)?,
        None => Rules::default(),
    };
    let of_session = Some(rules.commands).filter(|commands| !commands.is_empty());
    let mut lists = [of_session, grant.token_commands.clone()]
        .into_iter()
        .flatten()
        // The rule `*` is leave for everything.
        .filter(|commands| !commands.iter().any(|rule| rule.trim() == "*"));
    let commands = lists.next();
    let is_person = session.is_some_and(|session| session.requester_type != REQUESTER_AGENT)
        && grant.token_commands.is_none();
    Ok(Policy {
        mode: match commands {
            Some(_) if rules.hold => Mode::Hold,
            Some(_) => Mode::Enforce,
            None => Mode::Observe,
        },
        depth: if is_person { Depth::Shells } else { Depth::All },
        no_new_privileges: match session {
            // Without the scope, nothing below the session may become somebody else.
            Some(session) => !session.holds_scope("sudo"),
            // A token's rules name what may run through sudo, so a line without it
            // needs none.
            None => commands.is_some() && !plan.flags.contains(&Flag::Privileged),
        },
        commands,
        further_commands: lists.collect(),
        files: Some(rules.paths).filter(|paths| !paths.is_empty()),
        ports: Some(rules.ports)
            .filter(|ports| !ports.is_empty())
            .map(|ports| ports.iter().filter_map(|port| port.parse().ok()).collect()),
        max_processes: Some(MAX_PROCESSES),
        ..Policy::default()
    })
}
