//! The document that says what a tree may run.

use judge::{Authority, RuleError, RuleSet};
use protocol::guard::Policy;
use thiserror::Error;

/// Why a policy cannot be used.
#[derive(Debug, Error)]
pub enum PolicyError {
    /// Not a document of this shape.
    #[error("the guard policy cannot be read")]
    Unreadable(#[from] serde_json::Error),
    /// A rule is wrong.
    #[error("the guard policy has an unusable command rule")]
    Rule(#[from] RuleError),
    /// Only absolute folders say something certain.
    #[error("the guard policy trusts {0:?}; a trusted folder has to be an absolute path")]
    Folder(String),
}

/// Reads the JSON document.
///
/// # Errors
/// Where it is not JSON, or has a member that this version does not know.
pub fn read_policy(text: &[u8]) -> Result<Policy, PolicyError> {
    Ok(serde_json::from_slice(text)?)
}

/// The allow-lists in the judge's form, each of which has to allow a program; none
/// where there is no list.
pub(crate) fn authorities(policy: &Policy) -> Result<Vec<Authority>, PolicyError> {
    for folder in &policy.trusted_folders {
        if !folder.starts_with('/') || folder.split('/').any(|part| part == "..") {
            return Err(PolicyError::Folder(folder.clone()));
        }
    }
    (policy.commands.iter())
        .chain(&policy.further_commands)
        .map(|commands| {
            Ok(Authority {
                commands: Some(RuleSet::compile(commands)?),
                trusted_folders: policy.trusted_folders.clone(),
                ..Authority::default()
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use protocol::guard::{Depth, Mode};

    use super::*;

    #[test]
    fn judge_and_protocol_trust_the_same_folders() {
        assert_eq!(judge::TRUSTED_FOLDERS, protocol::guard::TRUSTED_FOLDERS);
    }

    #[test]
    fn absent_members_are_the_strict_ones() {
        let policy = read_policy(b"{}").unwrap();
        assert_eq!(policy, Policy::default());
        assert_eq!(policy.mode, Mode::Enforce);
        assert_eq!(policy.depth, Depth::All);
        assert!(policy.no_new_privileges && !policy.allow_namespaces);
    }

    #[test]
    fn unknown_members_are_refused() {
        assert!(read_policy(br#"{"comands":["git *"]}"#).is_err());
    }

    #[test]
    fn relative_folders_are_refused() {
        for folder in ["bin", "/usr/../tmp", ""] {
            let policy = Policy {
                trusted_folders: vec![folder.to_owned()],
                ..Policy::default()
            };
            assert!(authorities(&policy).is_err(), "{folder:?}");
        }
    }

    #[test]
    fn an_empty_list_is_a_list() {
        let policy = read_policy(br#"{"commands":[]}"#).unwrap();
        assert_eq!(authorities(&policy).unwrap().len(), 1);
        assert!(authorities(&Policy::default()).unwrap().is_empty());
    }
}
