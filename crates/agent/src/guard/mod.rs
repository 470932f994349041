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

/// The account that owns nothing.
const NOBODY: u32 = 65_534;

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

/// Whether this machine lets us hold a tree at all, in every way that orders ask for;
/// containers often do not.
pub(crate) fn is_possible() -> bool {
    // Children belong to the thread that started them.
    let tried = std::thread::spawn(|| {
        let root = rustix::process::geteuid().is_root();
        Ok(try_out(root, true)? && (!root || try_out(root, false)?))
    });
    match tried.join() {
        Ok(Ok(possible)) => possible,
        Ok(Err(error)) => {
            let error = anyhow::Error::new::<::guard::GuardError>(error);
            tracing::warn!(
                error = format!("{error:#}"),
                "no exec guard on this machine"
            );
            false
        }
        Err(_) => false,
    }
}

/// Holds a small tree, below another account where that can be.
fn try_out(root: bool, no_new_privileges: bool) -> Result<bool, ::guard::GuardError> {
    let mut launch = ::guard::Launch::new(vec!["/bin/true".into()]);
    launch.account = root.then(|| ::guard::Account {
        uid: NOBODY,
        gid: NOBODY,
        groups: Vec::new(),
    });
    let policy = ::guard::Policy {
        mode: ::guard::Mode::Observe,
        no_new_privileges,
        ..::guard::Policy::default()
    };
    let ending = ::guard::run(&policy, &launch, &mut Nobody)?;
    Ok(ending == ::guard::Ending::Exited(0))
}

/// Hears nothing.
struct Nobody;

impl ::guard::Sink for Nobody {
    fn exec(&mut self, _event: ::guard::Program) {}
    fn notice(&mut self, _text: &str) {}
}
