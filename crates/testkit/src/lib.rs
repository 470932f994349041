//! A whole system for tests, made of the real programs: control plane, agents
//! and CLI in a temporary folder, on free ports, on SQLite or PostgreSQL.
//!
//! ```no_run
//! let system = testkit::System::start();
//! let agent = system.agent("web-1");
//! let cli = system.cli_with_password();
//! cli.open_session(agent.name(), "command");
//! cli.run(&["exec", agent.name(), "echo hello"])
//!     .exits(0)
//!     .stdout_is("hello\n");
//! ```
//!
//! Helpers report by panicking, and print the programs' logs when a test fails.
//! Nothing sleeps for a fixed time: everything waits for what it needs, for at
//! most [`patience()`].

#![forbid(unsafe_code)]
#![warn(missing_docs)]
#![expect(
    clippy::panic,
    clippy::print_stderr,
    reason = "a helper of tests reports by failing the test that called it"
)]

mod agent;
mod api;
mod browser;
mod cli;
mod database;
mod desktop_keyring;
mod factors;
mod mail_server;
mod oidc_provider;
mod patience;
mod public_agent;
mod receiver;
mod runtime;
mod socket;
mod system;
mod terminal;
mod tunnel;
mod visitor;

pub use agent::Agent;
pub use api::{Answer, Api, Credential};
pub use browser::Browser;
pub use cli::{Cli, Finished, Running};
pub use database::Database;
pub use desktop_keyring::DesktopKeyring;
pub use factors::{AuthenticatorApp, SoftPasskey};
pub use mail_server::{Mail, MailServer};
pub use oidc_provider::OidcProvider;
pub use patience::{eventually, patience};
pub use public_agent::PublicAgent;
pub use receiver::{Received, Receiver};
pub use socket::Socket;
pub use system::{Options, System};
pub use terminal::Terminal;
pub use tunnel::Tunnel;
pub use visitor::{Page, Visitor};

/// The value, or a failed test that says what was being done.
pub(crate) trait OrFail<T> {
    /// See the trait.
    fn or_fail(self, doing: &str) -> T;
}

impl<T, E: std::fmt::Display> OrFail<T> for Result<T, E> {
    #[track_caller]
    fn or_fail(self, doing: &str) -> T {
        match self {
            Ok(value) => value,
            Err(error) => panic!("cannot {doing}: {error}"),
        }
    }
}

impl<T> OrFail<T> for Option<T> {
    #[track_caller]
    fn or_fail(self, doing: &str) -> T {
        match self {
            Some(value) => value,
            None => panic!("cannot {doing}"),
        }
    }
}
