//! The Alpacon control plane.

#![forbid(unsafe_code)]

mod agents;
mod app;
mod audit;
mod commands;
mod config;
mod crypto;
mod events;
mod fleet;
mod gate;
mod history;
mod http;
mod iam;
mod identity;
mod program;
mod programs;
mod telemetry;
mod tokens;
mod work_sessions;
mod workspace;

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    program::run()
}
