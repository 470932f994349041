//! Programs of the operating system that tests need, installed when missing.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};

use crate::run;

/// Something a task runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// `initdb` and `postgres`.
    PostgreSql,
    /// `ssh`, `ssh-keygen`.
    SshClient,
    /// `sshd`.
    SshServer,
    /// `ps`, `uptime`.
    Procps,
    /// `python3` with virtual environments.
    Python,
    /// `objdump`.
    Binutils,
    /// `chromium`.
    Chromium,
    /// `chromedriver`.
    ChromiumDriver,
    /// `aiosmtpd`: a mail server.
    Smtpd,
    /// `sudo`.
    Sudo,
    /// `dbus-daemon`, `dbus-send`.
    Dbus,
    /// `gnome-keyring-daemon`: the keyring of a desktop.
    GnomeKeyring,
    /// `node`: runs the identity provider of tests.
    Node,
    /// `npm`: fetches it.
    Npm,
}

impl Need {
    /// Everything that `cargo xtask test` uses.
    pub(crate) const TEST: [Self; 10] = [
        Self::PostgreSql,
        Self::Procps,
        Self::Chromium,
        Self::ChromiumDriver,
        Self::Smtpd,
        Self::Sudo,
        Self::Dbus,
        Self::GnomeKeyring,
        Self::Node,
        Self::Npm,
    ];
    /// Everything that `cargo xtask bench exec` uses.
    pub(crate) const BENCH: [Self; 3] = [Self::SshClient, Self::SshServer, Self::Procps];

    fn program(self) -> &'static str {
        match self {
            Self::PostgreSql => "initdb",
            Self::SshClient => "ssh",
            Self::SshServer => "sshd",
            Self::Procps => "ps",
            Self::Python => "python3",
            Self::Binutils => "objdump",
            Self::Chromium => "chromium",
            Self::ChromiumDriver => "chromedriver",
            Self::Smtpd => "aiosmtpd",
            Self::Sudo => "sudo",
            Self::Dbus => "dbus-daemon",
            Self::GnomeKeyring => "gnome-keyring-daemon",
            Self::Node => "node",
            Self::Npm => "npm",
        }
    }

    fn package(self) -> &'static str {
        match self {
            Self::PostgreSql => "postgresql",
            Self::SshClient => "openssh-client",
            Self::SshServer => "openssh-server",
            Self::Procps => "procps",
            Self::Python => "python3-venv",
            Self::Binutils => "binutils",
            Self::Chromium => "chromium",
            Self::ChromiumDriver => "chromium-driver",
            Self::Smtpd => "python3-aiosmtpd",
            Self::Sudo => "sudo",
            Self::Dbus => "dbus",
            Self::GnomeKeyring => "gnome-keyring",
            Self::Node => "nodejs",
            Self::Npm => "npm",
        }
    }
}

/// Installs what is missing of `needs` with apt.
///
/// # Errors
/// When something is missing and we may not or cannot install it; the message
/// holds the command to run.
pub(crate) fn ensure(needs: &[Need]) -> Result<()> {
    let missing: Vec<&str> = needs
        .iter()
        .filter(|need| find(need.program()).is_none())
        .map(|need| need.package())
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let advice = format!("apt-get update && apt-get install -y {}", missing.join(" "));
    if find("apt-get").is_none() {
        bail!(
            "missing: {}. Install them and try again",
            missing.join(", ")
        );
    }
    let root = run::capture(Command::new("id").arg("-u"))?.trim() == "0";
    if !root && find("sudo").is_none() {
        bail!("missing packages, and neither root nor sudo is at hand. As root run: {advice}");
    }
    println!("Installing {}", missing.join(", "));
    run::inherit(apt(root).arg("update").arg("-qq"))?;
    run::inherit(
        apt(root)
            .args(["install", "-y", "-qq", "--no-install-recommends"])
            .args(&missing),
    )?;
    for need in needs {
        if find(need.program()).is_none() {
            bail!(
                "{} is installed, but {} was not found",
                need.package(),
                need.program()
            );
        }
    }
    Ok(())
}

/// A program on `PATH` or where Debian keeps those that are not.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin", "/sbin"].map(PathBuf::from))
        .chain(postgres_folders())
        .map(|folder| folder.join(program))
        .find(|candidate| candidate.is_file())
}

/// Debian keeps the programs of each PostgreSQL version apart; newest first.
fn postgres_folders() -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(Path::new("/usr/lib/postgresql")) else {
        return Vec::new();
    };
    let mut versions: Vec<(u32, PathBuf)> = entries
        .flatten()
        .filter_map(|entry| {
            let version = entry.file_name().to_str()?.parse().ok()?;
            Some((version, entry.path().join("bin")))
        })
        .collect();
    versions.sort_by(|a, b| b.cmp(a));
    versions.into_iter().map(|(_, folder)| folder).collect()
}

fn apt(root: bool) -> Command {
    let mut command = if root {
        Command::new("apt-get")
    } else {
        let mut sudo = Command::new("sudo");
        sudo.args(["--preserve-env=DEBIAN_FRONTEND", "apt-get"]);
        sudo
    };
    command.env("DEBIAN_FRONTEND", "noninteractive");
    command
}

#[cfg(test)]
mod tests {
    use super::find;

    #[test]
    fn programs_are_found_by_name() {
        assert!(find("sh").is_some_and(|path| path.is_absolute()));
        assert_eq!(find("no-such-program-exists"), None);
    }
}
