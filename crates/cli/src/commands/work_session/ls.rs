//! `alpacon work-session ls`.

use client::users;
use client::work_sessions::{self, Filter, WorkSession};
use protocol::work_session::{REQUESTER_AGENT, REQUESTER_USER};
use serde::Serialize;

use crate::context::Context;
use crate::error::{CliError, Failure};
use crate::output::{table, time};

/// Characters of the description that a row shows.
const DESCRIPTION_LENGTH: usize = 70;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only sessions in this state, or several separated by commas; all: any state.
    #[arg(long, default_value = "active")]
    status: String,
    /// Only sessions for a user or for an agent.
    #[arg(long, value_parser = [REQUESTER_USER, REQUESTER_AGENT])]
    requester_type: Option<String>,
    /// Only sessions of this user id; all: everybody's. Default: yours.
    #[arg(long, value_name = "USER_ID")]
    user: Option<String>,
}

#[derive(Serialize)]
pub(super) struct Row {
    #[serde(skip)]
    active: bool,
    id: String,
    status: String,
    scopes: String,
    servers: String,
    expires_at: String,
    description: String,
}

impl table::Row for Row {
    const HEADERS: &'static [&'static str] = &[
        "ACTIVE",
        "ID",
        "STATUS",
        "SCOPES",
        "SERVERS",
        "EXPIRES AT",
        "DESCRIPTION",
    ];

    fn cells(&self) -> Vec<String> {
        vec![
            if self.active { "*" } else { "" }.to_owned(),
            self.id.clone(),
            self.status.clone(),
            self.scopes.clone(),
            self.servers.clone(),
            self.expires_at.clone(),
            self.description.clone(),
        ]
    }
}

impl Row {
    pub(super) fn new(session: WorkSession, active: Option<&str>) -> Self {
        Self {
            active: active == Some(session.id.as_str()),
            servers: session.server_names().join(", "),
            scopes: session.scopes.unwrap_or_default().join(", "),
            expires_at: time::local_minute(session.expires_at),
            description: table::truncate(&session.description, DESCRIPTION_LENGTH),
            id: session.id,
            status: session.status,
        }
    }
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), Failure> {
    let session = context.connect().await?;
    let assigned_user = match args.user.as_deref().map(str::trim) {
        Some("all") => None,
        Some(id) if !id.is_empty() => Some(id.to_owned()),
        _ => Some(own_id(&session.api).await?),
    };
    let filter = Filter {
        status: unless_all(&args.status),
        requester_type: args.requester_type,
        assigned_user,
    };
    let active = session.config.active_work_session();
    let rows: Vec<Row> = work_sessions::list(&session.api, filter)
        .await?
        .into_iter()
        .map(|row| Row::new(row, active))
        .collect();
    table::print(&rows, context.format);
    Ok(())
}

async fn own_id(api: &client::Api) -> Result<String, Failure> {
    let user = users::current(api).await.map_err(|error| {
        CliError::from(error).while_doing("this login has no user of its own; pass --user all")
    })?;
    Ok(user.id)
}

fn unless_all(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty() && !text.eq_ignore_ascii_case("all")).then(|| text.to_owned())
}
