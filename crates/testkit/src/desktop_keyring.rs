//! A real keyring of a desktop: a D-Bus of its own and `gnome-keyring-daemon`.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::{OrFail, eventually};

/// What to do where there is none.
const ADVICE: &str = "is it installed? apt-get install dbus gnome-keyring";

/// An unlocked keyring. Dropping it stops it.
#[derive(Debug)]
pub struct DesktopKeyring {
    bus: Child,
    address: String,
    daemon: Child,
    folder: TempDir,
}

impl DesktopKeyring {
    /// Starts a bus and a keyring on it, both private.
    #[track_caller]
    #[must_use]
    pub fn start() -> Self {
        let folder = tempfile::Builder::new()
            .prefix("alpacon-keyring-")
            .tempdir()
            .or_fail("make a folder");
        let mut bus = Command::new("dbus-daemon")
            .args(["--session", "--nofork", "--nopidfile", "--print-address=1"])
            .env("TMPDIR", folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log(folder.path(), "bus.log"))
            .spawn()
            .or_fail(&format!("run dbus-daemon; {ADVICE}"));
        let mut address = String::new();
        let output = bus.stdout.take().or_fail("read the bus's address");
        BufReader::new(output)
            .read_line(&mut address)
            .or_fail("read the bus's address");
        let address = address.trim().to_owned();
        let daemon = daemon(folder.path(), &address);
        let keyring = Self {
            bus,
            address,
            daemon,
            folder,
        };
        keyring.answers();
        keyring
    }

    /// Stops the keyring and starts it again, as a restart of the machine would.
    #[track_caller]
    pub fn restart(&mut self) {
        stop(&mut self.daemon);
        self.daemon = daemon(self.folder.path(), &self.address);
        self.answers();
    }

    /// What tells a program of the bus.
    #[must_use]
    pub fn environment(&self) -> [(&str, &str); 1] {
        [("DBUS_SESSION_BUS_ADDRESS", &self.address)]
    }

    /// What lies on disk contains `text`.
    #[track_caller]
    #[must_use]
    pub fn shows_on_disk(&self, text: &str) -> bool {
        let folder = self.folder.path().join(".local/share/keyrings");
        let files = std::fs::read_dir(folder).or_fail("read the keyring's folder");
        files.flatten().any(|file| {
            let bytes = std::fs::read(file.path()).or_fail("read a keyring");
            bytes
                .windows(text.len())
                .any(|part| part == text.as_bytes())
        })
    }

    #[track_caller]
    fn answers(&self) {
        // Whoever asks for it before it is there has the bus start another one, locked.
        eventually("the keyring is on the bus", || {
            self.says(
                "boolean true",
                &[
                    "--dest=org.freedesktop.DBus",
                    "/org/freedesktop/DBus",
                    "org.freedesktop.DBus.NameHasOwner",
                    "string:org.freedesktop.secrets",
                ],
            )
        });
        eventually("the keyring is unlocked", || {
            self.says(
                "boolean false",
                &[
                    "--dest=org.freedesktop.secrets",
                    "/org/freedesktop/secrets/aliases/default",
                    "org.freedesktop.DBus.Properties.Get",
                    "string:org.freedesktop.Secret.Collection",
                    "string:Locked",
                ],
            )
        });
    }

    /// Whether the answer to a call contains `text`.
    #[track_caller]
    fn says(&self, text: &str, call: &[&str]) -> Option<()> {
        let answer = Command::new("dbus-send")
            .args(["--session", "--print-reply"])
            .args(call)
            .envs(self.environment())
            .output()
            .or_fail(&format!("run dbus-send; {ADVICE}"));
        String::from_utf8_lossy(&answer.stdout)
            .contains(text)
            .then_some(())
    }
}

impl Drop for DesktopKeyring {
    fn drop(&mut self) {
        stop(&mut self.daemon);
        stop(&mut self.bus);
    }
}

#[track_caller]
fn daemon(home: &Path, address: &str) -> Child {
    let mut daemon = Command::new("gnome-keyring-daemon")
        .args(["--foreground", "--unlock", "--components=secrets"])
        .env("HOME", home)
        .env("XDG_RUNTIME_DIR", home)
        .env_remove("XDG_DATA_HOME")
        .env("DBUS_SESSION_BUS_ADDRESS", address)
        .stdin(Stdio::piped())
        .stdout(log(home, "keyring.out"))
        .stderr(log(home, "keyring.log"))
        .spawn()
        .or_fail(&format!("run gnome-keyring-daemon; {ADVICE}"));
    let mut input = daemon.stdin.take().or_fail("give a password");
    // Its end is the end of the password.
    input
        .write_all(b"password of the desktop")
        .or_fail("give a password");
    daemon
}

#[track_caller]
fn log(folder: &Path, name: &str) -> File {
    File::create(folder.join(name)).or_fail("open a log")
}

fn stop(child: &mut Child) {
    // One that ended is stopped.
    let _killed = child.kill();
    let _status = child.wait();
}
