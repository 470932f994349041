//! The product in one command: build, start, walk through, leave running.

mod stage;
mod walk;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, bail};

use crate::build::{self, Profile};
use crate::interrupt::Interrupt;
use crate::screen;
use stage::Stage;

/// Between two looks at the running programs.
const WATCH: Duration = Duration::from_millis(500);

/// What `cargo xtask quickstart` takes.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// End after the walk instead of leaving everything running.
    #[arg(long)]
    pub(crate) once: bool,
    /// Serve HTTPS with a CA made for this run (the default).
    #[arg(long, overrides_with = "no_tls")]
    tls: bool,
    /// Serve plain HTTP.
    #[arg(long)]
    pub(crate) no_tls: bool,
    /// Keep all data in this folder; a second start goes on with it.
    #[arg(long, value_name = "DIR")]
    pub(crate) keep: Option<PathBuf>,
    /// Build optimised programs: several times slower to build.
    #[arg(long)]
    pub(crate) release: bool,
    /// Take the programs of the last build.
    #[arg(long, hide = true)]
    pub(crate) built: bool,
}

impl Arguments {
    /// What CI runs after the tests, with the programs that were tested.
    pub(crate) fn once() -> Self {
        Self {
            once: true,
            tls: true,
            no_tls: false,
            keep: None,
            release: false,
            built: true,
        }
    }
}

/// Runs the quickstart.
///
/// # Errors
/// When a step does not do what the reader was promised; the logs are kept and
/// named.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let interrupt = Interrupt::catch()?;
    let profile = if arguments.release {
        Profile::Release
    } else {
        Profile::Debug
    };

    screen::say("Alpacon quickstart: control plane, agent and CLI on this machine.");
    screen::heading("1. Build the three programs (quick debug build; --release optimises)");
    let binaries = if arguments.built {
        build::binaries(profile)?
    } else {
        build::programs(profile)?
    };
    let mut stage = Stage::new(binaries, arguments)?;
    let outcome = walk::run(&mut stage).and_then(|()| {
        if arguments.once {
            return Ok(());
        }
        stage.show_access();
        while !interrupt.within(WATCH) {
            if let Some(what) = stage.anything_ended() {
                bail!("{what}");
            }
        }
        screen::say("\nStopping.");
        Ok(())
    });
    if outcome.is_err() {
        stage.keep_evidence();
    }
    outcome
}
