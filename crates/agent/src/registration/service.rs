//! The system service that keeps the agent running (`agent-control.md` §4.2).

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::Context;

const UNIT: &str = "alpamon.service";

/// Enables and starts the service.
///
/// # Errors
/// When this machine has no systemd, or the service cannot be started.
pub(crate) fn start() -> anyhow::Result<()> {
    if !has_systemd() {
        anyhow::bail!("this machine has no systemd; start the agent with `alpamon`");
    }
    systemctl(&["daemon-reload"])?;
    systemctl(&["enable", UNIT])?;
    systemctl(&["restart", UNIT])
}

/// Stops and disables the service, if there is one.
///
/// # Errors
/// When systemd refuses.
pub(crate) fn stop() -> anyhow::Result<()> {
    if !has_systemd() {
        return Ok(());
    }
    systemctl(&["disable", "--now", UNIT])
}

fn has_systemd() -> bool {
    let first = std::fs::read_to_string("/proc/1/comm").unwrap_or_default();
    let on_path = std::env::var_os("PATH").is_some_and(|path| {
        std::env::split_paths(&path).any(|folder| Path::new(&folder).join("systemctl").is_file())
    });
    first.trim() == "systemd" && on_path
}

fn systemctl(arguments: &[&str]) -> anyhow::Result<()> {
    let output = Command::new("systemctl")
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .context("cannot run systemctl")?;
    if output.status.success() {
        return Ok(());
    }
    anyhow::bail!(
        "systemctl {} failed: {}",
        arguments.join(" "),
        String::from_utf8_lossy(&output.stderr).trim()
    )
}
