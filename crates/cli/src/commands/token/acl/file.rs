//! `alpacon token acl file`.

use client::api_tokens;
use client::token_acl::{self, FileRule, NewFileRule};
use serde::Serialize;

use crate::commands::challenge;
use crate::context::Context;
use crate::error::{CliError, Failure};
use crate::output::{message, table};

use super::DeleteArgs;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    /// Allow a file transfer.
    Add(AddArgs),
    /// List the files that a token may transfer.
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
    /// The path; * stands for any text.
    #[arg(long)]
    path: String,
    /// Which way; * stands for both.
    #[arg(long, value_parser = ["upload", "download", "*"])]
    action: String,
    #[command(flatten)]
    account: super::Account,
}

#[derive(Serialize)]
struct Row {
    id: String,
    token_name: String,
    path: String,
    action: String,
    username: String,
    groupname: String,
}

impl table::Row for Row {
    const HEADERS: &'static [&'static str] =
        &["ID", "TOKEN", "PATH", "ACTION", "USERNAME", "GROUPNAME"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.id.clone(),
            self.token_name.clone(),
            self.path.clone(),
            self.action.clone(),
            self.username.clone(),
            self.groupname.clone(),
        ]
    }
}

impl From<FileRule> for Row {
    fn from(rule: FileRule) -> Self {
        Self {
            id: rule.id,
            token_name: rule.token_name,
            path: rule.path,
            action: rule.action,
            username: rule.username,
            groupname: rule.groupname,
        }
    }
}

pub(super) async fn run(context: &Context, verb: Verb) -> Result<(), Failure> {
    match verb {
        Verb::Add(args) => add(context, &args).await,
        Verb::Ls { token } => super::ls::<FileRule, Row>(context, &token).await,
        Verb::Delete(args) => super::delete::<FileRule>(context, "file", &args).await,
    }
}

async fn add(context: &Context, args: &AddArgs) -> Result<(), Failure> {
    if args.path.trim().is_empty() {
        return Err(CliError::usage("--path is empty").into());
    }
    let mut session = context.connect().await?;
    challenge::curing(&mut session, async |api| {
        let token = api_tokens::id(api, &args.token).await?;
        let rule = NewFileRule {
            token: &token,
            path: &args.path,
            action: &args.action,
            username: &args.account.username,
            groupname: &args.account.groupname,
        };
        token_acl::add_file(api, &rule).await
    })
    .await?;
    let what = match args.action.as_str() {
        "*" => "upload and download",
        action => action,
    };
    message::success(&format!("token {} may {what} {}", args.token, args.path));
    Ok(())
}
