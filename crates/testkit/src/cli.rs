//! The CLI in a home folder of its own.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::{OrFail, Terminal, eventually, patience};

/// A user at a shell.
#[derive(Clone, Debug)]
pub struct Cli {
    binary: PathBuf,
    home: PathBuf,
    url: String,
    ca_file: Option<PathBuf>,
}

impl Cli {
    pub(crate) fn new(binary: PathBuf, home: &Path, url: &str, ca_file: Option<&Path>) -> Self {
        std::fs::create_dir_all(home).or_fail("make a home folder");
        Self {
            binary,
            home: home.to_owned(),
            url: url.to_owned(),
            ca_file: ca_file.map(Path::to_owned),
        }
    }

    /// Runs to the end, without standard input.
    #[track_caller]
    pub fn run(&self, arguments: &[&str]) -> Finished {
        self.start(arguments).finish()
    }

    /// Runs with more environment.
    #[track_caller]
    pub fn run_with(&self, environment: &[(&str, &str)], arguments: &[&str]) -> Finished {
        let mut command = self.command(arguments);
        command.envs(environment.iter().copied());
        Running::start(command).finish()
    }

    /// Starts with more environment, without waiting for the end.
    #[track_caller]
    pub fn start_with(&self, environment: &[(&str, &str)], arguments: &[&str]) -> Running {
        let mut command = self.command(arguments);
        command.envs(environment.iter().copied());
        Running::start(command)
    }

    /// Starts with `stderr` instead of being listened to there.
    #[track_caller]
    pub fn start_saying_to(
        &self,
        stderr: Stdio,
        environment: &[(&str, &str)],
        arguments: &[&str],
    ) -> Running {
        let mut command = self.command(arguments);
        command.envs(environment.iter().copied());
        Running::start_saying_to(stderr, command)
    }

    /// Starts without waiting for the end.
    #[track_caller]
    pub fn start(&self, arguments: &[&str]) -> Running {
        Running::start(self.command(arguments))
    }

    /// Starts it at a terminal of its own.
    #[track_caller]
    pub fn at_terminal(&self, arguments: &[&str]) -> Terminal {
        Terminal::start(&self.command(arguments), 24, 80)
    }

    /// Its home folder.
    #[must_use]
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// Logs in with a password.
    #[track_caller]
    pub fn log_in(&self, username: &str, password: &str) {
        // Joined: a password may look like an option.
        let password = format!("--password={password}");
        self.run(&["login", &self.url, "-u", username, &password])
            .exits(0);
    }

    /// Logs in with a token.
    #[track_caller]
    pub fn log_in_with_token(&self, token: &str) {
        self.run(&["login", &self.url, "-t", token]).exits(0);
    }

    /// Creates a work session on `server`, attaches it and gives its id.
    #[track_caller]
    pub fn open_session(&self, server: &str, scopes: &str) -> String {
        let created = self
            .run(&[
                "work-session",
                "create",
                "--output",
                "json",
                "--purpose",
                "end-to-end test",
                "--scope",
                scopes,
                "--server",
                server,
                "--expires-in",
                "1h",
                "--use",
            ])
            .exits(0)
            .json();
        match created.get("work_session_id").and_then(Value::as_str) {
            Some(id) => id.to_owned(),
            None => panic!("no work_session_id in {created}"),
        }
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command.args(arguments).env_clear();
        command.env("HOME", &self.home);
        command.env("PATH", "/usr/local/bin:/usr/bin:/bin");
        if let Some(ca) = &self.ca_file {
            command.env("SSL_CERT_FILE", ca);
        }
        command
    }
}

/// A CLI that has not ended yet.
#[derive(Debug)]
#[must_use]
pub struct Running {
    line: String,
    child: Child,
    stdout: Option<Stream>,
    stderr: Option<Stream>,
}

impl Running {
    #[track_caller]
    fn start(command: Command) -> Self {
        Self::start_saying_to(Stdio::piped(), command)
    }

    #[track_caller]
    fn start_saying_to(stderr: Stdio, mut command: Command) -> Self {
        let line = format!("{command:?}");
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(stderr)
            .spawn()
            .or_fail(&format!("run {line}"));
        let stdout = child.stdout.take().map(reader);
        let stderr = child.stderr.take().map(reader);
        Self {
            line,
            child,
            stdout,
            stderr,
        }
    }

    /// Waits for the end.
    #[track_caller]
    pub fn finish(mut self) -> Finished {
        let deadline = Instant::now() + patience();
        let code = loop {
            if let Some(status) = self.child.try_wait().or_fail("wait for the CLI") {
                break status.code();
            }
            if Instant::now() >= deadline {
                let _gone = self.child.kill();
                let (stdout, stderr) = self.output();
                panic!(
                    "{} did not end within {:?}\nstdout: {stdout}\nstderr: {stderr}",
                    self.line,
                    patience()
                );
            }
            std::thread::sleep(Duration::from_millis(2));
        };
        let (stdout, stderr) = self.output();
        Finished {
            line: self.line.clone(),
            code,
            stdout,
            stderr,
        }
    }

    /// Waits until `wanted` finds something in what was written to standard error so far.
    #[track_caller]
    pub fn reads_stderr<T>(&self, what: &str, wanted: impl Fn(&str) -> Option<T>) -> T {
        eventually(what, || wanted(&self.stderr.as_ref()?.so_far()))
    }

    /// Sends it a signal, by its name without `SIG`.
    #[track_caller]
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args(["-s", name, &self.child.id().to_string()])
            .status()
            .or_fail("send a signal");
        assert!(sent.success(), "{} has ended already", self.line);
    }

    /// Kills it.
    pub fn kill(self) {
        drop(self);
    }

    fn output(&mut self) -> (String, String) {
        (collected(self.stdout.take()), collected(self.stderr.take()))
    }
}

impl Drop for Running {
    /// Nothing outlives its test. One that has ended cannot be killed any more.
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _status = self.child.wait();
    }
}

/// What a program writes, as it comes.
#[derive(Debug)]
struct Stream {
    bytes: Arc<Mutex<Vec<u8>>>,
    thread: JoinHandle<()>,
}

impl Stream {
    fn so_far(&self) -> String {
        let bytes = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

fn reader(mut stream: impl Read + Send + 'static) -> Stream {
    let bytes = Arc::new(Mutex::new(Vec::new()));
    let shared = bytes.clone();
    let thread = std::thread::spawn(move || {
        let mut chunk = [0; 4096];
        // A broken pipe ends the output like its end does.
        while let Ok(length @ 1..) = stream.read(&mut chunk) {
            let read = chunk.get(..length).unwrap_or_default();
            shared
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .extend_from_slice(read);
        }
    });
    Stream { bytes, thread }
}

fn collected(stream: Option<Stream>) -> String {
    let Some(Stream { bytes, thread }) = stream else {
        return String::new();
    };
    let _ended = thread.join();
    let bytes = bytes.lock().unwrap_or_else(PoisonError::into_inner);
    String::from_utf8_lossy(&bytes).into_owned()
}

/// What a run of the CLI left behind. To be checked.
#[derive(Clone, Debug)]
#[must_use]
pub struct Finished {
    line: String,
    /// Exit status; `None` when a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Finished {
    /// Fails the test unless the exit status is `expected`.
    #[track_caller]
    pub fn exits(self, expected: i32) -> Checked {
        assert_eq!(self.code, Some(expected), "{}", self.report());
        Checked(self)
    }

    fn report(&self) -> String {
        format!(
            "{}\nstdout: {}\nstderr: {}",
            self.line, self.stdout, self.stderr
        )
    }
}

/// A run whose exit status was as expected.
#[derive(Clone, Debug)]
pub struct Checked(Finished);

impl Checked {
    /// Fails the test unless standard output is exactly `expected`.
    #[track_caller]
    pub fn stdout_is(self, expected: &str) -> Self {
        assert_eq!(self.0.stdout, expected, "{}", self.0.report());
        self
    }

    /// Fails the test unless standard output contains `part`.
    #[track_caller]
    pub fn stdout_has(self, part: &str) -> Self {
        assert!(
            self.0.stdout.contains(part),
            "no {part:?} on stdout of {}",
            self.0.report()
        );
        self
    }

    /// Fails the test unless standard error contains `part`.
    #[track_caller]
    pub fn stderr_has(self, part: &str) -> Self {
        assert!(
            self.0.stderr.contains(part),
            "no {part:?} on stderr of {}",
            self.0.report()
        );
        self
    }

    /// Standard output as JSON.
    #[track_caller]
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.0.stdout)
            .unwrap_or_else(|error| panic!("{error} on stdout of {}", self.0.report()))
    }

    /// The envelope on standard error: JSON from the first line that is `{`.
    #[track_caller]
    #[must_use]
    pub fn envelope(&self) -> Value {
        let start = self
            .0
            .stderr
            .find("{\n")
            .unwrap_or_else(|| panic!("no envelope on stderr of {}", self.0.report()));
        let text = self.0.stderr.get(start..).unwrap_or_default();
        serde_json::from_str(text)
            .unwrap_or_else(|error| panic!("{error} in the envelope of {}", self.0.report()))
    }

    /// Standard output.
    #[must_use]
    pub fn stdout(&self) -> &str {
        &self.0.stdout
    }

    /// Standard error.
    #[must_use]
    pub fn stderr(&self) -> &str {
        &self.0.stderr
    }
}
