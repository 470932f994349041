//! `alpacon exec ls`.

use client::commands::Command;
use client::{commands, servers, users};
use serde::Serialize;

use crate::commands::positive;
use crate::context::Context;
use crate::error::Failure;
use crate::output::{table, time};

/// Characters of the result that a row shows.
const RESULT_LENGTH: usize = 70;

// Flattened into `event`, where a second group of this name would clash.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(crate) struct Args {
    /// Show the newest N commands.
    #[arg(short, long, default_value = "25", value_name = "N", value_parser = positive)]
    tail: usize,
    /// Only commands on this server.
    #[arg(short, long)]
    server: Option<String>,
    /// Only commands of this user.
    #[arg(short, long, value_name = "USERNAME")]
    user: Option<String>,
}

#[derive(Serialize)]
struct Row {
    server: String,
    shell: String,
    command: String,
    result: String,
    status: &'static str,
    operator: String,
    requested_at: String,
}

impl table::Row for Row {
    const HEADERS: &'static [&'static str] = &[
        "SERVER",
        "SHELL",
        "COMMAND",
        "RESULT",
        "STATUS",
        "OPERATOR",
        "REQUESTED AT",
    ];

    fn cells(&self) -> Vec<String> {
        vec![
            self.server.clone(),
            self.shell.clone(),
            self.command.clone(),
            self.result.clone(),
            self.status.to_owned(),
            self.operator.clone(),
            self.requested_at.clone(),
        ]
    }
}

pub(crate) async fn run(context: &Context, args: Args) -> Result<(), Failure> {
    let session = context.connect().await?;
    let server = match args.server.filter(|name| !name.is_empty()) {
        Some(name) => Some(servers::id_by_name(&session.api, &name).await?),
        None => None,
    };
    let user = match args.user.filter(|name| !name.is_empty()) {
        Some(name) => Some(users::id_by_username(&session.api, &name).await?),
        None => None,
    };
    let rows: Vec<Row> =
        commands::list(&session.api, server.as_deref(), user.as_deref(), args.tail)
            .await?
            .into_iter()
            .map(Row::from)
            .collect();
    table::print(&rows, context.format);
    Ok(())
}

impl From<Command> for Row {
    fn from(command: Command) -> Self {
        Self {
            server: command.server.name,
            shell: command.shell,
            command: command.line,
            result: table::truncate(&command.result, RESULT_LENGTH),
            status: match command.success {
                Some(true) => "true",
                Some(false) => "false",
                None => "null",
            },
            operator: command.requested_by.unwrap_or_default().name,
            requested_at: time::relative(command.added_at),
        }
    }
}
