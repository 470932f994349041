//! `alpacon work-session` (`cli-core.md` §7).

mod check;
mod create;
mod current;
mod describe;
mod extend;
mod ls;
mod mutation;
mod programs;
mod recording;
mod suggest;
mod timeline;
mod transition;
mod update;
mod using;
mod wait;

use crate::context::Context;
use crate::error::Failure;

use transition::run as act;

pub(crate) const HELP: &str = "\
Life cycle:
  pending -> approved -> active -> completed | expired | revoked
  pending -> rejected | cancelled

After a browser or password login, operations on servers need an active session.
Which one counts: --work-session, then ALPACON_WORK_SESSION, then the one chosen
with `work-session use`. An operation outside the session ends with exit status 3
and an error_code:
  work_session_required            no session selected for this shell
  work_session_not_active          not active yet (check starts_at)
  work_session_expired             its window is over
  work_session_scope_not_allowed   the operation is not in its scopes
  work_session_server_not_allowed  the server is not in it
  work_session_assignee_mismatch   it belongs to somebody else
  work_session_not_usable          it is in a final state";

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    /// List sessions; by default your active ones.
    #[command(alias = "list")]
    Ls(ls::Args),
    /// Ask for a new session.
    Create(create::Args),
    /// Show the session in use.
    Current,
    /// Choose the session that this workspace uses.
    Use(using::Args),
    /// Show everything about a session.
    #[command(alias = "desc")]
    Describe {
        /// The session.
        session_id: String,
    },
    /// Move the end of a session.
    Extend(extend::Args),
    /// Change a session.
    Update(update::Args),
    /// Start an approved session now.
    Activate {
        /// The session.
        session_id: String,
    },
    /// End a session of yours.
    Complete {
        /// The session.
        session_id: String,
    },
    /// End anybody's session (superuser).
    Revoke {
        /// The session.
        session_id: String,
    },
    /// Withdraw a pending session.
    Cancel {
        /// The session.
        session_id: String,
    },
    /// Grant a pending session (superuser).
    Approve(transition::ApproveArgs),
    /// Refuse a pending session (superuser).
    Reject {
        /// The session.
        session_id: String,
    },
    /// Show what happened in a session.
    #[command(alias = "tl")]
    Timeline(timeline::Args),
    /// Suggest the smallest rules that cover what a session did.
    Suggest {
        /// The session.
        session_id: String,
    },
    /// Print a terminal recording of a session.
    #[command(alias = "rec")]
    Recording(recording::Args),
}

pub(crate) async fn run(context: &Context, verb: Verb) -> Result<(), Failure> {
    use client::work_sessions::Action;
    match verb {
        Verb::Ls(args) => ls::run(context, args).await,
        Verb::Create(args) => Box::pin(create::run(context, args)).await,
        Verb::Current => current::run(context).await,
        Verb::Use(args) => using::run(context, args).await,
        Verb::Describe { session_id } => describe::run(context, &session_id).await,
        Verb::Extend(args) => extend::run(context, args).await,
        Verb::Update(args) => Box::pin(update::run(context, args)).await,
        Verb::Activate { session_id } => act(context, &session_id, Action::Activate).await,
        Verb::Complete { session_id } => act(context, &session_id, Action::Complete).await,
        Verb::Revoke { session_id } => act(context, &session_id, Action::Revoke).await,
        Verb::Cancel { session_id } => act(context, &session_id, Action::Cancel).await,
        Verb::Approve(args) => transition::approve(context, args).await,
        Verb::Reject { session_id } => act(context, &session_id, Action::Reject).await,
        Verb::Timeline(args) => timeline::run(context, args).await,
        Verb::Suggest { session_id } => suggest::run(context, &session_id).await,
        Verb::Recording(args) => recording::run(context, args).await,
    }
}
