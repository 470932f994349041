//! The port rules of a work session.

use http::StatusCode;
use protocol::code;
use serde_json::Value;
use store::work_sessions::Rules;

use super::Grant;
use crate::http::{ApiError, ApiResult};

/// Refuses a target port that the session's rules do not name. No rules: the scope
/// alone decides.
pub(crate) fn check_port(grant: &Grant, port: u16) -> ApiResult<()> {
    match &grant.session {
        Some(session) => check(&session.rules, port),
        None => Ok(()),
    }
}

fn check(rules: &Value, port: u16) -> ApiResult<()> {
    let rules: Rules = serde_json::from_value(rules.clone())
        .map_err(|_| ApiError::internal("unreadable rules of a work session"))?;
    let is_named = |rule: &String| rule.parse() == Ok(port);
    if rules.ports.is_empty() || rules.ports.iter().any(is_named) {
        return Ok(());
    }
    Err(ApiError::new(
        StatusCode::FORBIDDEN,
        format!(
            "The selected work session allows no tunnel to port {port}; it allows {}.",
            rules.ports.join(", ")
        ),
    )
    .code(code::TUNNEL_PORT_NOT_ALLOWED, "tunnel"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn rules_name_ports_exactly() {
        assert!(check(&json!({}), 22).is_ok());
        let rules = json!({"ports": ["5432", "80"]});
        assert!(check(&rules, 5432).is_ok());
        assert!(check(&rules, 80).is_ok());
        for port in [543, 54321, 8, 800, 22] {
            let refusal = check(&rules, port).unwrap_err();
            assert_eq!(refusal.code, Some("tunnel_port_not_allowed"));
        }
    }

    #[test]
    fn rules_that_cannot_be_read_allow_nothing() {
        assert!(check(&json!({"ports": "5432"}), 5432).is_err());
    }
}
