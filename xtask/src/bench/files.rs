//! `cargo xtask bench files`: `alpacon cp` beside `scp` and `sftp`.
//!
//! Each copy is compared with its source, so that no speed is measured of something
//! that did not arrive.

mod memory;
mod sample;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use super::rig::Rig;
use super::sshd::Sshd;
use super::times::Times;
use crate::{run, screen};

pub(super) use memory::Peaks;

/// Of the one large file.
const LARGE: u64 = 1 << 30;
/// Of the file that a stalled peer does not take.
const HUGE: u64 = 10 << 30;
const SMALL_FILES: usize = 10_000;
/// Before the memory of a stalled transfer is looked at.
const STALL: Duration = Duration::from_secs(10);

const LARGE_TARGET: f64 = 1.0;
const SMALL_TARGET: f64 = 3.0;
/// Above idle, of each process.
const MEMORY_TARGET_MIB: f64 = 32.0;

/// One way of copying, as it is measured.
#[derive(Clone, Copy)]
enum Tool {
    Ours,
    Scp,
    Sftp,
}

const TOOLS: [Tool; 3] = [Tool::Ours, Tool::Scp, Tool::Sftp];

/// What was measured of one way.
struct Row {
    label: &'static str,
    /// In the order of [`TOOLS`]; `sftp` copies no trees here.
    times: [Times; 3],
    /// Of scp's time, in ours: at least.
    target: f64,
}

/// What was found.
pub(crate) struct Findings {
    rows: Vec<Row>,
    /// MiB above idle, by what was done.
    memory: Vec<(&'static str, Peaks)>,
}

/// Measures everything, alternating between ours and theirs.
///
/// # Errors
/// When something does not start, does not work, or arrives changed.
pub(crate) fn measure(rig: &mut Rig, sshd: &Sshd, rounds: usize) -> Result<Findings> {
    let folder = rig.folder().join("files");
    let place = Place::make(&folder)?;
    // What is loaded once is loaded.
    place.copy(rig, sshd, Tool::Ours, &Way::up("small-file", "out"))?;
    let mut rows = Vec::new();
    for (label, way, target) in [
        ("1 GiB up", Way::up("large", "large-up"), LARGE_TARGET),
        ("1 GiB down", Way::down("large", "large-down"), LARGE_TARGET),
        ("10,000 files up", Way::up("tree", "tree-up"), SMALL_TARGET),
        (
            "10,000 files down",
            Way::down("tree", "tree-down"),
            SMALL_TARGET,
        ),
    ] {
        screen::progress(&format!("copying: {label}"));
        let row = place.row(rig, sshd, label, &way, target, rounds)?;
        let [ours, scp, _] = row.seconds();
        eprintln!("{label}: {ours:.2} s, scp {scp:.2} s");
        rows.push(row);
    }
    let mut memory = Vec::new();
    for (label, way) in [
        ("1 GiB up", Way::up("large", "large-up")),
        ("1 GiB down", Way::down("large", "large-down")),
        ("10,000 files up", Way::up("tree", "tree-up")),
        ("10,000 files down", Way::down("tree", "tree-down")),
    ] {
        screen::progress(&format!("memory: {label}"));
        let mut copy = place.command(rig, sshd, Tool::Ours, &way)?;
        memory.push((label, memory::of_copy(rig, &mut copy)?));
        place.clean(&way)?;
    }
    screen::progress("memory: 10 GiB with a host that does not take it");
    let huge = Way::up("huge", "huge-up");
    let mut copy = place.command(rig, sshd, Tool::Ours, &huge)?;
    memory.push((
        "10 GiB up, stalled host",
        memory::stalled_agent(rig, &mut copy, STALL)?,
    ));
    place.require_size(&huge)?;
    place.clean(&huge)?;
    screen::progress("memory: 10 GiB with a client that does not take it");
    let huge = Way::down("huge", "huge-down");
    let mut copy = place.command(rig, sshd, Tool::Ours, &huge)?;
    memory.push((
        "10 GiB down, stalled client",
        memory::stalled_client(rig, &mut copy, STALL)?,
    ));
    place.require_size(&huge)?;
    screen::end_progress();
    Ok(Findings { rows, memory })
}

/// From one name to another.
struct Way {
    up: bool,
    from: &'static str,
    to: &'static str,
}

impl Way {
    fn up(from: &'static str, to: &'static str) -> Self {
        Self { up: true, from, to }
    }

    fn down(from: &'static str, to: &'static str) -> Self {
        Self {
            up: false,
            from,
            to,
        }
    }

    fn is_tree(&self) -> bool {
        self.from == "tree"
    }
}

/// Sources and destinations, on one disk.
struct Place {
    folder: PathBuf,
}

impl Place {
    fn make(folder: &Path) -> Result<Self> {
        screen::progress("writing files to copy");
        std::fs::create_dir_all(folder)?;
        sample::file(&folder.join("large"), LARGE)?;
        sample::file(&folder.join("small-file"), 1000)?;
        sample::tree(&folder.join("tree"), SMALL_FILES)?;
        std::fs::File::create(folder.join("huge"))?.set_len(HUGE)?;
        Ok(Self {
            folder: folder.to_owned(),
        })
    }

    fn row(
        &self,
        rig: &Rig,
        sshd: &Sshd,
        label: &'static str,
        way: &Way,
        target: f64,
        rounds: usize,
    ) -> Result<Row> {
        let mut times = [Times::default(), Times::default(), Times::default()];
        for _ in 0..rounds {
            for (tool, times) in TOOLS.into_iter().zip(&mut times) {
                if matches!(tool, Tool::Sftp) && way.is_tree() {
                    continue;
                }
                times.add(self.copy(rig, sshd, tool, way)?);
            }
        }
        Ok(Row {
            label,
            times,
            target,
        })
    }

    /// Copies, compares and cleans up. Only the copying counts.
    fn copy(&self, rig: &Rig, sshd: &Sshd, tool: Tool, way: &Way) -> Result<Duration> {
        let mut command = self.command(rig, sshd, tool, way)?;
        let started = Instant::now();
        run::capture(&mut command)?;
        let time = started.elapsed();
        let (from, to) = (self.folder.join(way.from), self.arrived(way));
        run::capture(Command::new("diff").arg("-r").arg(from).arg(to))?;
        self.clean(way)?;
        Ok(time)
    }

    fn command(&self, rig: &Rig, sshd: &Sshd, tool: Tool, way: &Way) -> Result<Command> {
        let (from, to) = (self.folder.join(way.from), self.folder.join(way.to));
        if way.is_tree() {
            // All of them put a tree below what exists.
            std::fs::create_dir_all(&to)?;
        }
        let (from, to) = (from.display().to_string(), to.display().to_string());
        let remote = |host: &str, path: &str, wanted: bool| match wanted {
            true => format!("{host}:{path}"),
            false => path.to_owned(),
        };
        let ends = |host: &str| (remote(host, &from, !way.up), remote(host, &to, way.up));
        let recursive = way.is_tree();
        Ok(match tool {
            Tool::Ours => {
                let (from, to) = ends(rig.name());
                match recursive {
                    true => rig.cli(&["cp", "-r", &from, &to]),
                    false => rig.cli(&["cp", &from, &to]),
                }
            }
            Tool::Scp => {
                let (from, to) = ends(Sshd::HOST);
                sshd.scp(recursive, &from, &to)
            }
            Tool::Sftp => sshd.sftp(way.up, &from, &to)?,
        })
    }

    fn arrived(&self, way: &Way) -> PathBuf {
        let to = self.folder.join(way.to);
        match way.is_tree() {
            true => to.join(way.from),
            false => to,
        }
    }

    /// Makes way for the next copy. Trees only go aside: ext4 avoids the inodes of what
    /// was removed in the last minutes, and looks at each of them again for every new
    /// file, which would be most of what is measured.
    fn clean(&self, way: &Way) -> Result<()> {
        let to = self.folder.join(way.to);
        if !way.is_tree() {
            return Ok(std::fs::remove_file(to)?);
        }
        let aside = self.folder.join("aside");
        std::fs::create_dir_all(&aside)?;
        let count = aside.read_dir()?.count();
        Ok(std::fs::rename(to, aside.join(count.to_string()))?)
    }

    fn require_size(&self, way: &Way) -> Result<()> {
        let arrived = self.arrived(way).metadata()?.len();
        ensure!(arrived == HUGE, "{arrived} of {HUGE} bytes arrived");
        Ok(())
    }
}

impl Row {
    /// Medians in seconds; 0 where nothing was measured.
    fn seconds(&self) -> [f64; 3] {
        self.times
            .each_ref()
            .map(|times| times.percentile(50) / 1000.0)
    }

    /// How many times as fast as scp.
    fn ratio(&self) -> f64 {
        let [ours, scp, _] = self.seconds();
        scp / ours
    }
}

impl Findings {
    /// As one object.
    pub(crate) fn json(&self) -> Value {
        let rows: Vec<Value> = self
            .rows
            .iter()
            .map(|row| {
                let [ours, scp, sftp] = row.seconds();
                json!({
                    "what": row.label, "ours_s": ours, "scp_s": scp, "sftp_s": sftp,
                    "ratio": row.ratio(), "target_ratio": row.target,
                    "met": row.ratio() >= row.target,
                })
            })
            .collect();
        let memory: Vec<Value> = self
            .memory
            .iter()
            .map(|(label, peaks)| json!({"what": label, "mib_above_idle": peaks.json()}))
            .collect();
        json!({"copies": rows, "memory": memory, "memory_target_mib": MEMORY_TARGET_MIB})
    }

    /// As a table.
    pub(crate) fn print(&self) {
        println!(
            "release build, loopback, TLS on both legs, AES-256-GCM in all; seconds (median)\n"
        );
        println!(
            "{:<30}{:>9}{:>9}{:>9}{:>8}{:>9}",
            "", "ours", "scp", "sftp", "ratio", "target"
        );
        for row in &self.rows {
            let [ours, scp, sftp] = row.seconds();
            let met = verdict(row.ratio() >= row.target);
            println!(
                "{:<30}{ours:>9.2}{scp:>9.2}{sftp:>9.2}{:>8.2}{:>9.1}  {met}",
                row.label,
                row.ratio(),
                row.target
            );
        }
        println!(
            "\n{:<30}{:>9}{:>9}{:>9}{:>9}{:>8}",
            "peak above idle, MiB", "cli", "server", "agent", "worker", "target"
        );
        for (label, peaks) in &self.memory {
            let met = verdict(peaks.highest() <= MEMORY_TARGET_MIB);
            println!(
                "{label:<30}{:>9.1}{:>9.1}{:>9.1}{:>9.1}{:>8.0}  {met}",
                peaks.cli, peaks.server, peaks.agent, peaks.worker, MEMORY_TARGET_MIB
            );
        }
    }
}

fn verdict(met: bool) -> &'static str {
    if met { "met" } else { "missed" }
}
