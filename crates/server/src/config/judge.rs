//! Judges outside of this system.

use serde::{Deserialize, Serialize};

use super::ConfigError;
use super::egress::check_hosts;

/// What holds for the external judges of all workspaces.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct JudgeConfig {
    /// Hosts inside the network that may be asked, also by plain HTTP.
    pub(crate) private_hosts: Vec<String>,
}

impl JudgeConfig {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        check_hosts("judge.private_hosts", &self.private_hosts)
    }
}
