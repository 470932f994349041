//! The workspace's own tasks: `cargo xtask --help` lists them.

#![forbid(unsafe_code)]
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a task talks to the person who runs it"
)]

mod bench;
mod build;
mod ci;
mod dist;
mod interrupt;
mod man;
mod openapi;
mod packages;
mod postgres;
mod quickstart;
mod repository;
mod run;
mod screen;
mod test;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Tasks of the Alpacon workspace.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Build everything, start it here and walk through the product.
    Quickstart(quickstart::Arguments),
    /// Run every test, the end-to-end suite on each database.
    Test(test::Arguments),
    /// Measure speed and memory.
    Bench(bench::Arguments),
    /// Everything a change must pass: format, lints, docs, licences, tests.
    Ci(ci::Arguments),
    /// Write the OpenAPI document that is kept in docs/.
    Openapi(openapi::Arguments),
    /// Write man pages and shell completions into target/dist.
    Man,
    /// Build the programs as they are shipped, for old distributions, into target/dist.
    Dist,
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().task {
        Task::Quickstart(arguments) => quickstart::run(&arguments),
        Task::Test(arguments) => test::run(&arguments),
        Task::Bench(arguments) => bench::run(&arguments),
        Task::Ci(arguments) => ci::run(&arguments),
        Task::Openapi(arguments) => openapi::run(&arguments),
        Task::Man => man::run(),
        Task::Dist => dist::run(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nFailed: {error:#}");
            ExitCode::FAILURE
        }
    }
}
