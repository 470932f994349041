//! `alpacon agent restart|upgrade|shutdown SERVER`.

use client::servers::Action;

use crate::commands::server::action;
use crate::context::Context;
use crate::error::Failure;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    /// Restart the agent.
    Restart {
        /// Server name.
        server: String,
    },
    /// Upgrade the agent.
    Upgrade {
        /// Server name.
        server: String,
    },
    /// Stop the agent; the server goes off line.
    Shutdown {
        /// Server name.
        server: String,
    },
}

pub(crate) async fn run(context: &Context, verb: Verb) -> Result<(), Failure> {
    let (server, action, what) = match verb {
        Verb::Restart { server } => (server, Action::RestartAgent, "restart of the agent"),
        Verb::Upgrade { server } => (server, Action::UpgradeAgent, "upgrade of the agent"),
        Verb::Shutdown { server } => (server, Action::ShutdownAgent, "shutdown of the agent"),
    };
    action::request(context, &server, action, None, what).await
}
