//! The Alpacon control plane.

#![forbid(unsafe_code)]

mod agents;
mod app;
mod approvals;
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
mod locks;
mod mail;
mod oauth;
mod objects;
mod onboarding;
mod pages;
mod program;
mod rounds;
mod sudo;
mod telemetry;
mod tokens;
mod transfers;
mod tunnels;
mod websh;
mod work_sessions;
mod workspace;

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    program::run()
}
