//! `alpacon work-session update [SESSION_ID]` (`cli-core.md` §7.9).

use client::work_sessions::{self, SudoPolicy, Update, WorkSession};
use client::{Api, servers};
use protocol::work_session::Status;

use super::check;
use super::mutation::Mutation;
use crate::commands::exec::session_choice;
use crate::context::Context;
use crate::error::{CliError, Failure};
use crate::output::message;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The session; the one in use when left out.
    session_id: Option<String>,
    /// New title; takes effect at once.
    #[arg(long)]
    title: Option<String>,
    /// New purpose.
    #[arg(long)]
    description: Option<String>,
    /// New scopes; replaces the list.
    #[arg(long, value_delimiter = ',', value_name = "SCOPES")]
    scope: Vec<String>,
    /// New servers; replaces the list.
    #[arg(long, value_delimiter = ',', value_name = "SERVERS")]
    server: Vec<String>,
    /// New start, RFC 3339; only while pending.
    #[arg(long, value_name = "TIME")]
    starts_at: Option<String>,
    /// New end, RFC 3339; only while pending, later use extend.
    #[arg(long, value_name = "TIME")]
    expires_at: Option<String>,
    /// Add commands that sudo runs without a second factor.
    #[arg(long, value_name = "COMMANDS")]
    sudo: Vec<String>,
    /// Why sudo is needed.
    #[arg(long, value_name = "REASON", requires = "sudo")]
    sudo_reason: Option<String>,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), Failure> {
    let policies = check::sudo_policies(&args.sudo, args.sudo_reason.as_deref());
    let names = check::words(&args.server);
    let mut body = body(&args)?;
    if is_empty(&body) && names.is_empty() && policies.is_empty() {
        return Err(CliError::usage("nothing to change; see --help for the flags").into());
    }
    let given = args.session_id.as_deref();
    let id = match session_choice::explicit(given) {
        Some(id) => id,
        None => context
            .config()?
            .active_work_session()
            .map(ToOwned::to_owned)
            .ok_or_else(|| CliError::usage("SESSION_ID is required: no session is in use"))?,
    };
    let session = context.connect().await?;
    if !names.is_empty() {
        let mut ids = Vec::new();
        for name in &names {
            ids.push(servers::id_by_name(&session.api, name).await?);
        }
        body.servers = Some(ids);
    }
    let adds_sudo = !policies.is_empty();
    if adds_sudo {
        body.sudo_policies = Some(all_policies(&session.api, &id, &body, policies).await?);
    }
    let updated = work_sessions::update(&session.api, &id, &body).await?;
    Mutation::new("update", format!("work session {id} updated"))
        .session(&updated)
        .report(context.format);
    if adds_sudo {
        message::info("added sudo commands may need an approval before they count");
    }
    Ok(())
}

fn body(args: &Args) -> Result<Update, CliError> {
    let text = |flag: &str, value: &Option<String>| match value.as_deref().map(str::trim) {
        Some("") => Err(CliError::usage(format!("{flag} is empty"))),
        Some(text) => Ok(Some(text.to_owned())),
        None => Ok(None),
    };
    let time = |flag: &str, value: &Option<String>| {
        value
            .as_deref()
            .map(|text| check::rfc3339(flag, text))
            .transpose()
    };
    let scopes = check::scopes(&args.scope)?;
    Ok(Update {
        title: text("--title", &args.title)?,
        description: text("--description", &args.description)?,
        scopes: (!scopes.is_empty()).then_some(scopes),
        starts_at: time("--starts-at", &args.starts_at)?,
        expires_at: time("--expires-at", &args.expires_at)?,
        ..Update::default()
    })
}

fn is_empty(body: &Update) -> bool {
    body.title.is_none()
        && body.description.is_none()
        && body.scopes.is_none()
        && body.starts_at.is_none()
        && body.expires_at.is_none()
}

/// The existing policies and the new ones: the server replaces the whole set.
async fn all_policies(
    api: &Api,
    id: &str,
    body: &Update,
    added: Vec<SudoPolicy>,
) -> Result<Vec<SudoPolicy>, Failure> {
    let current: WorkSession = work_sessions::get(api, id).await?;
    if current.state() == Some(Status::Pending) {
        return Err(CliError::refusal(format!(
            "work session {id} is pending; sudo commands can be added once it is approved"
        ))
        .into());
    }
    let scopes = body.scopes.as_ref().or(current.scopes.as_ref());
    if !scopes.is_some_and(|scopes| scopes.iter().any(|scope| scope == check::SUDO)) {
        return Err(CliError::refusal(
            "the session does not hold the sudo scope; add it with --scope",
        )
        .into());
    }
    let mut policies = current.sudo_policies.unwrap_or_default();
    policies.extend(added);
    Ok(policies)
}
