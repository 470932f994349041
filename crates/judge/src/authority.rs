//! What may allow a command.

use crate::{risk::RiskActions, rule::RuleSet};

/// Folders whose programs a rule may name without their folder.
pub const TRUSTED_FOLDERS: [&str; 6] = [
    "/bin",
    "/sbin",
    "/usr/bin",
    "/usr/sbin",
    "/usr/local/bin",
    "/usr/local/sbin",
];

/// What a work session or token carries for the judge.
#[derive(Clone, Debug)]
pub struct Authority {
    /// The allow-list. `None`: there is none, the scope alone decides.
    pub commands: Option<RuleSet>,
    /// Globs over files that output may be redirected to, from
    /// [`RuleSet::compile_paths`]. `None`: no file rule exists.
    pub files: Option<RuleSet>,
    /// What `sudo` may run.
    pub sudo: Sudo,
    /// Folders in which a program's base name can be trusted.
    pub trusted_folders: Vec<String>,
    /// What is done at each risk.
    pub risk: RiskActions,
}

/// What `sudo`, `doas`, `su` and the like may run.
#[derive(Clone, Debug, Default)]
pub enum Sudo {
    /// Anything the command rules allow.
    #[default]
    Unrestricted,
    /// Nothing: the session does not hold the `sudo` scope.
    Forbidden,
    /// What a policy names.
    Policies(RuleSet),
}

impl Default for Authority {
    fn default() -> Self {
        Self {
            commands: None,
            files: None,
            sudo: Sudo::default(),
            trusted_folders: TRUSTED_FOLDERS.map(str::to_owned).to_vec(),
            risk: RiskActions::default(),
        }
    }
}
