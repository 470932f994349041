//! `alpacon tunnel` (`cli-core.md` §12).

mod child;
mod forward;
mod keeper;
mod listener;
mod report;

use std::ffi::OsString;
use std::rc::Rc;

use client::tunnels::Request;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use crate::commands::exec::session_choice;
use crate::context::Context;
use crate::error::{CliError, Failure};

use child::Child;
use forward::Forwarder;
use keeper::Keeper;
use listener::Listener;
use report::{Place, Statistics};

pub(crate) const USAGE: &str =
    "alpacon tunnel --local PORT --remote PORT [FLAGS] SERVER [-- COMMAND...]";

pub(crate) const HELP: &str = "\
Connections to the local port reach the remote port on the server's own loopback
address. With a command after --, the tunnel is open while it runs, and its exit
status is passed through. A tunnel that breaks is opened again; the local port stays.

Examples:
  alpacon tunnel db-01 -l 15432 -r 5432
  alpacon tunnel db-01 -l 0 -r 5432
  alpacon tunnel db-01 -l 15432 -r 5432 -- psql -h 127.0.0.1 -p 15432
  alpacon tunnel web-01 -l 8080 -r 80 -- sh -c 'curl -s localhost:8080 | head'";

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Local port; 0: any free one.
    #[arg(short, long, value_name = "PORT", value_parser = local_port)]
    local: u16,
    /// Port on the server, on its loopback address.
    #[arg(short, long, value_name = "PORT", value_parser = remote_port)]
    remote: u16,
    /// Open it as this account.
    #[arg(short, long)]
    username: Option<String>,
    /// Open it with this group.
    #[arg(short, long)]
    groupname: Option<String>,
    /// Tell of each connection.
    #[arg(short, long)]
    verbose: bool,
    /// Use this work session.
    #[arg(long, value_name = "ID")]
    work_session: Option<String>,
    /// Where to.
    #[arg(value_name = "SERVER", required = true)]
    words: Vec<String>,
    /// What to run meanwhile.
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

fn local_port(text: &str) -> Result<u16, String> {
    match text {
        "" => Ok(0),
        text => text
            .parse()
            .map_err(|_| "must be a number from 0 to 65535".to_owned()),
    }
}

fn remote_port(text: &str) -> Result<u16, String> {
    text.parse()
        .ok()
        .filter(|port| *port > 0)
        .ok_or_else(|| "must be a number from 1 to 65535".to_owned())
}

impl Args {
    /// The server's name, if the words make sense.
    fn server(&self) -> Result<&str, CliError> {
        let ends_in_dashes = std::env::args_os()
            .next_back()
            .is_some_and(|word| word == "--");
        match self.words.as_slice() {
            [server] if !(self.command.is_empty() && ends_in_dashes) => Ok(server),
            [_] => Err(CliError::usage(format!(
                "a command must follow --\nUsage: {USAGE}"
            ))),
            [first, ..] if first == "run" => Err(CliError::usage(format!(
                "`tunnel run` does not exist any more; put the command after --\nUsage: {USAGE}"
            ))),
            _ => Err(CliError::usage(format!(
                "a command goes after --; pipes and variables need a shell: \
                 -- sh -c '...'\nUsage: {USAGE}"
            ))),
        }
    }
}

pub(crate) async fn run(context: &Context, args: Args) -> Result<(), Failure> {
    let server = args.server()?.to_owned();
    let listener = Listener::bind(args.local).await?;
    let mut interrupts = Interrupts::new()?;
    let session = context.connect().await?;
    let request = Request {
        server: String::new(),
        target_port: args.remote,
        username: args.username.unwrap_or_default(),
        groupname: args.groupname.unwrap_or_default(),
        client_type: "cli",
        work_session: session_choice::choose(args.work_session.as_deref(), &session.config),
    };
    let place = Place {
        local: listener.port(),
        server: server.clone(),
        remote: args.remote,
    };
    let statistics = Rc::new(Statistics::new());
    let (state, states) = watch::channel(keeper::State::Down);
    let mut keeper = Keeper::new(context, session, server, request, state);
    tokio::select! {
        opened = keeper.open() => opened?,
        _ = interrupts.next() => return Err(Failure::Status(child::INTERRUPTED)),
    }
    let child = match args.command.split_first() {
        Some((program, words)) => Some(Child::start(program, words)?),
        None => None,
    };
    report::ready(&place, context.format, child.is_some());

    let forwarder = Forwarder::new(states, place.remote, statistics.clone(), args.verbose);
    let tasks = tokio::task::LocalSet::new();
    let outcome = tasks
        .run_until(async {
            let forwarding = listener.forward(&forwarder);
            let keeping = keeper.keep();
            tokio::pin!(keeping);
            let work = async {
                tokio::select! {
                    failure = &mut keeping => Some(failure),
                    () = forwarding => None,
                }
            };
            match child {
                Some(child) => child.accompany(work, &statistics, &mut interrupts).await,
                None => tokio::select! {
                    failure = work => failure.map_or(Ok(()), Err),
                    _ = interrupts.next() => Ok(()),
                },
            }
        })
        .await;
    keeper.close().await;
    report::closed(&place, &statistics, context.format, args.command.is_empty());
    outcome
}

/// SIGINT and SIGTERM.
struct Interrupts {
    interrupt: Signal,
    terminate: Signal,
}

impl Interrupts {
    fn new() -> Result<Self, CliError> {
        let listen = |kind| {
            signal(kind)
                .map_err(|error| CliError::refusal(format!("cannot await signals: {error}")))
        };
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) -> rustix::process::Signal {
        tokio::select! {
            _ = self.interrupt.recv() => rustix::process::Signal::INT,
            _ = self.terminate.recv() => rustix::process::Signal::TERM,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_numbers_in_their_range() {
        assert_eq!(local_port(""), Ok(0));
        assert_eq!(local_port("0"), Ok(0));
        assert_eq!(local_port("65535"), Ok(65535));
        assert_eq!(remote_port("5432"), Ok(5432));
        for wrong in ["65536", "-1", "http", "5432 "] {
            assert!(local_port(wrong).is_err(), "{wrong}");
            assert!(remote_port(wrong).is_err(), "{wrong}");
        }
        assert!(remote_port("0").is_err());
        assert!(remote_port("").is_err());
    }
}
