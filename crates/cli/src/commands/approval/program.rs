//! `alpacon approval program`: programs that an exec guard holds. An addition of our
//! server.

use client::approvals;
use serde::Serialize;

use super::refused;
use crate::context::Context;
use crate::error::Failure;
use crate::output::{Format, json, message, table, time};

/// Characters of the arguments that a row shows.
const ARGUMENTS_LENGTH: usize = 60;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    /// List the programs that wait for an answer (superuser).
    #[command(alias = "list")]
    Ls,
    /// Let a held program run, once (superuser).
    Allow(Which),
    /// Deny a held program (superuser).
    Deny(Which),
}

#[derive(Debug, clap::Args)]
pub(crate) struct Which {
    /// The command that started it.
    command_id: String,
    /// Its number in the command.
    #[arg(value_parser = clap::value_parser!(i64).range(1..))]
    seq: i64,
}

#[derive(Serialize)]
struct Row {
    command_id: String,
    seq: i64,
    server: String,
    requested_by: String,
    exe: String,
    arguments: String,
    since: String,
}

impl table::Row for Row {
    const HEADERS: &'static [&'static str] = &[
        "COMMAND ID",
        "SEQ",
        "SERVER",
        "REQUESTED BY",
        "PROGRAM",
        "ARGUMENTS",
        "SINCE",
    ];

    fn cells(&self) -> Vec<String> {
        vec![
            self.command_id.clone(),
            self.seq.to_string(),
            self.server.clone(),
            self.requested_by.clone(),
            self.exe.clone(),
            table::truncate(&self.arguments, ARGUMENTS_LENGTH),
            self.since.clone(),
        ]
    }
}

pub(super) async fn run(context: &Context, verb: Verb) -> Result<(), Failure> {
    match verb {
        Verb::Ls => ls(context).await,
        Verb::Allow(which) => answer(context, &which, true).await,
        Verb::Deny(which) => answer(context, &which, false).await,
    }
}

async fn ls(context: &Context) -> Result<(), Failure> {
    let session = context.connect().await?;
    let held = approvals::held_programs(&session.api).await?;
    let rows: Vec<Row> = held
        .into_iter()
        .map(|held| Row {
            command_id: held.command.to_string(),
            seq: held.program.seq,
            server: held.server.name,
            requested_by: held.requested_by.map(|user| user.name).unwrap_or_default(),
            exe: held.program.exe,
            arguments: held.program.argv.get(1..).unwrap_or_default().join(" "),
            since: time::local_second(held.program.time),
        })
        .collect();
    table::print(&rows, context.format);
    Ok(())
}

async fn answer(context: &Context, which: &Which, allow: bool) -> Result<(), Failure> {
    let session = context.connect().await?;
    approvals::answer_program(&session.api, &which.command_id, which.seq, allow)
        .await
        .map_err(refused)?;
    let (operation, done) = match allow {
        true => ("allow", "allowed"),
        false => ("deny", "denied"),
    };
    let text = format!(
        "program {} of command {} {done}",
        which.seq, which.command_id
    );
    message::success(&text);
    if context.format == Format::Json {
        json::print(&serde_json::json!({
            "ok": true,
            "operation": operation,
            "message": text,
            "command_id": which.command_id,
            "seq": which.seq,
        }));
    }
    Ok(())
}
