//! What the exec guard adds to the programs that run below it.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::times::Times;
use crate::screen;

/// Programs started in one round.
const FORKS: usize = 200;
/// Rounds, plain and guarded in turn.
const ROUNDS: usize = 10;
/// Programs started at once.
const BURST: usize = 5_000;
/// Builds, plain and guarded in turn.
const BUILDS: usize = 3;
/// Files of the C project.
const SOURCES: usize = 60;
/// Kilobytes that a process adds; the program itself it shares with the agent.
const PRIVATE: &str = "Private_Dirty:";

/// Targets.
const P50_MS: f64 = 0.4;
const P99_MS: f64 = 2.0;
const BUILD_RATIO: f64 = 1.10;
const MEMORY_MIB: f64 = 2.0;

/// Starts `count` programs one after another and prints the nanoseconds of each.
///
/// # Errors
/// When one cannot be started.
pub(super) fn forks(count: usize) -> Result<()> {
    let mut text = String::new();
    for _ in 0..count {
        let start = Instant::now();
        let status = Command::new("/usr/bin/true").status()?;
        let elapsed = start.elapsed().as_nanos();
        ensure!(status.success(), "true failed");
        writeln!(text, "{elapsed}")?;
    }
    print!("{text}");
    Ok(())
}

/// Measures with the agent `alpamon` and prints the figures.
///
/// # Errors
/// When something cannot be started or does not work.
pub(super) fn measure(alpamon: &Path) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let policy = folder.path().join("policy.json");
    fs::write(&policy, r#"{"mode":"observe"}"#)?;
    let guarded = |words: &[&str]| {
        let mut command = Command::new(alpamon);
        command.args(["guard", "run", "--policy"]);
        command.arg(&policy).arg("--").args(words);
        command
    };

    screen::progress("starting programs, plain and guarded in turn");
    let own = std::env::current_exe()?;
    let own = own.to_str().context("the path of xtask is no text")?;
    let count = FORKS.to_string();
    let words = [own, "bench", "forks", &count];
    let mut times = (Times::default(), Times::default());
    for _ in 0..ROUNDS {
        times.0.append(series(&mut plain(&words))?);
        times.1.append(series(&mut guarded(&words))?);
    }

    screen::progress("starting many programs at once");
    let line =
        format!("i=0; while [ $i -lt {BURST} ]; do /usr/bin/true & i=$((i+1)); done; wait; exit 3");
    let burst = guarded(&["/bin/sh", "-c", &line]).status()?;
    ensure!(
        burst.code() == Some(3),
        "the burst did not survive: {burst}"
    );

    let build = if is_installed("make") && is_installed("cc") {
        screen::progress("building a C project, plain and guarded in turn");
        Some(build(folder.path(), guarded)?)
    } else {
        None
    };
    let memory = memory(&mut guarded(&[
        "/bin/sh",
        "-c",
        "echo ready; exec sleep 60",
    ]))?;
    screen::end_progress();

    for (name, percent, target) in [("p50", 50, P50_MS), ("p99", 99, P99_MS)] {
        let added = times.1.percentile(percent) - times.0.percentile(percent);
        println!("added to fork and exec, {name}: {added:.3} ms (target {target} ms)");
    }
    println!("{BURST} programs at once: survived");
    match build {
        Some((plain, guarded)) => println!(
            "make -j2 of {SOURCES} files: {:.2} of {plain:.2} s (target {BUILD_RATIO})",
            guarded / plain
        ),
        None => println!("make -j2: not measured, make or cc is not installed"),
    }
    println!("memory of one guard: {memory:.2} MiB (target {MEMORY_MIB} MiB)");
    Ok(())
}

fn plain(words: &[&str]) -> Command {
    let mut command = Command::new(words.first().copied().unwrap_or_default());
    command.args(words.get(1..).unwrap_or_default());
    command
}

fn series(command: &mut Command) -> Result<Times> {
    let output = command.stderr(Stdio::inherit()).output()?;
    ensure!(output.status.success(), "{command:?} failed");
    let mut times = Times::default();
    for line in String::from_utf8(output.stdout)?.lines() {
        times.add(Duration::from_nanos(line.parse()?));
    }
    times.drop_first(FORKS / 20);
    Ok(times)
}

fn is_installed(program: &str) -> bool {
    Path::new("/usr/bin").join(program).exists()
}

/// Median seconds, plain and guarded.
fn build(folder: &Path, guarded: impl Fn(&[&str]) -> Command) -> Result<(f64, f64)> {
    let project = folder.join("project");
    fs::create_dir(&project)?;
    for number in 0..SOURCES {
        let text = format!(
            "#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n\
             int f{number}(int n) {{ char b[64]; snprintf(b, sizeof b, \"%d\", n); \
             return (int) strlen(b) + n; }}\n"
        );
        fs::write(project.join(format!("f{number}.c")), text)?;
    }
    fs::write(
        project.join("Makefile"),
        "all: $(patsubst %.c,%.o,$(wildcard *.c))\n",
    )?;
    let project = project.to_str().context("the folder is no text")?;
    let words = ["/usr/bin/make", "-s", "-B", "-j2", "-C", project];
    let timed = |command: &mut Command| -> Result<Duration> {
        let start = Instant::now();
        ensure!(command.status()?.success(), "make failed");
        Ok(start.elapsed())
    };
    let mut times = (Times::default(), Times::default());
    for _ in 0..BUILDS {
        times.0.add(timed(&mut plain(&words))?);
        times.1.add(timed(&mut guarded(&words))?);
    }
    Ok((
        times.0.percentile(50) / 1000.0,
        times.1.percentile(50) / 1000.0,
    ))
}

/// MiB of a guard whose tree says that it runs; the guard is killed, and the tree with
/// it.
fn memory(command: &mut Command) -> Result<f64> {
    let mut guard = command.stdout(Stdio::piped()).spawn()?;
    let measured = (|| {
        let output = guard.stdout.take().context("no output")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        ensure!(line == "ready\n", "the guarded program said {line:?}");
        let text = fs::read_to_string(format!("/proc/{}/smaps_rollup", guard.id()))?;
        let mut total = 0.0;
        for line in text.lines() {
            if line.starts_with(PRIVATE) {
                let number = line.split_whitespace().nth(1).context("no number")?;
                total += number.parse::<f64>()?;
            }
        }
        Ok(total / 1024.0)
    })();
    guard.kill()?;
    guard.wait()?;
    measured
}
