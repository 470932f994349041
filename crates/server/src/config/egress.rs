//! Hosts inside the operator's network that workspaces may name.

use super::ConfigError;
use crate::egress::is_host_entry;

/// Refuses a list of hosts with something else in it.
pub(super) fn check_hosts(key: &'static str, hosts: &[String]) -> Result<(), ConfigError> {
    match hosts.iter().find(|host| !is_host_entry(host)) {
        None => Ok(()),
        Some(host) => Err(ConfigError::Value {
            key,
            message: format!("{host:?} must be a host name or an address, without a port"),
        }),
    }
}
