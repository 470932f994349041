//! `alpacon service-token`: tokens of applications. An addition of ours.

mod change;
mod create;
mod ls;

use client::applications::CreatedServiceToken;

use crate::context::Context;
use crate::error::Failure;
use crate::output::{Format, json, message};

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    /// List service tokens.
    #[command(alias = "list")]
    Ls {
        /// Name or id of an application; left out: of all.
        #[arg(short, long)]
        application: Option<String>,
    },
    /// Create a service token; its key is shown once.
    Create(create::Args),
    /// Create a service token with the scopes and access rules of another.
    Duplicate(create::DuplicateArgs),
    /// Let a disabled service token be used again.
    Enable {
        /// The token as APPLICATION/TOKEN, or its id.
        token: String,
    },
    /// Refuse a service token from now on; its work ends.
    Disable {
        /// The token as APPLICATION/TOKEN, or its id.
        token: String,
    },
    /// Remove a service token; its work ends.
    #[command(alias = "rm")]
    Delete(change::DeleteArgs),
}

pub(crate) const HELP: &str = "\
What a service token may touch is managed like that of API tokens:
  alpacon token acl server  add APPLICATION/TOKEN SERVER
  alpacon token acl command add APPLICATION/TOKEN --command 'systemctl restart *' --username deploy
An application has no account of its own, so command and file rules name one.";

pub(crate) async fn run(context: &Context, verb: Verb) -> Result<(), Failure> {
    match verb {
        Verb::Ls { application } => ls::run(context, application.as_deref()).await,
        Verb::Create(args) => create::run(context, &args).await,
        Verb::Duplicate(args) => create::duplicate(context, &args).await,
        Verb::Enable { token } => change::set_enabled(context, &token, true).await,
        Verb::Disable { token } => change::set_enabled(context, &token, false).await,
        Verb::Delete(args) => change::delete(context, &args).await,
    }
}

/// Shows a token with its secret, once: on stderr for people, on stdout for programs.
fn announce(token: &CreatedServiceToken, context: &Context) {
    if context.format == Format::Json {
        json::print(token);
        return;
    }
    message::success(&format!(
        "service token {}/{} created",
        token.application_name, token.name
    ));
    match &token.key {
        Some(key) => message::warning(&format!(
            "this key is shown only now, store it safely: {key}"
        )),
        None => message::info("it has no key; trust rules give tokens like it to CI jobs"),
    }
}
