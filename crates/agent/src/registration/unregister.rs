//! `alpamon unregister` (`agent-control.md` §4.3).

use std::io::BufRead;
use std::path::PathBuf;

use anyhow::{Context, bail};

use super::{forget, service};
use crate::config::paths::has_content;
use crate::config::{Config, Tls};
use crate::console;

/// What the command line says.
#[derive(Clone, Debug)]
pub(crate) struct UnregisterOptions {
    /// `--ssl-verify`, when given.
    pub(crate) verify: Option<bool>,
    /// `--ca-cert`, when given.
    pub(crate) ca_cert: Option<PathBuf>,
    /// `--yes`.
    pub(crate) yes: bool,
    /// `--keep-config`.
    pub(crate) keep_config: bool,
    /// Not `--no-service`.
    pub(crate) service: bool,
    /// Which registration.
    pub(crate) config: PathBuf,
}

/// Ends this machine's registration.
///
/// # Errors
/// When the user declines or the configuration cannot be removed.
pub(crate) async fn unregister(options: &UnregisterOptions) -> anyhow::Result<()> {
    let path = &options.config;
    if !has_content(path) {
        console::say("This machine is not registered; there is nothing to do.");
        return Ok(());
    }
    if !options.yes && !confirmed(path)? {
        bail!("not unregistered");
    }
    match Config::load(path) {
        Ok(config) => {
            let tls = Tls {
                verify: options.verify.unwrap_or(config.tls.verify),
                ca_cert: options.ca_cert.clone().or(config.tls.ca_cert),
            };
            forget(&config.server, &tls).await;
        }
        Err(error) => console::warn(&format!("{error}; cleaning up this machine only")),
    }
    if options.service
        && nix::unistd::geteuid().is_root()
        && let Err(error) = service::stop()
    {
        console::warn(&format!("the service was not stopped: {error:#}"));
    }
    if !options.keep_config {
        std::fs::remove_file(path).with_context(|| format!("cannot remove {}", path.display()))?;
    }
    console::say("This machine is not registered any longer.");
    Ok(())
}

fn confirmed(path: &std::path::Path) -> anyhow::Result<bool> {
    console::ask(&format!(
        "End the registration of this machine ({})? [y/N] ",
        path.display()
    ));
    let mut answer = String::new();
    std::io::stdin()
        .lock()
        .read_line(&mut answer)
        .context("cannot read the answer")?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}
