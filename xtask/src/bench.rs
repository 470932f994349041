//! `cargo xtask bench`: our speed beside OpenSSH's, measured in the same run.
//!
//! Figures are shown beside the targets and never fail the task: a busy machine
//! is not a defect. A command that fails or prints the wrong thing does fail it.

mod files;
mod guard;
mod report;
mod rig;
mod service;
mod sshd;
mod times;
mod tunnel;

use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::Subcommand;

use crate::build::{self, Profile};
use crate::packages::{self, Need};
use crate::screen;
use report::{Comparison, Report};
use rig::Rig;
use sshd::Sshd;
use times::Times;

/// Commands of one agent at the same time.
const CONCURRENT: usize = 200;
/// Lines each of them prints.
const LINES: usize = 20;
/// Runs before counting starts.
const WARM_UP: usize = 3;

/// What `cargo xtask bench` takes.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// `alpacon exec` beside `ssh`, and what the programs cost at rest.
    Exec(ExecArguments),
    /// `alpacon tunnel` beside `ssh -L`.
    Tunnel(TunnelArguments),
    /// `alpacon cp` beside `scp` and `sftp`, and the memory that copies cost.
    Files(FilesArguments),
    /// Deciding about a line: rules and guardrails, without programs around.
    Judge,
    /// Logins and token checks, and what they cost running commands.
    Identity(IdentityArguments),
    /// What the exec guard adds to the programs below it.
    Guard(GuardArguments),
    /// Starts programs for `guard`.
    #[command(hide = true)]
    Forks {
        /// How many.
        count: usize,
    },
}

#[derive(clap::Args)]
struct GuardArguments {
    /// Take the programs of the last release build.
    #[arg(long, hide = true)]
    built: bool,
}

#[derive(clap::Args)]
struct IdentityArguments {
    /// Take the programs of the last release build.
    #[arg(long, hide = true)]
    built: bool,
}

#[derive(clap::Args)]
struct ExecArguments {
    /// Print one JSON object instead of a table.
    #[arg(long)]
    json: bool,
    /// Measurements of each kind.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..))]
    samples: u16,
    /// Take the programs of the last release build.
    #[arg(long, hide = true)]
    built: bool,
}

#[derive(clap::Args)]
struct FilesArguments {
    /// Print one JSON object instead of a table.
    #[arg(long)]
    json: bool,
    /// Copies of each kind.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,
    /// Take the programs of the last release build.
    #[arg(long, hide = true)]
    built: bool,
}

#[derive(clap::Args)]
struct TunnelArguments {
    /// Print one JSON object instead of a table.
    #[arg(long)]
    json: bool,
    /// Rounds of each measurement.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,
    /// Take the programs of the last release build.
    #[arg(long, hide = true)]
    built: bool,
}

/// Runs a benchmark.
///
/// # Errors
/// When something cannot be built, started or does not work.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    match &arguments.what {
        What::Exec(arguments) => exec(arguments),
        What::Tunnel(arguments) => tunnel(arguments),
        What::Files(arguments) => files(arguments),
        What::Judge => judge(),
        What::Identity(arguments) => identity(arguments),
        What::Guard(arguments) => {
            let binaries = if arguments.built {
                build::binaries(Profile::Release)?
            } else {
                build::programs(Profile::Release)?
            };
            guard::measure(&binaries.folder().join("alpamon"))
        }
        What::Forks { count } => guard::forks(*count),
    }
}

/// An example of the guardrail crate measures: xtask depends on none of our crates.
fn judge() -> Result<()> {
    let mut command = crate::run::cargo();
    command.args([
        "run",
        "--release",
        "--quiet",
        "--package",
        "alpacon-guardrail",
    ]);
    crate::run::inherit(command.args(["--example", "judge-speed"]))
}

/// A program of testkit measures: it needs more than xtask may depend on.
fn identity(arguments: &IdentityArguments) -> Result<()> {
    packages::ensure(&[Need::Chromium, Need::ChromiumDriver])?;
    let binaries = if arguments.built {
        build::binaries(Profile::Release)?
    } else {
        build::programs(Profile::Release)?
    };
    let program = binaries.folder().join("identity-load");
    crate::run::inherit(&mut Command::new(program))
}

fn tunnel(arguments: &TunnelArguments) -> Result<()> {
    packages::ensure(&Need::BENCH)?;
    let binaries = if arguments.built {
        build::binaries(Profile::Release)?
    } else {
        build::programs(Profile::Release)?
    };
    let mut rig = Rig::start(binaries)?;
    let sshd = Sshd::start(rig.folder())?;
    let findings = tunnel::measure(&mut rig, &sshd, usize::from(arguments.rounds))?;
    if arguments.json {
        println!("{}", findings.json());
    } else {
        findings.print();
    }
    Ok(())
}

fn files(arguments: &FilesArguments) -> Result<()> {
    packages::ensure(&Need::BENCH)?;
    let binaries = if arguments.built {
        build::binaries(Profile::Release)?
    } else {
        build::programs(Profile::Release)?
    };
    let mut rig = Rig::start(binaries)?;
    let sshd = Sshd::start(rig.folder())?;
    let findings = files::measure(&mut rig, &sshd, usize::from(arguments.rounds))?;
    if arguments.json {
        println!("{}", findings.json());
    } else {
        findings.print();
    }
    Ok(())
}

fn exec(arguments: &ExecArguments) -> Result<()> {
    packages::ensure(&Need::BENCH)?;
    let binaries = if arguments.built {
        build::binaries(Profile::Release)?
    } else {
        build::programs(Profile::Release)?
    };
    let samples = usize::from(arguments.samples);
    let mut rig = Rig::start(binaries)?;
    let sshd = Sshd::start(rig.folder())?;

    screen::progress("measuring cold commands");
    let cold = interleaved(
        samples,
        || timed(&mut rig.cli(&["exec", rig.name(), "true"])),
        || timed(&mut sshd.fresh(&["true"])),
    )?;
    screen::progress("measuring over an open connection");
    sshd.open_master()?;
    let warm = warm(samples, &rig, &sshd)?;
    sshd.close_master()?;
    screen::progress("measuring the start of the CLI");
    let mut start = Times::default();
    for _ in 0..samples + WARM_UP {
        start.add(timed(&mut rig.cli(&["version"]))?);
    }
    start.drop_first(WARM_UP);
    let memory = rig.memory()?;
    screen::progress("running 200 commands at once");
    let storm = storm(&rig)?;
    screen::end_progress();

    let report = Report {
        samples,
        cold: Comparison {
            ours: cold.0,
            theirs: cold.1,
            target_ratio: 0.35,
        },
        warm: Comparison {
            ours: warm.0,
            theirs: warm.1,
            target_ratio: 1.2,
        },
        start,
        memory,
        storm,
    };
    if arguments.json {
        println!("{}", report.json());
    } else {
        report.print();
    }
    Ok(())
}

/// Alternates between ours and theirs, so that both see the same weather.
fn interleaved(
    samples: usize,
    mut ours: impl FnMut() -> Result<Duration>,
    mut theirs: impl FnMut() -> Result<Duration>,
) -> Result<(Times, Times)> {
    let mut times = (Times::default(), Times::default());
    for _ in 0..samples + WARM_UP {
        times.0.add(ours()?);
        times.1.add(theirs()?);
    }
    times.0.drop_first(WARM_UP);
    times.1.drop_first(WARM_UP);
    Ok(times)
}

/// One process that runs many commands beside many `ssh` over one connection.
/// The public CLI has no batch mode, so ours is a small program over the same
/// client library (`exec-loop` in testkit); it pays for no process start, which
/// `ssh` does. Rounds alternate.
fn warm(samples: usize, rig: &Rig, sshd: &Sshd) -> Result<(Times, Times)> {
    const ROUND: usize = 10;
    let mut times = (Times::default(), Times::default());
    for _ in 0..samples.div_ceil(ROUND) {
        let mut ours = rig.exec_loop(ROUND + WARM_UP, "true")?;
        ours.drop_first(WARM_UP);
        times.0.append(ours);
        for _ in 0..ROUND {
            times.1.add(timed(&mut sshd.over_master(&["true"]))?);
        }
    }
    Ok(times)
}

/// Runs `command` to its end; it must exit with 0.
fn timed(command: &mut Command) -> Result<Duration> {
    command.stdin(Stdio::null()).stdout(Stdio::null());
    command.stderr(Stdio::piped());
    let started = Instant::now();
    let output = command.output().context("cannot run the command")?;
    let elapsed = started.elapsed();
    ensure!(
        output.status.success(),
        "`{}` failed ({}): {}",
        crate::run::display(command),
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(elapsed)
}

/// All commands at once; each must print its own lines in order. Gives the time
/// from the first start to the last end.
fn storm(rig: &Rig) -> Result<Duration> {
    let started = Instant::now();
    let outcomes = thread::scope(|scope| {
        let running: Vec<_> = (0..CONCURRENT)
            .map(|number| scope.spawn(move || one_of_many(rig, number)))
            .collect();
        running
            .into_iter()
            .map(|thread| thread.join().unwrap_or(Err(anyhow::anyhow!("it panicked"))))
            .collect::<Vec<_>>()
    });
    let elapsed = started.elapsed();
    let failures: Vec<String> = outcomes
        .into_iter()
        .filter_map(|outcome| outcome.err().map(|error| format!("{error:#}")))
        .collect();
    ensure!(
        failures.is_empty(),
        "{} of {CONCURRENT} concurrent commands failed, for example: {}",
        failures.len(),
        failures.first().map_or("", String::as_str)
    );
    Ok(elapsed)
}

fn one_of_many(rig: &Rig, number: usize) -> Result<()> {
    let script = format!("for i in $(seq {LINES}); do echo {number}-$i; done");
    let output = rig
        .cli(&["exec", rig.name(), &script])
        .stdin(Stdio::null())
        .output()?;
    ensure!(
        output.status.success(),
        "{}: {}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    let expected: String = (1..=LINES)
        .map(|line| format!("{number}-{line}\n"))
        .collect();
    ensure!(
        output.stdout == expected.as_bytes(),
        "wrong output: {}",
        String::from_utf8_lossy(&output.stdout)
    );
    Ok(())
}
