//! `alpacon audit`.

use client::audit::{Activity, Filter};
use client::{audit, users};
use serde::Serialize;

use crate::commands::positive;
use crate::context::Context;
use crate::error::Failure;
use crate::output::{table, time};

/// Characters of the description that a row shows.
const DESCRIPTION_LENGTH: usize = 70;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Show the newest N records.
    #[arg(short, long, default_value = "25", value_name = "N", value_parser = positive)]
    tail: usize,
    /// Only acts of this user.
    #[arg(short, long, value_name = "USERNAME")]
    user: Option<String>,
    /// Only this area, for example command or work_session.
    #[arg(short, long)]
    app: Option<String>,
    /// Only this kind of object.
    #[arg(short, long)]
    model: Option<String>,
}

#[derive(Serialize)]
struct Row {
    username: String,
    app: String,
    action: String,
    model: String,
    status_code: i64,
    ip: String,
    description: String,
    added_at: String,
}

impl table::Row for Row {
    const HEADERS: &'static [&'static str] = &[
        "USERNAME",
        "APP",
        "ACTION",
        "MODEL",
        "STATUS CODE",
        "IP",
        "DESCRIPTION",
        "ADDED AT",
    ];

    fn cells(&self) -> Vec<String> {
        vec![
            self.username.clone(),
            self.app.clone(),
            self.action.clone(),
            self.model.clone(),
            self.status_code.to_string(),
            self.ip.clone(),
            self.description.clone(),
            self.added_at.clone(),
        ]
    }
}

pub(crate) async fn run(context: &Context, args: Args) -> Result<(), Failure> {
    let session = context.connect().await?;
    let user = match args.user.filter(|name| !name.is_empty()) {
        Some(name) => Some(users::id_by_username(&session.api, &name).await?),
        None => None,
    };
    let filter = Filter {
        user,
        app: args.app,
        model: args.model,
    };
    let rows: Vec<Row> = audit::list(&session.api, filter, args.tail)
        .await?
        .into_iter()
        .map(Row::from)
        .collect();
    table::print(&rows, context.format);
    Ok(())
}

impl From<Activity> for Row {
    fn from(act: Activity) -> Self {
        Self {
            username: act.username,
            app: act.app,
            action: act.action,
            model: act.model,
            status_code: act.status_code,
            ip: act.ip,
            description: table::truncate(&act.description, DESCRIPTION_LENGTH),
            added_at: time::relative(act.added_at),
        }
    }
}
