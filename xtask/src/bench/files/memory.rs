//! The memory that a copy costs each process, above what it has at rest.

use std::collections::BTreeMap;
use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use super::super::rig::Rig;

/// How often the short-lived processes are looked at.
const LOOK: Duration = Duration::from_millis(5);
/// A copy that takes longer is stuck.
const PATIENCE: Duration = Duration::from_secs(900);

/// Peaks above idle, in MiB.
#[derive(Clone, Copy, Default)]
pub(crate) struct Peaks {
    pub(super) cli: f64,
    pub(super) server: f64,
    pub(super) agent: f64,
    /// Processes of the user's account that open and write files for the agent.
    pub(super) worker: f64,
}

impl Peaks {
    pub(super) fn highest(&self) -> f64 {
        [self.cli, self.server, self.agent, self.worker]
            .into_iter()
            .fold(0.0, f64::max)
    }

    pub(super) fn json(&self) -> Value {
        json!({
            "cli": self.cli, "server": self.server, "agent": self.agent, "worker": self.worker,
        })
    }
}

/// What each process had before.
struct Before {
    /// A run of the CLI that copies nothing.
    cli: f64,
    server: (u32, f64),
    agent: (u32, f64),
}

impl Before {
    fn look(rig: &mut Rig) -> Result<Self> {
        let mut idle = spawn(&mut rig.cli(&["server", "ls"]))?;
        let cli = watch(&mut idle, &mut BTreeMap::new(), None)?;
        let (server, agent) = rig.processes();
        for process in [server, agent] {
            // From here on the peak is that of the copy.
            fs::write(format!("/proc/{process}/clear_refs"), "5")?;
        }
        Ok(Self {
            cli,
            server: (server, peak(server)?),
            agent: (agent, peak(agent)?),
        })
    }

    fn compare(&self, cli: f64, workers: &BTreeMap<u32, f64>) -> Result<Peaks> {
        let grown =
            |(process, before): (u32, f64)| Ok::<f64, anyhow::Error>(peak(process)? - before);
        Ok(Peaks {
            cli: cli - self.cli,
            server: grown(self.server)?,
            agent: grown(self.agent)?,
            worker: workers.values().copied().fold(0.0, f64::max),
        })
    }
}

/// Runs `copy` to its end.
///
/// # Errors
/// When it fails or a process ended meanwhile.
pub(super) fn of_copy(rig: &mut Rig, copy: &mut Command) -> Result<Peaks> {
    let before = Before::look(rig)?;
    let mut workers = BTreeMap::new();
    let cli = watch(&mut spawn(copy)?, &mut workers, Some(before.agent.0))?;
    before.compare(cli, &workers)
}

/// Stops the agent for `stall` while `copy` runs.
///
/// # Errors
/// Like [`of_copy`].
pub(super) fn stalled_agent(rig: &mut Rig, copy: &mut Command, stall: Duration) -> Result<Peaks> {
    let before = Before::look(rig)?;
    let mut child = spawn(copy)?;
    let mut workers = BTreeMap::new();
    let agent = before.agent.0;
    stall_for(agent, stall, &mut child, &mut workers, agent)?;
    let cli = watch(&mut child, &mut workers, Some(agent))?;
    before.compare(cli, &workers)
}

/// Stops the client for `stall` in the middle of `copy`.
///
/// # Errors
/// Like [`of_copy`].
pub(super) fn stalled_client(rig: &mut Rig, copy: &mut Command, stall: Duration) -> Result<Peaks> {
    let before = Before::look(rig)?;
    let mut child = spawn(copy)?;
    let mut workers = BTreeMap::new();
    let client = child.id();
    stall_for(client, stall, &mut child, &mut workers, before.agent.0)?;
    let cli = watch(&mut child, &mut workers, Some(before.agent.0))?;
    before.compare(cli, &workers)
}

fn stall_for(
    process: u32,
    stall: Duration,
    child: &mut Child,
    workers: &mut BTreeMap<u32, f64>,
    agent: u32,
) -> Result<()> {
    // Something has to be on its way first.
    let begun = Instant::now() + Duration::from_millis(500);
    while Instant::now() < begun && child.try_wait()?.is_none() {
        look_at_workers(agent, workers);
        std::thread::sleep(LOOK);
    }
    signal("STOP", process)?;
    std::thread::sleep(stall);
    ensure!(
        child.try_wait()?.is_none(),
        "the copy ended while its peer was stopped"
    );
    signal("CONT", process)
}

fn signal(name: &str, process: u32) -> Result<()> {
    crate::run::inherit(Command::new("kill").args(["-s", name, &process.to_string()]))
}

fn spawn(command: &mut Command) -> Result<Child> {
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null());
    Ok(quiet.stderr(Stdio::null()).spawn()?)
}

/// Waits for the end and gives the peak. Processes below `agent` are watched too.
fn watch(child: &mut Child, workers: &mut BTreeMap<u32, f64>, agent: Option<u32>) -> Result<f64> {
    let deadline = Instant::now() + PATIENCE;
    let mut highest: f64 = 0.0;
    loop {
        // It may have ended by itself; then the loop does.
        highest = highest.max(peak(child.id()).unwrap_or(0.0));
        if let Some(agent) = agent {
            look_at_workers(agent, workers);
        }
        if let Some(status) = child.try_wait()? {
            ensure!(status.success(), "the command failed ({status})");
            return Ok(highest);
        }
        if Instant::now() >= deadline {
            child.kill()?;
            bail!("the command did not end within {PATIENCE:?}");
        }
        std::thread::sleep(LOOK);
    }
}

fn look_at_workers(agent: u32, workers: &mut BTreeMap<u32, f64>) {
    let Ok(tasks) = fs::read_dir(format!("/proc/{agent}/task")) else {
        return;
    };
    for task in tasks.flatten() {
        let children = fs::read_to_string(task.path().join("children")).unwrap_or_default();
        for process in children.split_whitespace().filter_map(|id| id.parse().ok()) {
            let peak = peak(process).unwrap_or(0.0);
            let known = workers.entry(process).or_default();
            *known = known.max(peak);
        }
    }
}

/// Highest resident set of a process in MiB.
fn peak(process: u32) -> Result<f64> {
    let path = format!("/proc/{process}/status");
    let status = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .and_then(|rest| rest.trim().strip_suffix(" kB"))
        .and_then(|number| number.trim().parse::<f64>().ok())
        .map(|kib| kib / 1024.0)
        .with_context(|| format!("{path} names no peak"))
}
