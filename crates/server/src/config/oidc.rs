//! Which issuers of OpenID Connect the control plane goes to.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::ConfigError;
use crate::oidc::is_host_entry;

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
        match self.private_hosts.iter().find(|host| !is_host_entry(host)) {
            None => Ok(()),
            Some(host) => Err(ConfigError::Value {
                key: "oidc.private_hosts",
                message: format!("{host:?} must be a host name or an address, without a port"),
            }),
        }
    }
}
