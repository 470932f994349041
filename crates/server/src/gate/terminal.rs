//! What a terminal asks of the rules of a token and a work session. In a terminal anything
//! can be run, and the exec guard does not hold it to rules. So only who may run anything,
//! reach every path and every port opens one.

use http::StatusCode;
use protocol::code;
use store::work_sessions::Rules;

use super::Grant;
use crate::http::{ApiError, ApiResult};

/// The rule that allows everything.
const EVERYTHING: &str = "*";

/// Refuses a terminal to who is bound by command rules.
pub(crate) fn check_terminal(grant: &Grant) -> ApiResult<()> {
    if let Some(rules) = &grant.token_commands
        && !allows_everything(rules)
    {
        return Err(refuse(
            code::API_TOKEN_ACL_NOT_ALLOWED,
            "token",
            "The token's command rules do not allow everything, so it may open no terminal; \
             use alpacon exec, or see: alpacon token acl command add",
        ));
    }
    let Some(session) = &grant.session else {
        return Ok(());
    };
    let rules: Rules = serde_json::from_value(session.rules.clone())
        .map_err(|_| ApiError::internal("unreadable rules of a work session"))?;
    let is_bound = !rules.commands.is_empty() && !allows_everything(&rules.commands);
    if is_bound || !rules.paths.is_empty() || !rules.ports.is_empty() {
        return Err(refuse(
            code::WORK_SESSION_SCOPE_NOT_ALLOWED,
            "work_session",
            "The selected work session allows certain commands, paths or ports only, and \
             nothing holds a terminal to them; use alpacon exec.",
        ));
    }
    Ok(())
}

/// Whether a program in the terminal may become somebody else, as sudo does: below a work
/// session only with the scope for it.
pub(crate) fn may_gain_privileges(grant: &Grant) -> bool {
    let session = grant.session.as_deref();
    session.is_none_or(|session| session.holds_scope("sudo"))
}

fn allows_everything(rules: &[String]) -> bool {
    rules.iter().any(|rule| rule == EVERYTHING)
}

fn refuse(code: &'static str, source: &'static str, detail: &str) -> ApiError {
    ApiError::new(StatusCode::FORBIDDEN, detail).code(code, source)
}
