//! `alpamon guard run`: a program under the exec guard alone, for tests and for
//! finding out what a policy does.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::ExitCode;

use ::guard::{Ending, GuardError, Journal, Launch, Policy, read_policy};
use anyhow::Context;

use crate::args::GuardRunArguments;
use crate::console;

/// As a shell says it: the program was not found or could not be started.
const NOT_STARTED: i32 = 127;

/// Runs a program under the guard and passes its exit status on.
///
/// # Errors
/// Where the policy cannot be used.
pub(super) fn run(arguments: GuardRunArguments) -> anyhow::Result<ExitCode> {
    let policy = policy(&arguments)?;
    let events = events(arguments.events.as_deref())?;
    ::guard::protect_this_process();
    let mut journal = Journal::new(events, std::io::stderr());
    let launch = Launch::new(arguments.command);
    let code = match ::guard::run(&policy, &launch, &mut journal) {
        Ok(Ending::Exited(status)) => status,
        Ok(Ending::Killed(signal)) => 128 + signal,
        Err(error @ GuardError::Start { .. }) => {
            console::error(&format!("{:#}", anyhow::Error::new(error)));
            NOT_STARTED
        }
        Err(error) => return Err(error.into()),
    };
    Ok(ExitCode::from(u8::try_from(code).unwrap_or(u8::MAX)))
}

fn policy(arguments: &GuardRunArguments) -> anyhow::Result<Policy> {
    let path = &arguments.policy;
    let text = std::fs::read(path)
        .with_context(|| format!("cannot read the guard policy {}", path.display()))?;
    let mut policy = read_policy(&text).with_context(|| path.display().to_string())?;
    policy.mode = arguments.mode.unwrap_or(policy.mode);
    policy.depth = arguments.depth.unwrap_or(policy.depth);
    Ok(policy)
}

/// Nobody else may read what ran, or write what is said about it.
fn events(path: Option<&Path>) -> anyhow::Result<Box<dyn Write>> {
    let Some(path) = path else {
        return Ok(Box::new(std::io::sink()));
    };
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .with_context(|| format!("cannot write exec events to {}", path.display()))?;
    Ok(Box::new(file))
}
