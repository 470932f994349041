//! Runs one command many times over one connection and prints how long each run
//! took, in microseconds, one a line. `cargo xtask bench exec` compares it with
//! `ssh` over a connection that is already open.
//!
//! Usage: `exec-loop HOME SERVER COUNT LINE`; HOME holds a logged-in `.alpacon`.

#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "the figures are its output")]

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use client::commands::Submit;
use client::exec::{self, DEFAULT_TIMEOUT, Notice, Observer, Options, Outcome};
use client::{Api, ConfigStore};
use protocol::auth::extension;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [home, server, count, line] = arguments.as_slice() else {
        bail!("usage: exec-loop HOME SERVER COUNT LINE");
    };
    let count: usize = count.parse().context("COUNT is no number")?;
    let config = ConfigStore::in_home(Path::new(home))
        .load()?
        .context("not logged in")?;
    let api = Api::from_config(&config, "alpacon-exec-loop")?;
    let options = Options {
        timeout: DEFAULT_TIMEOUT,
        streamed: config.has_extension(extension::EXEC_STREAM),
        hold: None,
    };
    for _ in 0..count {
        let started = Instant::now();
        let submit = |id: String| {
            let session = config.active_work_session().map(str::to_owned);
            Submit::new(id, line.clone()).work_session(session)
        };
        let outcome = Box::pin(exec::run(&api, server, submit, options, &mut Quiet)).await?;
        let elapsed = started.elapsed();
        let Outcome::Ended(command) = outcome else {
            bail!("the command did not end");
        };
        ensure!(command.success == Some(true), "the command failed");
        println!("{}", elapsed.as_micros());
    }
    Ok(())
}

/// Nobody watches.
struct Quiet;

impl Observer for Quiet {
    fn submitted(&mut self, _id: &str) {}
    fn output(&mut self, _text: &str) {}
    fn notice(&mut self, _notice: Notice) {}
}
