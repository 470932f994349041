//! `alpacon approval` (`cli-core.md` §13).

mod plan;
mod program;

use client::approvals::{self, Action, Approval, STATUSES, TYPES};
use client::{decode, users};
use serde::Serialize;

use crate::context::Context;
use crate::error::{CliError, Failure};
use crate::output::{Format, json, message, table, time};

const CONSOLE: &str = "approvals are decided in the Alpacon console (web or Slack) unless the workspace allows them \
     from the command line";
/// Characters of the request that a row shows.
const REQUEST_LENGTH: usize = 50;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    /// List approval requests.
    #[command(alias = "list")]
    Ls(LsArgs),
    /// Show everything about a request.
    #[command(alias = "desc")]
    Describe {
        /// The request.
        request_id: String,
    },
    /// Ask for several commands at once.
    Plan(plan::Args),
    /// Programs that wait on a server for an answer.
    #[command(subcommand)]
    Program(program::Verb),
    /// Withdraw a request of your own.
    Cancel {
        /// The request.
        request_id: String,
    },
    /// Grant a request (superuser).
    Approve {
        /// The request.
        request_id: String,
    },
    /// Refuse a request (superuser).
    Reject {
        /// The request.
        request_id: String,
    },
}

#[derive(Debug, clap::Args)]
pub(crate) struct LsArgs {
    /// Only requests in this state; empty: all.
    #[arg(long, default_value = "pending", value_parser = one_of_or_empty(&STATUSES))]
    status: String,
    /// Only requests about this; empty: all.
    #[arg(long = "type", default_value = "", hide_default_value = true, value_name = "TYPE",
          value_parser = one_of_or_empty(&TYPES))]
    request_type: String,
    /// Only your own requests.
    #[arg(long)]
    my: bool,
}

pub(crate) async fn run(context: &Context, verb: Verb) -> Result<(), Failure> {
    match verb {
        Verb::Ls(args) => ls(context, &args).await,
        Verb::Describe { request_id } => describe(context, &request_id).await,
        Verb::Plan(args) => Box::pin(plan::run(context, args)).await,
        Verb::Program(verb) => Box::pin(program::run(context, verb)).await,
        Verb::Cancel { request_id } => act(context, &request_id, Action::Cancel).await,
        Verb::Approve { request_id } => act(context, &request_id, Action::Approve).await,
        Verb::Reject { request_id } => act(context, &request_id, Action::Reject).await,
    }
}

/// Adds where approvals are decided to a refusal with status 403.
pub(crate) fn refused(error: client::Error) -> CliError {
    let is_forbidden = error.status() == Some(403);
    let error = CliError::from(error);
    if is_forbidden {
        let message = format!(
            "{}; {CONSOLE}",
            client::error::without_period(&error.message)
        );
        CliError {
            kind: crate::error::Kind::Refusal,
            message,
            ..error
        }
    } else {
        error
    }
}

#[derive(Serialize)]
struct Row {
    id: String,
    request_type: String,
    status: String,
    request_data: String,
    requested_by: String,
    added_at: String,
}

impl table::Row for Row {
    const HEADERS: &'static [&'static str] = &[
        "ID",
        "TYPE",
        "STATUS",
        "REQUEST",
        "REQUESTED BY",
        "ADDED AT",
    ];

    fn cells(&self) -> Vec<String> {
        vec![
            self.id.clone(),
            self.request_type.clone(),
            self.status.clone(),
            self.request_data.clone(),
            self.requested_by.clone(),
            self.added_at.clone(),
        ]
    }
}

async fn ls(context: &Context, args: &LsArgs) -> Result<(), Failure> {
    let session = context.connect().await?;
    let own = args.my || !users::privileges(&session.api).await?.is_superuser;
    let rows: Vec<Row> = approvals::list(&session.api, own, &args.status, &args.request_type)
        .await?
        .into_iter()
        .map(|approval| Row {
            id: approval.id,
            request_type: approval.request_type,
            status: approval.status,
            request_data: table::truncate(&approval.request_data, REQUEST_LENGTH),
            requested_by: approval.requested_by.unwrap_or_default().name,
            added_at: time::local_minute(approval.added_at),
        })
        .collect();
    table::print(&rows, context.format);
    Ok(())
}

async fn describe(context: &Context, id: &str) -> Result<(), Failure> {
    let session = context.connect().await?;
    let body = approvals::detail(&session.api, id).await?;
    if context.format == Format::Json {
        json::print(&body);
        return Ok(());
    }
    let approval: Approval = decode::from_value(body).map_err(|error| client::Error::Decode {
        what: "approval".to_owned(),
        reason: error.to_string(),
    })?;
    let rows = [
        ("ID", approval.id),
        ("Type", approval.request_type),
        ("Status", approval.status),
        ("Request", approval.request_data),
        ("Description", approval.description),
        (
            "Requested by",
            approval.requested_by.unwrap_or_default().name,
        ),
        ("Reviewed by", approval.reviewed_by.unwrap_or_default().name),
        ("Reviewed at", time::local_minute(approval.reviewed_at)),
        ("Added at", time::local_minute(approval.added_at)),
    ]
    .map(|(field, value)| vec![field.to_owned(), value]);
    table::print_cells(&["FIELD", "VALUE"], &rows);
    Ok(())
}

async fn act(context: &Context, id: &str, action: Action) -> Result<(), Failure> {
    let session = context.connect().await?;
    approvals::act(&session.api, id, action)
        .await
        .map_err(refused)?;
    let done = match action {
        Action::Cancel => "cancelled",
        Action::Approve => "approved",
        Action::Reject => "rejected",
    };
    message::success(&format!("approval request {id} {done}"));
    if context.format == Format::Json {
        json::print(&serde_json::json!({
            "ok": true,
            "operation": action.as_str(),
            "message": format!("approval request {id} {done}"),
            "approval_request_id": id,
            "status": done,
        }));
    }
    Ok(())
}

/// clap: one of `values`, or nothing.
fn one_of_or_empty(
    values: &'static [&'static str],
) -> impl Fn(&str) -> Result<String, String> + Clone {
    move |text: &str| {
        if text.is_empty() || values.contains(&text) {
            Ok(text.to_owned())
        } else {
            Err(format!("must be one of: {}", values.join(", ")))
        }
    }
}
