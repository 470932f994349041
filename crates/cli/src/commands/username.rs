//! `alpacon username` and what the server says about names (`cli-admin.md` §6).

use client::users;
use serde_json::json;

use crate::context::Context;
use crate::error::{CliError, Failure};
use crate::output::{self, Format, json as writer, message, sanitize};

const INVALID: &str = "user_username_invalid";
const DISALLOWED: &str = "user_username_disallowed";
const IN_USE: &str = "user_username_in_use";
const ALREADY_SET: &str = "user_username_already_set";
const APPROVAL_REQUIRED: &str = "approval_superuser_approve_required";

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    /// Print your system username.
    Get,
    /// Choose your system username. This can be done once.
    Set {
        /// Lower-case letters, digits, - and _, a letter first.
        name: String,
    },
}

pub(crate) async fn run(context: &Context, verb: Verb) -> Result<(), Failure> {
    match verb {
        Verb::Get => get(context).await,
        Verb::Set { name } => set(context, &name).await,
    }
}

/// The name was chosen before.
pub(crate) fn is_already_set(error: &client::Error) -> bool {
    error.code() == Some(ALREADY_SET)
}

/// Another name may do.
pub(crate) fn may_ask_again(error: &client::Error) -> bool {
    matches!(error.code(), Some(INVALID | DISALLOWED | IN_USE))
}

/// A refusal of a name, with what it means.
pub(crate) fn explained(error: client::Error) -> CliError {
    let meaning = match error.code() {
        Some(INVALID) => {
            "a username consists of lower-case letters, digits, - and _, and begins with a letter"
        }
        Some(DISALLOWED) => "this name is reserved; choose another",
        Some(IN_USE) => "this name is taken; choose another",
        Some(ALREADY_SET) => "your username is already set and cannot be changed here",
        Some(APPROVAL_REQUIRED) => {
            "this name is an account on a server already, so a superuser must approve it first"
        }
        _ => return CliError::from(error),
    };
    CliError {
        code: error.code().map(ToOwned::to_owned),
        ..CliError::refusal(meaning)
    }
}

async fn get(context: &Context) -> Result<(), Failure> {
    let session = context.connect().await?;
    let username = users::current(&session.api).await?.username;
    if username.is_empty() {
        return Err(CliError::refusal(
            "your system username is not set; run `alpacon username set <name>`",
        )
        .into());
    }
    match context.format {
        Format::Json => writer::print(&json!({ "username": username })),
        Format::Table => output::stdout(&format!("{}\n", sanitize::cell(&username))),
    }
    Ok(())
}

async fn set(context: &Context, name: &str) -> Result<(), Failure> {
    let session = context.connect().await?;
    let name = users::set_username(&session.api, name)
        .await
        .map_err(explained)?;
    message::success(&format!("your system username is {name}"));
    Ok(())
}
