//! The Alpacon control plane.

#![forbid(unsafe_code)]

mod agents;
mod app;
mod applications;
mod approvals;
mod audit;
mod commands;
mod config;
mod crypto;
mod egress;
mod events;
mod federation;
mod fleet;
mod gate;
mod history;
mod http;
mod iam;
mod identity;
mod locks;
mod mail;
mod mfa;
mod notifications;
mod oauth;
mod objects;
mod oidc;
mod onboarding;
mod pages;
mod program;
mod programs;
mod rendezvous;
mod rounds;
mod sudo;
mod telemetry;
mod tokens;
mod transfers;
mod trust;
mod tunnels;
mod webftp;
mod websh;
mod work_sessions;
mod workspace;

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    program::run()
}
