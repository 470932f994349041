//! The `alpacon` command line as a library, so that the command tree is there for
//! man pages and completions as well as for the program.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod args;
mod browser;
mod commands;
mod context;
mod envelope;
mod error;
mod gate;
mod pending;
mod prompt;
mod shell;
mod target;
mod usage;

mod output;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::CommandFactory as _;

use crate::args::Cli;
use crate::commands::{exec, websh};
use crate::error::Failure;
use crate::output::Format;

/// The whole command tree.
#[must_use]
pub fn command() -> clap::Command {
    Cli::command()
}

/// Runs one command line, the program's name included.
#[must_use]
pub fn run(argv: &[OsString]) -> ExitCode {
    ExitCode::from(match exec::raw::route(argv) {
        // `exec` reads its words itself, because most of them belong to the host.
        Some(Ok(request)) => {
            let format = request.format;
            prepare(format);
            finish(commands::block_on(exec::run(request)), format, "command")
        }
        Some(Err((error, format))) => finish(Err(error.into()), format, "exec"),
        None => match websh::route(argv) {
            Some(Ok(words)) => {
                let format = words.request.format;
                prepare(format);
                finish(commands::block_on(websh::run(words)), format, "websh")
            }
            Some(Err((error, format))) => finish(Err(error.into()), format, "websh"),
            None => general(argv),
        },
    })
}

fn general(argv: &[OsString]) -> u8 {
    match usage::parse(argv) {
        Ok(cli) => {
            let format = cli.output;
            prepare(format);
            let operation = usage::operation(argv);
            finish(commands::dispatch(cli), format, &operation)
        }
        Err(status) => status,
    }
}

fn prepare(format: Format) {
    if format == Format::Json {
        output::spinner::silence();
    }
}

fn finish(result: Result<(), Failure>, format: Format, operation: &str) -> u8 {
    match result {
        Ok(()) => 0,
        Err(failure) => failure.report(format, operation),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_command_tree_is_sound() {
        super::command().debug_assert();
    }
}
