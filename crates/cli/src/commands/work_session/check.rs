//! Checks of flags that several verbs share. All come before the network.

use chrono::{DateTime, Utc};
use client::work_sessions::SudoPolicy;
use protocol::duration;
use protocol::work_session::SCOPES;

use crate::error::CliError;
use crate::output::time;
use crate::prompt;

pub(super) const SUDO: &str = "sudo";

/// Trimmed scopes; an unknown one is an error that names it.
pub(super) fn scopes(given: &[String]) -> Result<Vec<String>, CliError> {
    let scopes = words(given);
    let mut unknown: Vec<&str> = scopes
        .iter()
        .map(String::as_str)
        .filter(|scope| !SCOPES.contains(scope))
        .collect();
    unknown.sort_unstable();
    if unknown.is_empty() {
        return Ok(scopes);
    }
    Err(CliError::usage(format!(
        "Invalid --scope: {}. valid: {}",
        unknown.join(", "),
        SCOPES.join(", ")
    )))
}

/// Trimmed words, empty ones dropped.
pub(super) fn words(given: &[String]) -> Vec<String> {
    given
        .iter()
        .map(|word| word.trim())
        .filter(|word| !word.is_empty())
        .map(ToOwned::to_owned)
        .collect()
}

/// The end of a window: `--expires-in` from now, or `--expires-at` as given.
pub(super) fn expiry(
    expires_in: Option<&str>,
    expires_at: Option<&str>,
    now: DateTime<Utc>,
) -> Result<Option<String>, CliError> {
    match (expires_in, expires_at) {
        (Some(text), _) => {
            let length = positive_duration("--expires-in", text)?;
            let end = chrono::Duration::from_std(length)
                .ok()
                .and_then(|length| now.checked_add_signed(length))
                .ok_or_else(|| CliError::usage("--expires-in is too long"))?;
            Ok(Some(time::utc(end)))
        }
        (None, Some(text)) => rfc3339("--expires-at", text).map(Some),
        (None, None) => Ok(None),
    }
}

/// A duration above zero.
pub(super) fn positive_duration(flag: &str, text: &str) -> Result<std::time::Duration, CliError> {
    let length = duration::parse(text)
        .map_err(|error| CliError::usage(format!("Invalid {flag}: {error}")))?;
    if length.is_zero() {
        return Err(CliError::usage(format!(
            "Invalid {flag}: it must be above zero"
        )));
    }
    Ok(length)
}

/// A time with an offset, passed on as it is.
pub(super) fn rfc3339(flag: &str, text: &str) -> Result<String, CliError> {
    let text = text.trim();
    DateTime::parse_from_rfc3339(text).map_err(|_| {
        CliError::usage(format!(
            "Invalid {flag}: {text:?} is no RFC 3339 time such as 2026-01-31T18:00:00Z"
        ))
    })?;
    Ok(text.to_owned())
}

/// One policy per `--sudo` value, its patterns separated by commas.
pub(super) fn sudo_policies(values: &[String], reason: Option<&str>) -> Vec<SudoPolicy> {
    values
        .iter()
        .map(|value| prompt::split_list(value))
        .filter(|commands| !commands.is_empty())
        .map(|commands| SudoPolicy {
            id: None,
            commands,
            reason: reason.unwrap_or_default().trim().to_owned(),
            allow_bypass_mfa: true,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_scopes_are_named_in_order() {
        let given = ["websh", " shell ", "admin"].map(ToOwned::to_owned);
        assert_eq!(
            scopes(&given).unwrap_err().message,
            "Invalid --scope: admin, shell. valid: command, editor, sudo, tunnel, webftp, websh"
        );
        assert_eq!(
            scopes(&[" command ".to_owned(), String::new()]).unwrap(),
            ["command"]
        );
    }

    #[test]
    fn windows_end_in_whole_seconds_of_utc() {
        let now = "2026-01-01T00:00:00.75Z".parse().unwrap();
        assert_eq!(
            expiry(Some("1h30m"), None, now).unwrap().as_deref(),
            Some("2026-01-01T01:30:00Z")
        );
        assert_eq!(
            expiry(None, Some("2026-01-01T00:00:00+09:00"), now)
                .unwrap()
                .as_deref(),
            Some("2026-01-01T00:00:00+09:00")
        );
        assert_eq!(expiry(None, None, now).unwrap(), None);
        for text in ["", "0s", "-1h", "1d"] {
            assert!(expiry(Some(text), None, now).is_err(), "{text:?}");
        }
        assert!(expiry(None, Some("tomorrow"), now).is_err());
    }

    #[test]
    fn each_sudo_value_is_a_policy() {
        let values = ["systemctl restart *, journalctl".to_owned(), " ".to_owned()];
        let policies = sudo_policies(&values, Some("disk full"));
        assert_eq!(policies.len(), 1);
        assert_eq!(policies[0].commands, ["systemctl restart *", "journalctl"]);
        assert_eq!(policies[0].reason, "disk full");
        assert!(policies[0].allow_bypass_mfa);
    }
}
