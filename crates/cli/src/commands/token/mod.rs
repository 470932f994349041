//! `alpacon token`: API tokens.

mod acl;
mod create;
mod delete;
mod duplicate;
mod ls;
mod scopes;

use client::api_tokens::CreatedToken;

use crate::context::Context;
use crate::error::Failure;
use crate::output::{Format, json, message};

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    /// List your API tokens.
    #[command(alias = "list")]
    Ls,
    /// Create an API token; its key is shown once.
    Create(create::Args),
    /// Remove an API token.
    #[command(alias = "rm")]
    Delete(delete::Args),
    /// Create an API token with the scopes and access rules of another.
    Duplicate(duplicate::Args),
    /// List the scopes that you may grant.
    Scopes,
    /// What API tokens may touch: three lists, each denies what it does not name.
    #[command(subcommand_required = true, arg_required_else_help = true)]
    Acl {
        #[command(subcommand)]
        list: acl::List,
    },
}

pub(crate) async fn run(context: &Context, verb: Verb) -> Result<(), Failure> {
    match verb {
        Verb::Ls => ls::run(context).await,
        Verb::Create(args) => create::run(context, args).await,
        Verb::Delete(args) => delete::run(context, &args).await,
        Verb::Duplicate(args) => duplicate::run(context, &args).await,
        Verb::Scopes => scopes::run(context).await,
        Verb::Acl { list } => Box::pin(acl::run(context, list)).await,
    }
}

/// Shows a token with its secret, once: on stderr for people, on stdout for programs.
fn announce(token: &CreatedToken, context: &Context) {
    match context.format {
        Format::Json => json::print(token),
        Format::Table => {
            message::success(&format!("API token {} created", token.name));
            message::warning(&format!(
                "this key is shown only now, store it safely: {}",
                token.key
            ));
        }
    }
}
