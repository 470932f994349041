//! What a terminal asks of the rules of a token and a work session. In a terminal anything
//! can be run, and nothing on the host holds it to rules yet. So only who may run anything
//! opens one.

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
    if rules.commands.is_empty() || allows_everything(&rules.commands) {
        return Ok(());
    }
    Err(refuse(
        code::WORK_SESSION_SCOPE_NOT_ALLOWED,
        "work_session",
        "The selected work session allows certain commands only, and nothing holds a terminal \
         to them; use alpacon exec.",
    ))
}

fn allows_everything(rules: &[String]) -> bool {
    rules.iter().any(|rule| rule == EVERYTHING)
}

fn refuse(code: &'static str, source: &'static str, detail: &str) -> ApiError {
    ApiError::new(StatusCode::FORBIDDEN, detail).code(code, source)
}
