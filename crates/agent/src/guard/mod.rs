//! The exec guard of this agent. Each order runs in a process of its own that holds
//! its tree ([`supervise`]), so that it goes on while the agent restarts; the agent
//! talks to it in [`frame`]s.

mod channel;
pub(crate) mod chunker;
pub(crate) mod frame;
mod outbox;
mod recorder;
mod run;
mod supervise;

use std::process::ExitCode;

use crate::args::GuardCommand;

/// Runs the subcommand.
///
/// # Errors
/// Where the policy cannot be used or the program cannot be started.
pub(crate) fn command(command: GuardCommand) -> anyhow::Result<ExitCode> {
    match command {
        GuardCommand::Run(arguments) => run::run(arguments),
        GuardCommand::Supervise => supervise::run(),
    }
}

/// Whether this machine lets us hold a tree at all; containers often do not.
pub(crate) fn is_possible() -> bool {
    // Children belong to the thread that started them.
    let tried = std::thread::spawn(|| {
        let launch = ::guard::Launch::new(vec!["/bin/true".into()]);
        let policy = ::guard::Policy {
            mode: ::guard::Mode::Observe,
            ..::guard::Policy::default()
        };
        ::guard::run(&policy, &launch, &mut Nobody)
    });
    match tried.join() {
        Ok(Ok(ending)) => ending == ::guard::Ending::Exited(0),
        Ok(Err(error)) => {
            tracing::warn!(%error, "no exec guard on this machine");
            false
        }
        Err(_) => false,
    }
}

/// Hears nothing.
struct Nobody;

impl ::guard::Sink for Nobody {
    fn exec(&mut self, _event: ::guard::Program) {}
    fn notice(&mut self, _text: &str) {}
}
