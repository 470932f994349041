//! Building the workspace.
//!
//! Always the whole workspace: building one package alone chooses other features
//! of shared dependencies and compiles them a second time.

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use programs::Binaries;

use crate::screen;
use crate::{repository, run};

/// Lines of cargo's messages shown when a build fails.
const TAIL_LINES: usize = 60;

/// How the programs are compiled.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Profile {
    /// Quick to build.
    Debug,
    /// Quick to run.
    Release,
}

impl Profile {
    /// Its folder below `target`.
    pub(crate) fn folder(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Release => "release",
        }
    }
}

/// Builds the programs with one line of progress instead of cargo's hundreds.
///
/// # Errors
/// When the build fails; cargo's last messages are printed.
pub(crate) fn programs(profile: Profile) -> Result<Binaries> {
    let mut command = run::cargo();
    command.args(["build", "--workspace", "--bins"]);
    if profile == Profile::Release {
        command.arg("--release");
    }
    let line = run::display(&command);
    screen::command(&line);
    let started = Instant::now();
    let mut child = command
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot run `{line}`"))?;
    let mut messages = Vec::new();
    let mut compiled = 0_usize;
    if let Some(stderr) = child.stderr.take() {
        for message in BufReader::new(stderr).lines() {
            let message = message?;
            let text = message.trim_start();
            if text.starts_with("Compiling") {
                compiled += 1;
                let elapsed = screen::duration(started.elapsed());
                screen::progress(&format!("  {elapsed}, crate {compiled}: {text}"));
            } else if text.starts_with("Blocking") {
                screen::progress(&format!("  {text}"));
            }
            messages.push(message);
        }
    }
    screen::end_progress();
    let status = child.wait()?;
    if !status.success() {
        let tail = messages.len().saturating_sub(TAIL_LINES);
        for message in messages.get(tail..).unwrap_or_default() {
            eprintln!("{message}");
        }
        bail!("`{line}` failed ({status})");
    }
    let elapsed = screen::duration(started.elapsed());
    screen::remark(&match compiled {
        0 => "up to date".to_owned(),
        _ => format!("{compiled} crates compiled in {elapsed}"),
    });
    binaries(profile)
}

/// The programs of an earlier build.
///
/// # Errors
/// When there was none.
pub(crate) fn binaries(profile: Profile) -> Result<Binaries> {
    Ok(Binaries::in_folder(
        &repository::target().join(profile.folder()),
    )?)
}
