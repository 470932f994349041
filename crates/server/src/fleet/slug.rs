//! The names of servers (`rest-identity.md` §18.1).

use http::StatusCode;
use protocol::code;

use crate::http::{ApiError, ApiResult};

/// Longest name.
pub(super) const MAX_LENGTH: usize = 64;

/// Refuses what is not a slug of 1 to 64 characters.
pub(super) fn check(name: &str) -> ApiResult<()> {
    let fits = (1..=MAX_LENGTH).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    if fits {
        return Ok(());
    }
    let mut refusal = ApiError::new(
        StatusCode::BAD_REQUEST,
        "A server name has 1 to 64 characters: letters, digits, hyphens and underscores.",
    )
    .code(code::INVALID, "server");
    refusal.field = Some("name");
    Err(refusal)
}

/// `base-suffix`, the base cut so that the whole is no longer than a name may be.
pub(super) fn with_suffix(base: &str, suffix: &str) -> String {
    let room = MAX_LENGTH.saturating_sub(suffix.len() + 1);
    let base: String = base.chars().take(room).collect();
    format!("{base}-{suffix}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_slugs() {
        for name in ["a", "web-01", "Web_01", &"x".repeat(64)] {
            assert!(check(name).is_ok(), "{name}");
        }
        for name in ["", "web 01", "web.example", "wéb", &"x".repeat(65)] {
            let refusal = check(name).unwrap_err();
            assert_eq!(refusal.code, Some("invalid"), "{name}");
            assert_eq!(refusal.status, StatusCode::BAD_REQUEST);
        }
    }

    #[test]
    fn a_suffix_never_makes_a_name_too_long() {
        assert_eq!(with_suffix("web-01", "a1b2c3"), "web-01-a1b2c3");
        let long = with_suffix(&"x".repeat(64), "a1b2c3");
        assert_eq!(long.len(), MAX_LENGTH);
        assert!(long.ends_with("x-a1b2c3"));
        assert!(check(&long).is_ok());
    }
}
