//! `alpacon token acl`: what API tokens may touch (`cli-admin.md` §8).

mod command;
mod file;
mod server;

use client::api_tokens;
use client::token_acl::{self, Rule};

use crate::commands::challenge;
use crate::context::Context;
use crate::error::{CliError, Failure};
use crate::output::{message, table};
use crate::prompt;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum List {
    /// Commands that a token may run.
    #[command(subcommand_required = true, arg_required_else_help = true)]
    Command {
        #[command(subcommand)]
        verb: command::Verb,
    },
    /// Servers that a token may reach.
    #[command(subcommand_required = true, arg_required_else_help = true)]
    Server {
        #[command(subcommand)]
        verb: server::Verb,
    },
    /// Files that a token may transfer.
    #[command(subcommand_required = true, arg_required_else_help = true)]
    File {
        #[command(subcommand)]
        verb: file::Verb,
    },
    /// Deprecated: `token acl command add`.
    #[command(hide = true)]
    Add(OldAddArgs),
    /// Deprecated: `token acl command ls`.
    #[command(hide = true, alias = "list")]
    Ls {
        /// Name or id of the token.
        token: String,
    },
    /// Deprecated: `token acl command delete`.
    #[command(hide = true, alias = "rm")]
    Delete(DeleteArgs),
}

/// `token acl add` as it was.
#[derive(Debug, clap::Args)]
pub(crate) struct OldAddArgs {
    /// Name or id of the token.
    #[arg(value_name = "TOKEN")]
    positional: Option<String>,
    /// Name or id of the token; wins.
    #[arg(short, long)]
    token: Option<String>,
    #[command(flatten)]
    rule: command::OldRule,
}

/// The account on the server that a rule is for.
#[derive(Debug, clap::Args)]
struct Account {
    /// Account on the server; left out: the token owner's, *: any.
    #[arg(long, default_value = "", hide_default_value = true)]
    username: String,
    /// Group on the server; left out or *: any.
    #[arg(long, default_value = "", hide_default_value = true)]
    groupname: String,
}

/// Which rule to remove.
#[derive(Debug, clap::Args)]
pub(crate) struct DeleteArgs {
    /// Id of the rule.
    #[arg(value_name = "ACL-ID")]
    rule: String,
    /// Do not ask.
    #[arg(short, long)]
    yes: bool,
}

pub(super) async fn run(context: &Context, list: List) -> Result<(), Failure> {
    match list {
        List::Command { verb } => command::run(context, verb).await,
        List::Server { verb } => server::run(context, verb).await,
        List::File { verb } => file::run(context, verb).await,
        List::Add(args) => {
            deprecated("add");
            let token = args
                .token
                .or(args.positional)
                .ok_or_else(|| CliError::usage("a token is required: TOKEN or --token"))?;
            command::run(context, command::Verb::Add(args.rule.with_token(token)?)).await
        }
        List::Ls { token } => {
            deprecated("ls");
            command::run(context, command::Verb::Ls { token }).await
        }
        List::Delete(args) => {
            deprecated("delete");
            command::run(context, command::Verb::Delete(args)).await
        }
    }
}

fn deprecated(verb: &str) {
    message::warning(&format!(
        "`alpacon token acl {verb}` is deprecated; use `alpacon token acl command {verb}`"
    ));
}

/// Lists the rules of a token.
async fn ls<R: Rule, T: table::Row + From<R>>(
    context: &Context,
    token: &str,
) -> Result<(), Failure> {
    let session = context.connect().await?;
    let id = api_tokens::id(&session.api, token).await?;
    let rules: Vec<R> = token_acl::list(&session.api, &id).await?;
    let rows: Vec<T> = rules.into_iter().map(T::from).collect();
    table::print(&rows, context.format);
    Ok(())
}

/// Removes a rule by its id. `noun`: what it allows.
async fn delete<R: Rule>(context: &Context, noun: &str, args: &DeleteArgs) -> Result<(), Failure> {
    let question = format!("Delete the {noun} rule {}?", args.rule);
    if !prompt::confirm(&question, args.yes)? {
        return Ok(());
    }
    let mut session = context.connect().await?;
    challenge::curing(&mut session, async |api| {
        token_acl::delete::<R>(api, &args.rule).await
    })
    .await?;
    message::success(&format!("{noun} rule {} deleted", args.rule));
    Ok(())
}
