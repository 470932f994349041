//! A home of its own for every test, and the program in it.

use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use rustix::fs::{Mode, OFlags};
use rustix::pty::OpenptFlags;
use serde_json::Value;

use crate::fake::Fake;

/// A temporary home.
pub(crate) struct Environment {
    home: tempfile::TempDir,
    variables: Vec<(&'static str, String)>,
}

/// What a run of the program gave.
#[derive(Debug)]
#[must_use]
pub(crate) struct Run {
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Environment {
    pub(crate) fn new() -> Self {
        Self {
            home: tempfile::tempdir().unwrap(),
            variables: Vec::new(),
        }
    }

    /// Logged in at `server` with the password.
    pub(crate) fn logged_in(server: &Fake) -> Self {
        let environment = Self::new();
        let run = environment.run(&["login", &server.url(), "-u", "admin", "-p", "s3cret"]);
        assert_eq!(run.status, 0, "{run:?}");
        environment
    }

    /// Trusts the certificate of `server`.
    pub(crate) fn trusting(server: &Fake) -> Self {
        let environment = Self::new();
        let path = environment.write_file("ca.pem", server.certificate());
        environment.with("SSL_CERT_FILE", &path)
    }

    /// Logged in at `server`, which speaks TLS, by the browser.
    pub(crate) fn logged_in_by_browser(server: &Fake) -> Self {
        let environment = Self::trusting(server);
        let run = environment.run(&["login", &server.url()]);
        assert_eq!(run.status, 0, "{run:?}");
        environment
    }

    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.variables.push((name, value.to_owned()));
        self
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        self.run_with_input(arguments, "")
    }

    pub(crate) fn run_with_input(&self, arguments: &[&str], input: &str) -> Run {
        let mut child = self
            .command(arguments)
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        // The program may end without reading.
        let _unread = child.stdin.take().unwrap().write_all(input.as_bytes());
        Run::of(child)
    }

    /// A person at a terminal typed `input` ahead.
    pub(crate) fn run_typing(&self, arguments: &[&str], input: &str) -> Run {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY;
        let person = rustix::pty::openpt(flags).unwrap();
        rustix::pty::grantpt(&person).unwrap();
        rustix::pty::unlockpt(&person).unwrap();
        let path = rustix::pty::ptsname(&person, Vec::new()).unwrap();
        let flags = OFlags::RDWR | OFlags::NOCTTY;
        let terminal = rustix::fs::open(path.as_c_str(), flags, Mode::empty()).unwrap();
        let mut person = File::from(person);
        person.write_all(input.as_bytes()).unwrap();
        let child = self.command(arguments).stdin(terminal).spawn().unwrap();
        Run::of(child)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_alpacon"));
        command
            .args(arguments)
            .env_clear()
            .env("HOME", self.home.path())
            .env("PATH", "/usr/bin:/bin")
            .env("TZ", "UTC")
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// An editor that replaces `old` by `new`.
    pub(crate) fn editing(self, old: &str, new: &str) -> Self {
        let editor = format!("/usr/bin/sed -i s/{old}/{new}/");
        self.with("EDITOR", &editor)
    }

    pub(crate) fn home(&self) -> &std::path::Path {
        self.home.path()
    }

    /// Writes a file below the home and gives its path.
    pub(crate) fn write_file(&self, name: &str, text: &str) -> String {
        let path = self.home.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    pub(crate) fn config_path(&self) -> PathBuf {
        self.home.path().join(".alpacon/config.json")
    }

    pub(crate) fn write_config(&self, text: &str) {
        std::fs::create_dir_all(self.home.path().join(".alpacon")).unwrap();
        std::fs::write(self.config_path(), text).unwrap();
    }

    pub(crate) fn config(&self) -> Value {
        serde_json::from_str(&std::fs::read_to_string(self.config_path()).unwrap()).unwrap()
    }
}

impl Run {
    fn of(child: Child) -> Self {
        let output = child.wait_with_output().unwrap();
        Self {
            status: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// stdout as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The envelope on stderr: it starts at the first line that is `{`.
    pub(crate) fn envelope(&self) -> Value {
        let start = if self.stderr.starts_with("{\n") {
            0
        } else {
            self.stderr
                .find("\n{\n")
                .unwrap_or_else(|| panic!("no envelope: {self:?}"))
        };
        serde_json::from_str(&self.stderr[start..]).unwrap()
    }
}
