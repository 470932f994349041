//! `alpacon webftp-log` (`cli-core.md` §10.7).

use client::history::{Transfer, TransferFilter};
use client::{history, servers, users};
use serde::Serialize;

use crate::commands::positive;
use crate::context::Context;
use crate::error::{CliError, Failure};
use crate::output::{table, time};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Show the newest N transfers.
    #[arg(short, long, default_value = "25", value_name = "N", value_parser = positive)]
    tail: usize,
    /// Only transfers with this server.
    #[arg(short, long)]
    server: Option<String>,
    /// Only transfers of this user.
    #[arg(short, long, value_name = "USERNAME")]
    user: Option<String>,
    /// Only this direction: upload or download.
    #[arg(short, long)]
    action: Option<String>,
}

#[derive(Serialize)]
struct Row {
    server: String,
    file_name: String,
    action: String,
    size: i64,
    success: bool,
    user: String,
    remote_ip: String,
    added_at: String,
}

impl table::Row for Row {
    const HEADERS: &'static [&'static str] = &[
        "SERVER",
        "FILE NAME",
        "ACTION",
        "SIZE",
        "SUCCESS",
        "USER",
        "REMOTE IP",
        "ADDED AT",
    ];

    fn cells(&self) -> Vec<String> {
        vec![
            self.server.clone(),
            self.file_name.clone(),
            self.action.clone(),
            self.size.to_string(),
            self.success.to_string(),
            self.user.clone(),
            self.remote_ip.clone(),
            self.added_at.clone(),
        ]
    }
}

pub(crate) async fn run(context: &Context, args: Args) -> Result<(), Failure> {
    let session = context.connect().await?;
    let given = |value: Option<String>| value.filter(|value| !value.is_empty());
    let named =
        |flag: &'static str| move |error: client::Error| CliError::from(error).while_doing(flag);
    let server = match given(args.server) {
        Some(name) => Some(
            servers::id_by_name(&session.api, &name)
                .await
                .map_err(named("--server"))?,
        ),
        None => None,
    };
    let user = match given(args.user) {
        Some(name) => Some(
            users::id_by_username(&session.api, &name)
                .await
                .map_err(named("--user"))?,
        ),
        None => None,
    };
    let filter = TransferFilter {
        server,
        user,
        action: given(args.action),
    };
    let rows: Vec<Row> = history::transfers(&session.api, filter, args.tail)
        .await?
        .into_iter()
        .map(Row::from)
        .collect();
    table::print(&rows, context.format);
    Ok(())
}

impl From<Transfer> for Row {
    fn from(transfer: Transfer) -> Self {
        Self {
            server: transfer.server,
            file_name: transfer.file_name,
            action: transfer.action,
            size: transfer.size,
            success: transfer.success.unwrap_or_default(),
            user: transfer.user,
            remote_ip: transfer.remote_ip,
            added_at: time::relative(transfer.added_at),
        }
    }
}
