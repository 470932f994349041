//! The command tree. Each command's own flags are declared beside its code.

use clap::{Parser, Subcommand};

use crate::commands::{
    agent, application, approval, audit, completion, cp, edit, event, exec, group,
    identity_provider, judge, lock, log, login, server, service_token, token, trust_rule, tunnel,
    user, username, webftp_log, webhook, websh, work_session, workspace,
};
use crate::output::Format;

/// Command-line client for Alpacon, the AI-native PAM.
///
/// Log in, open a scoped work session, then operate on your servers within it.
#[derive(Debug, Parser)]
#[command(
    name = "alpacon",
    version,
    disable_help_subcommand = false,
    subcommand_precedence_over_arg = true,
    after_help = EXIT_CODES
)]
pub(crate) struct Cli {
    /// How results are written.
    #[arg(
        long,
        global = true,
        value_enum,
        default_value_t,
        value_name = "FORMAT"
    )]
    pub(crate) output: Format,

    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

const EXIT_CODES: &str = "\
Exit status:
  0  success
  1  general error
  2  usage error (invalid flags or arguments)
  3  denied by the work-session gate
  4  pending human approval
  5  server busy with active user work
  6  the awaited approval was not granted
  exec passes the remote command's exit status through.";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Restart, upgrade or stop the agent of a server.
    #[command(subcommand_required = true, arg_required_else_help = true)]
    Agent {
        #[command(subcommand)]
        verb: agent::Verb,
    },
    /// Applications: programs with access of their own.
    #[command(
        alias = "app",
        subcommand_required = true,
        arg_required_else_help = true
    )]
    Application {
        #[command(subcommand)]
        verb: application::Verb,
    },
    /// Approval requests.
    #[command(
        alias = "req",
        subcommand_required = true,
        arg_required_else_help = true
    )]
    Approval {
        #[command(subcommand)]
        verb: approval::Verb,
    },
    /// The workspace's audit log.
    #[command(alias = "audit-log")]
    Audit(audit::Args),
    /// Print a completion script for a shell.
    Completion(completion::Args),
    /// Copy files and directories to a server, or from one.
    #[command(after_help = cp::HELP)]
    Cp(cp::Args),
    /// Edit a file of a server in a local editor.
    #[command(after_help = edit::HELP)]
    Edit(edit::Args),
    /// The event channel; without a subcommand recent commands (deprecated, see `exec ls`).
    #[command(alias = "events", args_conflicts_with_subcommands = true)]
    Event(event::Args),
    /// Run a command on a server.
    #[command(
        args_conflicts_with_subcommands = true,
        override_usage = exec::USAGE,
        after_help = exec::HELP
    )]
    Exec(exec::Args),
    /// Groups of users, and the servers they see.
    #[command(subcommand_required = true, arg_required_else_help = true)]
    Group {
        #[command(subcommand)]
        verb: group::Verb,
    },
    /// Identity providers that people sign in with (OpenID Connect).
    #[command(
        alias = "idp",
        subcommand_required = true,
        arg_required_else_help = true
    )]
    IdentityProvider {
        #[command(subcommand)]
        verb: identity_provider::Verb,
    },
    /// Ask the judge that decides about commands, without running anything.
    #[command(subcommand_required = true, arg_required_else_help = true)]
    Judge {
        #[command(subcommand)]
        verb: judge::Verb,
    },
    /// Make something unusable at once: a user, a token, a work session, a server.
    #[command(subcommand_required = true, arg_required_else_help = true)]
    Lock {
        #[command(subcommand)]
        verb: lock::Verb,
    },
    /// Log lines of a server's agent.
    #[command(alias = "logs")]
    Log(log::Args),
    /// Log in to a workspace.
    #[command(after_help = login::EXAMPLES)]
    Login(login::Args),
    /// Forget the stored login.
    Logout,
    /// Managed servers and their registration.
    #[command(
        alias = "servers",
        subcommand_required = true,
        arg_required_else_help = true
    )]
    Server {
        #[command(subcommand)]
        verb: server::Verb,
    },
    /// Tokens of applications.
    #[command(
        subcommand_required = true,
        arg_required_else_help = true,
        after_help = service_token::HELP
    )]
    ServiceToken {
        #[command(subcommand)]
        verb: service_token::Verb,
    },
    /// API tokens, for programs that act for you.
    #[command(subcommand_required = true, arg_required_else_help = true)]
    Token {
        #[command(subcommand)]
        verb: token::Verb,
    },
    /// Trust in CI providers: their jobs log in without a stored secret.
    #[command(subcommand_required = true, arg_required_else_help = true)]
    TrustRule {
        #[command(subcommand)]
        verb: trust_rule::Verb,
    },
    /// Reach a port of a server from this machine.
    #[command(override_usage = tunnel::USAGE, after_help = tunnel::HELP)]
    Tunnel(tunnel::Args),
    /// Make something usable again that was locked.
    #[command(subcommand_required = true, arg_required_else_help = true)]
    Unlock {
        #[command(subcommand)]
        verb: lock::UnlockVerb,
    },
    /// People with an account in the workspace.
    #[command(subcommand_required = true, arg_required_else_help = true)]
    User {
        #[command(subcommand)]
        verb: user::Verb,
    },
    /// Your system username, the account that you have on servers.
    #[command(subcommand_required = true, arg_required_else_help = true)]
    Username {
        #[command(subcommand)]
        verb: username::Verb,
    },
    /// Show the version.
    Version,
    /// File transfers of the past.
    #[command(alias = "webftp-logs")]
    WebftpLog(webftp_log::Args),
    /// Where notifications go: chats and programs.
    #[command(
        alias = "webhooks",
        subcommand_required = true,
        arg_required_else_help = true
    )]
    Webhook {
        #[command(subcommand)]
        verb: webhook::Verb,
    },
    /// A terminal on a server.
    #[command(
        args_conflicts_with_subcommands = true,
        override_usage = websh::USAGE,
        after_help = websh::HELP
    )]
    Websh(websh::Args),
    /// Show who is logged in and whether a work session is required.
    Whoami,
    /// Work sessions: the scoped, recorded windows in which servers are operated.
    #[command(
        alias = "session",
        subcommand_required = true,
        arg_required_else_help = true,
        after_help = work_session::HELP
    )]
    WorkSession {
        #[command(subcommand)]
        verb: work_session::Verb,
    },
    /// The current workspace, others of the same login, and settings.
    #[command(alias = "ws")]
    Workspace {
        #[command(subcommand)]
        verb: Option<workspace::Verb>,
    },
}
