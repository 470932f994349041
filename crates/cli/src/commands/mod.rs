//! One module per noun, one file per verb.

pub(crate) mod agent;
pub(crate) mod application;
pub(crate) mod approval;
pub(crate) mod audit;
pub(crate) mod banner;
pub(crate) mod challenge;
pub(crate) mod completion;
pub(crate) mod cp;
pub(crate) mod document;
pub(crate) mod edit;
pub(crate) mod event;
pub(crate) mod exec;
pub(crate) mod group;
pub(crate) mod identity_provider;
pub(crate) mod judge;
pub(crate) mod lock;
pub(crate) mod log;
pub(crate) mod login;
pub(crate) mod logout;
pub(crate) mod privilege;
pub(crate) mod server;
pub(crate) mod service_token;
pub(crate) mod token;
pub(crate) mod transfer;
pub(crate) mod trust_rule;
pub(crate) mod tunnel;
pub(crate) mod user;
pub(crate) mod username;
pub(crate) mod version;
pub(crate) mod webftp_log;
pub(crate) mod webhook;
pub(crate) mod websh;
pub(crate) mod whoami;
pub(crate) mod work_session;
pub(crate) mod workspace;

use std::future::Future;

use crate::args::{Cli, Command};
use crate::context::Context;
use crate::error::{CliError, Failure};

/// Runs one parsed command. Commands without network never start a runtime.
pub(crate) fn dispatch(cli: Cli) -> Result<(), Failure> {
    let format = cli.output;
    let Some(command) = cli.command else {
        banner::run();
        return Ok(());
    };
    match command {
        Command::Version => version::run(format),
        Command::Completion(args) => {
            completion::run(&args);
            Ok(())
        }
        Command::Judge { verb } => judge::run(&verb),
        other => block_on(with_network(other, Context::new(format)?)),
    }
}

/// Runs `future` on this thread.
pub(crate) fn block_on(future: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| CliError::new(crate::error::Kind::General, error.to_string()))?;
    runtime.block_on(future)
}

async fn with_network(command: Command, context: Context) -> Result<(), Failure> {
    match command {
        Command::Agent { verb } => Box::pin(agent::run(&context, verb)).await,
        Command::Application { verb } => Box::pin(application::run(&context, verb)).await,
        Command::Approval { verb } => Box::pin(approval::run(&context, verb)).await,
        Command::Audit(args) => Box::pin(audit::run(&context, args)).await,
        Command::Cp(args) => Box::pin(cp::run(&context, args)).await,
        Command::Edit(args) => Box::pin(edit::run(&context, args)).await,
        Command::Event(args) => Box::pin(event::run(&context, args)).await,
        Command::Exec(args) => Box::pin(exec::run_subcommand(&context, args)).await,
        Command::Group { verb } => Box::pin(group::run(&context, verb)).await,
        Command::Lock { verb } => Box::pin(lock::lock(&context, verb)).await,
        Command::Unlock { verb } => Box::pin(lock::unlock(&context, verb)).await,
        Command::Log(args) => Box::pin(log::run(&context, args)).await,
        Command::Login(args) => Box::pin(login::run(&context, args)).await,
        Command::Logout => Box::pin(logout::run(&context)).await,
        Command::Server { verb } => Box::pin(server::run(&context, verb)).await,
        Command::IdentityProvider { verb } => {
            Box::pin(identity_provider::run(&context, verb)).await
        }
        Command::TrustRule { verb } => Box::pin(trust_rule::run(&context, verb)).await,
        Command::ServiceToken { verb } => Box::pin(service_token::run(&context, verb)).await,
        Command::Token { verb } => Box::pin(token::run(&context, verb)).await,
        Command::Tunnel(args) => Box::pin(tunnel::run(&context, args)).await,
        Command::User { verb } => Box::pin(user::run(&context, verb)).await,
        Command::Username { verb } => Box::pin(username::run(&context, verb)).await,
        Command::Websh(args) => Box::pin(websh::run_subcommand(&context, args)).await,
        Command::WebftpLog(args) => Box::pin(webftp_log::run(&context, args)).await,
        Command::Webhook { verb } => Box::pin(webhook::run(&context, verb)).await,
        Command::Whoami => Box::pin(whoami::run(&context)).await,
        Command::WorkSession { verb } => Box::pin(work_session::run(&context, verb)).await,
        Command::Workspace { verb } => Box::pin(workspace::run(&context, verb)).await,
        // Handled by the caller, without a runtime.
        Command::Version | Command::Completion(_) | Command::Judge { .. } => Ok(()),
    }
}

/// clap: a count above zero.
pub(crate) fn positive(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err("must be a whole number above zero".to_owned()),
        Ok(number) => Ok(number),
    }
}
