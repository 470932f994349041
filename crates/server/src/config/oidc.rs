//! Which issuers of OpenID Connect the control plane goes to.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::ConfigError;
use super::egress::check_hosts;

/// What holds for identity providers and CI providers alike.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct OidcConfig {
    /// Hosts inside our own network, or with plain HTTP, that may be gone to.
    pub(crate) private_hosts: Vec<String>,
    /// PEM; absent: the certificates that the system trusts.
    pub(crate) ca_file: Option<PathBuf>,
}

impl OidcConfig {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        check_hosts("oidc.private_hosts", &self.private_hosts)
    }
}
