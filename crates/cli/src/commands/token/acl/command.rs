//! `alpacon token acl command`.

use client::api_tokens;
use client::token_acl::{self, CommandRule, NewCommandRule};
use serde::Serialize;

use crate::commands::challenge;
use crate::context::Context;
use crate::error::{CliError, Failure};
use crate::output::{message, table};

use super::DeleteArgs;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    /// Allow a command.
    Add(AddArgs),
    /// List the commands that a token may run.
    #[command(alias = "list")]
    Ls {
        /// Name or id of the token; APPLICATION/TOKEN for a service token.
        token: String,
    },
    /// Remove a rule.
    #[command(alias = "rm")]
    Delete(DeleteArgs),
}

#[derive(Debug, clap::Args)]
pub(crate) struct AddArgs {
    /// Name or id of the token; APPLICATION/TOKEN for a service token.
    token: String,
    /// The command; * stands for any text.
    #[arg(short, long, allow_hyphen_values = true)]
    command: String,
    #[command(flatten)]
    account: super::Account,
}

/// The flags of the deprecated `token acl add`, where a missing one is found later.
#[derive(Debug, clap::Args)]
pub(crate) struct OldRule {
    /// The command; * stands for any text.
    #[arg(short, long, allow_hyphen_values = true)]
    command: Option<String>,
    #[command(flatten)]
    account: super::Account,
}

impl OldRule {
    pub(super) fn with_token(self, token: String) -> Result<AddArgs, CliError> {
        Ok(AddArgs {
            token,
            command: self
                .command
                .ok_or_else(|| CliError::usage("--command is required"))?,
            account: self.account,
        })
    }
}

#[derive(Serialize)]
struct Row {
    id: String,
    token_name: String,
    command: String,
    username: String,
    groupname: String,
}

impl table::Row for Row {
    const HEADERS: &'static [&'static str] = &["ID", "TOKEN", "COMMAND", "USERNAME", "GROUPNAME"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.id.clone(),
            self.token_name.clone(),
            self.command.clone(),
            self.username.clone(),
            self.groupname.clone(),
        ]
    }
}

impl From<CommandRule> for Row {
    fn from(rule: CommandRule) -> Self {
        Self {
            id: rule.id,
            token_name: rule.token_name,
            command: rule.command,
            username: rule.username,
            groupname: rule.groupname,
        }
    }
}

pub(super) async fn run(context: &Context, verb: Verb) -> Result<(), Failure> {
    match verb {
        Verb::Add(args) => add(context, &args).await,
        Verb::Ls { token } => super::ls::<CommandRule, Row>(context, &token).await,
        Verb::Delete(args) => super::delete::<CommandRule>(context, "command", &args).await,
    }
}

async fn add(context: &Context, args: &AddArgs) -> Result<(), Failure> {
    if args.command.trim().is_empty() {
        return Err(CliError::usage("--command is empty").into());
    }
    let mut session = context.connect().await?;
    challenge::curing(&mut session, async |api| {
        let token = api_tokens::id(api, &args.token).await?;
        let rule = NewCommandRule {
            token: &token,
            command: &args.command,
            username: &args.account.username,
            groupname: &args.account.groupname,
        };
        token_acl::add_command(api, &rule).await
    })
    .await?;
    message::success(&format!("token {} may run `{}`", args.token, args.command));
    Ok(())
}
