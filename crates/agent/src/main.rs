//! The Alpacon agent: carries out the orders of the control plane on this
//! machine and reports what happened.
//!
//! An order's way through the modules: [`backhaul`] receives it, [`dispatch`] lets
//! [`orders`] verify it and gives it a turn, [`executor`] (`system`) or [`internal`]
//! carries it out, [`reporter`] brings the outcome back. [`mod@daemon`] puts all of
//! that together and takes it down again. [`registration`] is what happens before:
//! it writes what [`config`] reads.

mod args;
mod auth_socket;
mod backhaul;
mod backoff;
mod collector;
mod config;
mod console;
mod control;
mod daemon;
mod dispatch;
mod executor;
mod files;
mod guard;
mod hex;
mod internal;
mod inventory;
mod lenient;
mod lifecycle;
mod log;
mod orders;
mod pidfile;
mod platform;
mod pty;
mod random;
mod registration;
mod reporter;
mod server;
mod session;
mod socket;
mod sys;
mod tunnel;

use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use clap::error::ErrorKind;

use crate::args::{Arguments, Command, RegisterArguments, UnregisterArguments};
use crate::config::paths::{Overrides, Owner, Paths, config_to_write, find_config};
use crate::config::{Config, Tls};
use crate::lifecycle::Exit;
use crate::pidfile::PidFile;
use crate::platform::Distribution;
use crate::registration::{RegisterOptions, UnregisterOptions};

/// The distribution is not one we know; the service manager shall not retry.
const UNKNOWN_DISTRIBUTION: u8 = 78;

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return explain(&error),
    };
    match run(arguments) {
        Ok(code) => code,
        Err(error) => {
            console::error(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// Every misuse exits with 1; asked-for texts are no misuse.
fn explain(error: &clap::Error) -> ExitCode {
    match error.kind() {
        ErrorKind::DisplayVersion => console::say(server::VERSION),
        ErrorKind::DisplayHelp => console::say(error.render().to_string().trim_end()),
        _ => {
            let _printed = error.print();
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let overrides = Overrides {
        config: arguments.config,
        state_dir: arguments.state_dir,
        run_dir: arguments.run_dir,
    };
    let owner = Owner::current();
    match arguments.command {
        None => daemon(&overrides, &owner),
        Some(Command::Register(arguments)) => register(arguments, &overrides, &owner),
        Some(Command::Unregister(arguments)) => unregister(arguments, &overrides, &owner),
        Some(Command::Guard(command)) => guard::command(command),
        Some(Command::FileWorker) => files::worker::run().map(|()| ExitCode::SUCCESS),
        Some(Command::BrowseWorker) => files::worker::browse::run().map(|()| ExitCode::SUCCESS),
    }
}

fn daemon(overrides: &Overrides, owner: &Owner) -> anyhow::Result<ExitCode> {
    // Before the program may be replaced by an update.
    let program = std::env::current_exe().context("cannot tell which program this is")?;
    let distribution = Distribution::detect();
    if distribution.classify().is_none() {
        console::error(&format!(
            "this version does not support the distribution {:?}",
            distribution.id
        ));
        return Ok(ExitCode::from(UNKNOWN_DISTRIBUTION));
    }
    let path = find_config(overrides, owner)?;
    let config = Config::load(&path)?;
    let uploads = log::start(config.debug);
    let paths = Paths::new(overrides, owner);
    let pid_file = PidFile::create(&paths.pid_file)?;
    tracing::info!(version = server::VERSION, config = %path.display(), "starting");
    if !owner.root {
        tracing::warn!("without root this agent runs work only as its own user");
    }
    let exit = runtime()?.block_on(daemon::run(config, &paths, uploads))?;
    drop(pid_file);
    match exit {
        Exit::Stop | Exit::Retire => Ok(ExitCode::SUCCESS),
        Exit::GaveUp => Ok(ExitCode::FAILURE),
        Exit::Restart => Err(replace(&program)),
    }
}

/// The program starts over in this process.
fn replace(program: &PathBuf) -> anyhow::Error {
    let error = std::process::Command::new(program)
        .args(std::env::args_os().skip(1))
        .exec();
    anyhow::Error::new(error).context(format!("cannot restart {}", program.display()))
}

fn register(
    arguments: RegisterArguments,
    overrides: &Overrides,
    owner: &Owner,
) -> anyhow::Result<ExitCode> {
    let options = RegisterOptions {
        url: arguments.url,
        token: arguments.token,
        name: arguments.name,
        platform: arguments.platform,
        tls: Tls {
            verify: arguments.ssl_verify,
            ca_cert: arguments.ca_cert,
        },
        tags: arguments.tags.into_iter().collect(),
        cloud_probe: !arguments.no_cloud_probe,
        force: arguments.force,
        rollback: !arguments.no_rollback,
        service: !arguments.no_service,
        config: config_to_write(overrides, owner),
        state_dir: Paths::new(overrides, owner).state_dir,
    };
    runtime()?.block_on(registration::register(&options))?;
    Ok(ExitCode::SUCCESS)
}

fn unregister(
    arguments: UnregisterArguments,
    overrides: &Overrides,
    owner: &Owner,
) -> anyhow::Result<ExitCode> {
    let options = UnregisterOptions {
        verify: arguments.ssl_verify,
        ca_cert: arguments.ca_cert,
        yes: arguments.yes,
        keep_config: arguments.keep_config,
        service: !arguments.no_service,
        config: find_config(overrides, owner).unwrap_or_else(|_| config_to_write(overrides, owner)),
    };
    runtime()?.block_on(registration::unregister(&options))?;
    Ok(ExitCode::SUCCESS)
}

/// One thread: the agent waits far more than it works, and a thread less is
/// memory saved. What blocks goes to helper threads.
fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")
}
