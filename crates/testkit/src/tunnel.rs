//! A tunnel that the CLI holds open.

use std::fs::File;
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::{Cli, OrFail, eventually, patience};

/// A tunnel that the CLI holds open. It is killed when this value is dropped.
#[derive(Debug)]
pub struct Tunnel {
    child: Child,
    stdout: PathBuf,
    stderr: PathBuf,
    port: u16,
}

impl Tunnel {
    /// Opens a tunnel to `remote` on `server` and waits until it is ready.
    #[track_caller]
    #[must_use]
    pub fn open(cli: &Cli, server: &str, remote: u16, more: &[&str]) -> Self {
        let remote = remote.to_string();
        let mut arguments = vec!["tunnel", "-l", "0", "-r", &remote, server];
        arguments.extend(more);
        let mut tunnel = Self::start(cli, &arguments);
        tunnel.port = eventually("the tunnel is ready", || {
            tunnel.still_runs();
            let text = tunnel.stderr();
            let (_, rest) = text.split_once("127.0.0.1:")?;
            rest.split_once(" -> ")?.0.parse().ok()
        });
        tunnel
    }

    /// Starts the CLI without waiting for anything.
    #[track_caller]
    #[must_use]
    pub fn start(cli: &Cli, arguments: &[&str]) -> Self {
        let number = std::fs::read_dir(cli.home()).or_fail("read a home").count();
        let stdout = cli.home().join(format!("tunnel-{number}.stdout"));
        let stderr = cli.home().join(format!("tunnel-{number}.stderr"));
        let file = |path| File::create(path).or_fail("make a file for output");
        let child = cli
            .command(arguments)
            .stdin(Stdio::null())
            .stdout(file(&stdout))
            .stderr(file(&stderr))
            .spawn()
            .or_fail("start the CLI");
        Self {
            child,
            stdout,
            stderr,
            port: 0,
        }
    }

    /// Its local port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Connects to it.
    #[track_caller]
    #[must_use]
    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).or_fail("connect");
        let limit = Some(patience());
        stream.set_read_timeout(limit).or_fail("set a deadline");
        stream.set_write_timeout(limit).or_fail("set a deadline");
        stream
    }

    /// What it said so far.
    #[must_use]
    pub fn stderr(&self) -> String {
        std::fs::read_to_string(&self.stderr).unwrap_or_default()
    }

    /// What it wrote so far: one JSON value a line.
    #[track_caller]
    #[must_use]
    pub fn events(&self) -> Vec<Value> {
        std::fs::read_to_string(&self.stdout)
            .or_fail("read standard output")
            .lines()
            .map(|line| serde_json::from_str(line).or_fail("read a line as JSON"))
            .collect()
    }

    /// Sends a signal, by its name without `SIG`.
    #[track_caller]
    pub fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &id]).status();
        assert!(sent.or_fail("run kill").success(), "kill -s {name} {id}");
    }

    /// Waits for the end and gives the exit status; `None` when a signal ended it.
    #[track_caller]
    pub fn ended(&mut self) -> Option<i32> {
        let deadline = Instant::now() + patience();
        loop {
            if let Some(status) = self.child.try_wait().or_fail("wait for the CLI") {
                return status.code();
            }
            assert!(
                Instant::now() < deadline,
                "the tunnel goes on: {}",
                self.stderr()
            );
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    #[track_caller]
    fn still_runs(&mut self) {
        let ended = self.child.try_wait().or_fail("look after the CLI");
        assert!(ended.is_none(), "it ended: {ended:?} {}", self.stderr());
    }
}

impl Drop for Tunnel {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _status = self.child.wait();
    }
}
