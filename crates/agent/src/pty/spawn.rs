//! Starting a login shell behind a pseudo-terminal (`agent-channels.md` §2.4). The one
//! place where a terminal's process is made.

use std::collections::BTreeMap;
use std::ffi::CString;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use nix::unistd::User;
use protocol::websh::OpenPty;
use rustix::fs::{Mode, OFlags};
use rustix::process::Rlimit;
use rustix::pty::OpenptFlags;
use rustix::termios::Winsize;

use crate::executor::{Account, AccountError, Environment, Own, resolve_account};
use crate::sys::{self, ChildSetup};

/// Where a requested shell is not one of the host's.
const DEFAULT_SHELL: &str = "/bin/bash";
const SHELLS: &str = "/etc/shells";
/// Size of a terminal whose order names none.
const DEFAULT_SIZE: (u16, u16) = (24, 80);

/// Why a terminal did not start.
#[derive(Debug, thiserror::Error)]
pub(super) enum StartError {
    #[error(transparent)]
    Account(#[from] AccountError),
    #[error("the home directory {0} cannot be used: {1}")]
    Home(String, std::io::Error),
    #[error("no pseudo-terminal: {0}")]
    Terminal(#[from] rustix::io::Errno),
    #[error("cannot start {0}: {1}")]
    Spawn(String, std::io::Error),
    #[error("the order holds a NUL character")]
    Nul,
}

/// A running shell and our end of its terminal.
#[derive(Debug)]
pub(super) struct Started {
    pub(super) child: Child,
    pub(super) master: OwnedFd,
}

/// Whose shell is started, and how.
#[derive(Debug)]
pub(super) struct Plan {
    account: Account,
    shell: String,
    environment: Environment,
}

impl Plan {
    /// Looks the account of an order up. Blocks while the name services do.
    pub(super) fn make(own: &Own, order: &OpenPty) -> Result<Self, StartError> {
        // Without root there is one account, whatever the order says; see the contract.
        let wanted = if own.root {
            order.username.as_str()
        } else {
            ""
        };
        let account = resolve_account(wanted, "", own)?;
        let shell = shell(&order.shell, &account);
        let mut overrides = BTreeMap::from([("SHELL".to_owned(), shell.clone())]);
        if own.root && !order.home_directory.is_empty() {
            overrides.insert("HOME".to_owned(), order.home_directory.clone());
        }
        let environment = Environment::for_account(&account, &overrides);
        if environment.home_was_given()
            && let Err(error) = std::fs::metadata(environment.home())
        {
            return Err(StartError::Home(environment.home().to_owned(), error));
        }
        Ok(Self {
            account,
            shell,
            environment,
        })
    }
}

/// Starts the shell. It dies with the calling thread.
pub(super) fn start(
    plan: Plan,
    order: &OpenPty,
    open_files: Option<Rlimit>,
) -> Result<Started, StartError> {
    let Plan {
        account,
        shell,
        environment,
    } = plan;
    let home = environment.home().to_owned();
    let (master, slave) = terminal(order, &account)?;
    let mut command = Command::new(&shell);
    command
        .arg0(argument_zero(&shell))
        .env_clear()
        .envs(environment.variables())
        .stdin(duplicate(&slave)?)
        .stdout(duplicate(&slave)?)
        .stderr(Stdio::from(slave));
    if shell == DEFAULT_SHELL {
        command.arg("-il");
    }
    let setup = ChildSetup {
        credentials: account.credentials,
        directory: CString::new(home).map_err(|_| StartError::Nul)?,
        or_root_directory: !environment.home_was_given(),
        open_files,
    };
    sys::prepare_terminal(&mut command, setup, order.no_new_privileges);
    let child = command
        .spawn()
        .map_err(|error| StartError::Spawn(shell, error))?;
    Ok(Started { child, master })
}

fn duplicate(slave: &OwnedFd) -> Result<Stdio, rustix::io::Errno> {
    Ok(Stdio::from(rustix::io::fcntl_dupfd_cloexec(slave, 0)?))
}

/// Both ends of a new terminal, of the order's size and the account's own.
fn terminal(order: &OpenPty, account: &Account) -> Result<(OwnedFd, OwnedFd), rustix::io::Errno> {
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let master = rustix::pty::openpt(flags)?;
    rustix::pty::grantpt(&master)?;
    rustix::pty::unlockpt(&master)?;
    let name = rustix::pty::ptsname(&master, Vec::new())?;
    let slave = rustix::fs::open(
        name.as_c_str(),
        OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC,
        Mode::empty(),
    )?;
    let (rows, cols) = match (order.rows, order.cols) {
        (0, _) | (_, 0) => DEFAULT_SIZE,
        size => size,
    };
    resize(&master, rows, cols)?;
    if let Some(who) = &account.credentials {
        let owner = rustix::fs::Uid::from_raw(who.uid.as_raw());
        rustix::fs::fchown(&slave, Some(owner), None)?;
    }
    rustix::fs::fchmod(&slave, Mode::RUSR | Mode::WUSR | Mode::WGRP)?;
    rustix::io::ioctl_fionbio(&master, true)?;
    Ok((master, slave))
}

/// Changes the size of a terminal.
pub(super) fn resize(master: &OwnedFd, rows: u16, cols: u16) -> Result<(), rustix::io::Errno> {
    let size = Winsize {
        ws_row: rows,
        ws_col: cols,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    rustix::termios::tcsetwinsize(master, size)
}

/// A login shell is called by its name behind a dash.
fn argument_zero(shell: &str) -> String {
    let name = Path::new(shell).file_name().and_then(|name| name.to_str());
    format!("-{}", name.unwrap_or("sh"))
}

/// The order's shell, or the account's, where the host lists it; else the default.
fn shell(requested: &str, account: &Account) -> String {
    let listed = std::fs::read_to_string(SHELLS).unwrap_or_default();
    let own = User::from_name(&account.name)
        .ok()
        .flatten()
        .and_then(|user| user.shell.to_str().map(ToOwned::to_owned))
        .unwrap_or_default();
    let wanted = if requested.is_empty() {
        &own
    } else {
        requested
    };
    choose(wanted, &listed).to_owned()
}

fn choose<'a>(wanted: &'a str, listed: &str) -> &'a str {
    let is_listed = listed
        .lines()
        .map(str::trim)
        .filter(|line| line.starts_with('/'))
        .any(|line| line == wanted);
    if is_listed { wanted } else { DEFAULT_SHELL }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_shells_of_the_host_are_started() {
        let listed = "# shells\n/bin/sh\n/usr/bin/zsh \n";
        for (wanted, started) in [
            ("/bin/sh", "/bin/sh"),
            ("/usr/bin/zsh", "/usr/bin/zsh"),
            ("/usr/sbin/nologin", "/bin/bash"),
            ("# shells", "/bin/bash"),
            ("/tmp/evil", "/bin/bash"),
            ("", "/bin/bash"),
        ] {
            assert_eq!(choose(wanted, listed), started);
        }
        assert_eq!(argument_zero("/usr/bin/zsh"), "-zsh");
    }
}
