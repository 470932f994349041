//! Checks of what becomes an argument of a system tool or a line of an account
//! file.

use super::super::Answer;

/// Longest user or group name.
const MAX_NAME: usize = 32;
/// Longest comment, path or shell.
const MAX_TEXT: usize = 256;

/// A user or group name.
///
/// # Errors
/// Gives the answer that says what is wrong.
pub(super) fn name(field: &str, value: &str) -> Result<(), Answer> {
    required(field, value)?;
    let mut characters = value.chars();
    let starts_well = characters
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic() || first == '_');
    let body = value.strip_suffix('$').unwrap_or(value);
    let fits = body
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'));
    if !starts_well || !fits || value.len() > MAX_NAME {
        return Err(Answer::failed(format!(
            "{field}: {value:?} is not a valid name (letters, digits, '_', '-', '.'; at most \
             {MAX_NAME}; no digit or '-' first)"
        )));
    }
    Ok(())
}

/// A text that must be there.
///
/// # Errors
/// Gives the answer that says so.
pub(super) fn required(field: &str, value: &str) -> Result<(), Answer> {
    if value.is_empty() {
        return Err(Answer::failed(format!("{field}: is required")));
    }
    Ok(())
}

/// A text that fits into one field of an account file.
///
/// # Errors
/// Gives the answer that says what is wrong.
pub(super) fn text(field: &str, value: &str) -> Result<(), Answer> {
    if value.len() > MAX_TEXT {
        return Err(Answer::failed(format!("{field}: is too long")));
    }
    if value.chars().any(|c| c == ':' || c.is_control()) {
        return Err(Answer::failed(format!(
            "{field}: must not contain ':' or control characters"
        )));
    }
    Ok(())
}

/// An absolute path without steps upwards.
///
/// # Errors
/// Gives the answer that says what is wrong.
pub(super) fn path(field: &str, value: &str) -> Result<(), Answer> {
    text(field, value)?;
    if !value.starts_with('/') || value.split('/').any(|part| part == "..") {
        return Err(Answer::failed(format!(
            "{field}: must be an absolute path without '..'"
        )));
    }
    Ok(())
}

/// Permissions in octal.
///
/// # Errors
/// Gives the answer that says what is wrong.
pub(super) fn permission(field: &str, value: &str) -> Result<u32, Answer> {
    u32::from_str_radix(value, 8)
        .ok()
        .filter(|mode| *mode <= 0o7777)
        .ok_or_else(|| Answer::failed(format!("{field}: {value:?} is not an octal permission")))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_cannot_be_options_or_paths() {
        for good in ["kim", "_svc", "a.b-c", "machine$"] {
            assert!(name("username", good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "-rf",
            "1st",
            "a b",
            "a:b",
            "../x",
            "a\n",
            &"a".repeat(33),
        ] {
            assert!(name("username", bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn texts_stay_in_their_field() {
        assert!(text("comment", "Kim Example").is_ok());
        assert!(text("comment", "a:b").is_err());
        assert!(text("comment", "a\nroot::0:0").is_err());
        assert!(path("home_directory", "/home/kim").is_ok());
        assert!(path("home_directory", "/home/../etc").is_err());
        assert!(path("home_directory", "home").is_err());
    }

    #[test]
    fn permissions_are_octal() {
        assert_eq!(permission("p", "0750").unwrap(), 0o750);
        assert!(permission("p", "0999").is_err());
        assert!(permission("p", "17777").is_err());
    }

    proptest! {
        #[test]
        fn accepted_names_are_harmless(value in "\\PC{0,40}") {
            if name("n", &value).is_ok() {
                prop_assert!(!value.starts_with('-'));
                prop_assert!(!value.contains(['/', ':', ' ', '\n']));
            }
        }
    }
}
