//! `alpacon lock` and `alpacon unlock`.

mod ls;
mod target;

use client::locks;

use crate::commands::challenge;
use crate::context::Context;
use crate::error::Failure;
use crate::output::message;
use target::Target;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    /// List what is locked.
    #[command(alias = "list")]
    Ls,
    /// Lock a user: their logins and tokens are refused, what they run ends.
    User(Args),
    /// Lock an API token.
    Token(Args),
    /// Lock a work session.
    WorkSession(Args),
    /// Lock a server: nobody works on it.
    Server(Args),
    /// Lock the workspace: nobody works in it, and only superusers get in.
    Workspace(Reason),
}

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Name or id.
    name: String,
    #[command(flatten)]
    reason: Reason,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Reason {
    /// Why, for whoever runs into it and for the audit log.
    #[arg(short, long, default_value = "")]
    reason: String,
}

#[derive(Debug, clap::Subcommand)]
pub(crate) enum UnlockVerb {
    /// Unlock a user.
    User(Name),
    /// Unlock an API token.
    Token(Name),
    /// Unlock a work session.
    WorkSession(Name),
    /// Unlock a server.
    Server(Name),
    /// Unlock the workspace.
    Workspace,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Name {
    /// Name or id.
    name: String,
}

pub(crate) async fn lock(context: &Context, verb: Verb) -> Result<(), Failure> {
    let (target, reason) = match verb {
        Verb::Ls => return ls::run(context).await,
        Verb::User(args) => (Target::User(args.name), args.reason),
        Verb::Token(args) => (Target::Token(args.name), args.reason),
        Verb::WorkSession(args) => (Target::WorkSession(args.name), args.reason),
        Verb::Server(args) => (Target::Server(args.name), args.reason),
        Verb::Workspace(reason) => (Target::Workspace, reason),
    };
    target.check()?;
    let mut session = context.connect().await?;
    challenge::curing(&mut session, async |api| {
        let id = target.id(api).await?;
        locks::create(api, target.kind(), id.as_deref(), &reason.reason).await
    })
    .await?;
    message::success(&format!("{target} is locked; what ran on it ends"));
    Ok(())
}

pub(crate) async fn unlock(context: &Context, verb: UnlockVerb) -> Result<(), Failure> {
    let target = match verb {
        UnlockVerb::User(name) => Target::User(name.name),
        UnlockVerb::Token(name) => Target::Token(name.name),
        UnlockVerb::WorkSession(name) => Target::WorkSession(name.name),
        UnlockVerb::Server(name) => Target::Server(name.name),
        UnlockVerb::Workspace => Target::Workspace,
    };
    target.check()?;
    let mut session = context.connect().await?;
    challenge::curing(&mut session, async |api| {
        let id = target.id(api).await?;
        locks::delete(api, target.kind(), id.as_deref(), &target.to_string()).await
    })
    .await?;
    message::success(&format!("{target} is unlocked"));
    Ok(())
}
