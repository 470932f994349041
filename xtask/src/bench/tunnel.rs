//! `cargo xtask bench tunnel`: a tunnel beside `ssh -L`.

use std::fs::File;
use std::net::TcpListener;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use programs::Daemon;
use serde_json::json;

use super::rig::Rig;
use super::service;
use super::sshd::Sshd;
use super::times::Times;
use crate::screen;

/// Bytes of one transfer.
const BYTES: i64 = 256 * 1024 * 1024;
/// Connections at the same time.
const CONCURRENT: usize = 500;
/// Requests on each of them.
const EACH: usize = 10;
/// Requests in one round.
const ROUND: usize = 200;
const PATIENCE: Duration = Duration::from_secs(60);
/// Before each restart.
const STABLE: Duration = Duration::from_secs(11);
const POLL: Duration = Duration::from_millis(5);

const THROUGHPUT_TARGET: f64 = 1.0;
const LATENCY_TARGET: f64 = 1.5;
const RECONNECT_TARGET: f64 = 2.0;

/// Ours and OpenSSH's.
struct Pair<T> {
    ours: T,
    theirs: T,
}

/// What was found.
pub(crate) struct Findings {
    /// MB/s, one entry a round.
    download: Pair<Vec<f64>>,
    upload: Pair<Vec<f64>>,
    latency: Pair<Times>,
    /// All requests on all connections, from first to last.
    storm: Duration,
    /// From the restarted server's readiness to an answer through the tunnel.
    reconnect: Vec<f64>,
}

/// Measures everything, alternating between ours and theirs.
///
/// # Errors
/// When something does not start or does not work.
pub(crate) fn measure(rig: &mut Rig, sshd: &Sshd, rounds: usize) -> Result<Findings> {
    let (bulk, http) = (service::bulk()?, service::http()?);
    let ours = Pair {
        ours: Forward::ours(rig, bulk)?,
        theirs: Forward::theirs(rig, sshd, bulk)?,
    };
    screen::progress("moving bytes through one stream");
    let (mut download, mut upload) = (empty(), empty());
    for _ in 0..rounds {
        download
            .ours
            .push(service::throughput(ours.ours.port, BYTES)?);
        download
            .theirs
            .push(service::throughput(ours.theirs.port, BYTES)?);
        upload
            .ours
            .push(service::throughput(ours.ours.port, -BYTES)?);
        upload
            .theirs
            .push(service::throughput(ours.theirs.port, -BYTES)?);
    }
    drop(ours);

    screen::progress("asking a small HTTP service");
    let web = Pair {
        ours: Forward::ours(rig, http)?,
        theirs: Forward::theirs(rig, sshd, http)?,
    };
    let mut latency = Pair {
        ours: Times::default(),
        theirs: Times::default(),
    };
    service::requests(web.ours.port, ROUND)?;
    service::requests(web.theirs.port, ROUND)?;
    for _ in 0..rounds * 2 {
        latency
            .ours
            .append(service::requests(web.ours.port, ROUND)?);
        latency
            .theirs
            .append(service::requests(web.theirs.port, ROUND)?);
    }
    screen::progress("holding 500 connections");
    let storm = storm(web.ours.port)?;
    screen::progress("restarting the server");
    let mut reconnect = Vec::new();
    for _ in 0..3 {
        // An agent takes a connection for a good one after ten seconds.
        thread::sleep(STABLE);
        rig.restart_server()?;
        reconnect.push(until_answered(web.ours.port)?.as_secs_f64());
    }
    screen::end_progress();
    Ok(Findings {
        download,
        upload,
        latency,
        storm,
        reconnect,
    })
}

fn empty() -> Pair<Vec<f64>> {
    Pair {
        ours: Vec::new(),
        theirs: Vec::new(),
    }
}

/// A forwarded port.
struct Forward {
    port: u16,
    _process: Daemon,
}

impl Forward {
    fn ours(rig: &Rig, remote: u16) -> Result<Self> {
        let port = free_port()?;
        let (local, target) = (port.to_string(), remote.to_string());
        let command = rig.cli(&["tunnel", rig.name(), "-l", &local, "-r", &target]);
        Self::start(rig, "alpacon tunnel", command, port, "Tunnel ready")
    }

    fn theirs(rig: &Rig, sshd: &Sshd, remote: u16) -> Result<Self> {
        let port = free_port()?;
        let command = sshd.forward(port, remote);
        Self::start(rig, "ssh -L", command, port, "")
    }

    fn start(rig: &Rig, name: &str, command: Command, port: u16, said: &str) -> Result<Self> {
        let log = rig.folder().join(format!("forward-{port}.log"));
        File::create(&log)?;
        let mut process = Daemon::start(name, command, &log)?;
        process.wait_until(PATIENCE, || {
            let text = std::fs::read_to_string(&log).ok()?;
            (text.contains(said) && service::connect(port).is_ok()).then_some(())
        })?;
        Ok(Self {
            port,
            _process: process,
        })
    }
}

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

/// All connections are open at once, and each gets all its answers.
fn storm(port: u16) -> Result<Duration> {
    let started = Instant::now();
    let barrier = std::sync::Barrier::new(CONCURRENT);
    let outcomes = thread::scope(|scope| {
        let running: Vec<_> = (0..CONCURRENT)
            .map(|_| {
                scope.spawn(|| {
                    let first = service::requests(port, 1);
                    barrier.wait();
                    first.and_then(|_| service::requests(port, EACH))
                })
            })
            .collect();
        running
            .into_iter()
            .map(|thread| thread.join().unwrap_or(Err(anyhow::anyhow!("it panicked"))))
            .collect::<Vec<_>>()
    });
    let failed = outcomes.iter().filter(|outcome| outcome.is_err()).count();
    if let Some(error) = outcomes.into_iter().find_map(Result::err) {
        bail!("{failed} of {CONCURRENT} connections failed, for example: {error:#}");
    }
    Ok(started.elapsed())
}

/// The time until the service answers through the tunnel.
fn until_answered(port: u16) -> Result<Duration> {
    let started = Instant::now();
    while service::requests(port, 1).is_err() {
        ensure!(started.elapsed() < PATIENCE, "the tunnel stays broken");
        thread::sleep(POLL);
    }
    Ok(started.elapsed())
}

impl Findings {
    /// As one object.
    pub(crate) fn json(&self) -> serde_json::Value {
        json!({
            "download_mb_s": pair(&self.download),
            "upload_mb_s": pair(&self.upload),
            "http_p99_ms": {
                "ours": rounded(self.latency.ours.percentile(99)),
                "ssh": rounded(self.latency.theirs.percentile(99)),
                "ratio": rounded(self.latency_ratio()),
            },
            "http_p50_ms": {
                "ours": rounded(self.latency.ours.percentile(50)),
                "ssh": rounded(self.latency.theirs.percentile(50)),
            },
            "concurrent_500_seconds": rounded(self.storm.as_secs_f64()),
            "reconnect_seconds": self.reconnect.iter().map(|s| rounded(*s)).collect::<Vec<_>>(),
        })
    }

    /// As a table.
    pub(crate) fn print(&self) {
        println!("release build, loopback, TLS on both legs; the tunnel has one hop more\n");
        println!(
            "{:<34}{:>9}{:>9}{:>8}{:>9}",
            "", "ours", "ssh -L", "ratio", "target"
        );
        for (label, found) in [
            ("one stream down, MB/s (median)", &self.download),
            ("one stream up, MB/s (median)", &self.upload),
        ] {
            let (ours, theirs) = (median(&found.ours), median(&found.theirs));
            line(
                label,
                ours,
                theirs,
                THROUGHPUT_TARGET,
                ours / theirs >= THROUGHPUT_TARGET,
            );
        }
        line(
            "small HTTP answer, p99 ms",
            self.latency.ours.percentile(99),
            self.latency.theirs.percentile(99),
            LATENCY_TARGET,
            self.latency_ratio() <= LATENCY_TARGET,
        );
        let slowest = self.reconnect.iter().copied().fold(0.0, f64::max);
        println!(
            "{:<34}{slowest:>9.2}{:>26.1}  {}",
            "reconnect after a restart, s (max)",
            RECONNECT_TARGET,
            verdict(slowest < RECONNECT_TARGET)
        );
        println!(
            "\n{CONCURRENT} connections at once, {} requests each: all answered, {:.1} s",
            EACH + 1,
            self.storm.as_secs_f64()
        );
    }

    fn latency_ratio(&self) -> f64 {
        self.latency.ours.percentile(99) / self.latency.theirs.percentile(99)
    }
}

fn line(label: &str, ours: f64, theirs: f64, target: f64, met: bool) {
    println!(
        "{label:<34}{ours:>9.2}{theirs:>9.2}{:>8.2}{target:>9.1}  {}",
        ours / theirs,
        verdict(met)
    );
}

fn verdict(met: bool) -> &'static str {
    if met { "met" } else { "missed" }
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(0.0)
}

fn pair(found: &Pair<Vec<f64>>) -> serde_json::Value {
    let (ours, theirs) = (median(&found.ours), median(&found.theirs));
    json!({"ours": rounded(ours), "ssh": rounded(theirs), "ratio": rounded(ours / theirs)})
}

/// Two decimals: the rest is noise.
fn rounded(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}
