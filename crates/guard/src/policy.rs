//! The document that says what a tree may run.

use std::collections::BTreeMap;

use judge::{Authority, RuleError, RuleSet, TRUSTED_FOLDERS};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// What an order carries for the guard. Members it does not know make the
/// document unreadable: they may be restrictions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// What is done about a program that is not allowed.
    pub mode: Mode,
    /// Which programs are judged.
    pub depth: Depth,
    /// Command rules, globs over whole commands (`judgment.md` §3). Absent: there
    /// is no allow-list, and every program may run. Empty: none may.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commands: Option<Vec<String>>,
    /// Folders whose programs a rule may name without their folder.
    pub trusted_folders: Vec<String>,
    /// More helpers: what a program may start without a rule of its own. A helper
    /// is a base name, or a folder followed by `/*`.
    pub helpers: BTreeMap<String, Vec<String>>,
    /// Whether the tree may make mount and user namespaces or enter others.
    pub allow_namespaces: bool,
    /// Whether set-user-ID programs such as `sudo` gain nothing. Without it the
    /// guard has to be root.
    pub no_new_privileges: bool,
}

/// What is done about a program that is not allowed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Nothing: programs are recorded.
    Observe,
    /// It is killed before its first instruction.
    #[default]
    Enforce,
}

/// Which programs are judged. The shell that was asked for is not: its line was
/// judged before it came here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Depth {
    /// What the first shell or line starts.
    Top,
    /// Also what any shell below it starts.
    Shells,
    /// Everything, except the helpers of allowed programs.
    #[default]
    All,
}

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

impl Default for Policy {
    fn default() -> Self {
        Self {
            mode: Mode::default(),
            depth: Depth::default(),
            commands: None,
            trusted_folders: TRUSTED_FOLDERS.map(str::to_owned).to_vec(),
            helpers: BTreeMap::new(),
            allow_namespaces: false,
            no_new_privileges: true,
        }
    }
}

impl Policy {
    /// Reads the JSON document.
    ///
    /// # Errors
    /// Where it is not JSON, or has a member that this version does not know.
    pub fn from_json(text: &[u8]) -> Result<Self, PolicyError> {
        Ok(serde_json::from_slice(text)?)
    }

    /// The allow-list in the judge's form; `None` where there is none.
    pub(crate) fn authority(&self) -> Result<Option<Authority>, PolicyError> {
        for folder in &self.trusted_folders {
            if !folder.starts_with('/') || folder.split('/').any(|part| part == "..") {
                return Err(PolicyError::Folder(folder.clone()));
            }
        }
        let Some(commands) = &self.commands else {
            return Ok(None);
        };
        Ok(Some(Authority {
            commands: Some(RuleSet::compile(commands)?),
            trusted_folders: self.trusted_folders.clone(),
            ..Authority::default()
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absent_members_are_the_strict_ones() {
        let policy = Policy::from_json(b"{}").unwrap();
        assert_eq!(policy, Policy::default());
        assert_eq!(policy.mode, Mode::Enforce);
        assert_eq!(policy.depth, Depth::All);
        assert!(policy.no_new_privileges && !policy.allow_namespaces);
    }

    #[test]
    fn unknown_members_are_refused() {
        assert!(Policy::from_json(br#"{"comands":["git *"]}"#).is_err());
    }

    #[test]
    fn relative_folders_are_refused() {
        for folder in ["bin", "/usr/../tmp", ""] {
            let policy = Policy {
                trusted_folders: vec![folder.to_owned()],
                ..Policy::default()
            };
            assert!(policy.authority().is_err(), "{folder:?}");
        }
    }

    #[test]
    fn an_empty_list_is_a_list() {
        let policy = Policy::from_json(br#"{"commands":[]}"#).unwrap();
        assert!(policy.authority().unwrap().is_some());
        assert!(Policy::default().authority().unwrap().is_none());
    }
}
