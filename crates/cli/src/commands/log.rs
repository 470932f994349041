//! `alpacon log SERVER`.

use client::history::LogLine;
use client::{history, servers};
use serde::Serialize;

use crate::commands::positive;
use crate::context::Context;
use crate::error::Failure;
use crate::output::{table, time};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Server name.
    server: String,
    /// Show the newest N lines.
    #[arg(short, long, default_value = "25", value_name = "N", value_parser = positive)]
    tail: usize,
}

#[derive(Serialize)]
struct Row {
    program: String,
    level: &'static str,
    message: String,
    date: String,
}

impl table::Row for Row {
    const HEADERS: &'static [&'static str] = &["PROGRAM", "LEVEL", "MESSAGE", "DATE"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.program.clone(),
            self.level.to_owned(),
            self.message.clone(),
            self.date.clone(),
        ]
    }
}

pub(crate) async fn run(context: &Context, args: Args) -> Result<(), Failure> {
    let session = context.connect().await?;
    let server = servers::id_by_name(&session.api, &args.server).await?;
    let rows: Vec<Row> = history::logs(&session.api, &server, args.tail)
        .await?
        .into_iter()
        .map(Row::from)
        .collect();
    table::print(&rows, context.format);
    Ok(())
}

impl From<LogLine> for Row {
    fn from(line: LogLine) -> Self {
        Self {
            level: match line.level {
                10 => "DEBUG",
                20 => "INFO",
                30 => "WARN",
                40 => "ERROR",
                50 => "CRITICAL",
                _ => "UNKNOWN",
            },
            message: format!("[{}] {}", line.process, line.msg),
            date: time::relative(line.date),
            program: line.program,
        }
    }
}
