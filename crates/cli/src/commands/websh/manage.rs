//! Sessions that are there: listing, closing, joining, watching, reading.

use client::websh;
use serde::Serialize;
use serde_json::Value;

use super::raw_mode;
use super::terminal::{self, Mode};
use crate::commands::positive;
use crate::context::Context;
use crate::error::{CliError, Failure};
use crate::output::{Format, detail, json as writer, message, sanitize, table};

/// Characters of a record that a row shows.
const RECORD_LENGTH: usize = 80;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    /// List open sessions.
    #[command(alias = "list")]
    Ls {
        /// Show the newest N sessions.
        #[arg(short, long, default_value = "25", value_name = "N", value_parser = positive)]
        tail: usize,
    },
    /// Show a session.
    #[command(alias = "desc")]
    Describe {
        /// Which.
        session_id: String,
    },
    /// Close a session of yours.
    Close {
        /// Which.
        session_id: String,
    },
    /// Close a session of anybody; for superusers.
    ForceClose {
        /// Which.
        session_id: String,
    },
    /// Invite people by mail to a session of yours.
    Invite {
        /// Which.
        session_id: String,
        /// Whom; repeatable.
        #[arg(long, value_name = "ADDRESS")]
        email: Vec<String>,
        /// They may only look.
        #[arg(long)]
        read_only: bool,
    },
    /// Join a shared session.
    Join {
        /// The share link.
        #[arg(long)]
        url: String,
        /// Its password.
        #[arg(short, long)]
        password: String,
    },
    /// Watch a session without touching it; for staff and superusers.
    Watch {
        /// Which.
        session_id: String,
    },
    /// Show what a session showed, newest first.
    #[command(alias = "rec")]
    Records {
        /// Which.
        session_id: String,
        /// Only lines that hold this.
        #[arg(short, long)]
        query: Option<String>,
        /// At most this many lines.
        #[arg(short = 'n', long, default_value = "100", value_name = "N", value_parser = positive)]
        limit: usize,
    },
}

#[derive(Serialize)]
struct Row {
    id: String,
    server: String,
    user: String,
    username: String,
    remote_ip: String,
    added_at: String,
    closed_at: String,
}

impl table::Row for Row {
    const HEADERS: &'static [&'static str] = &[
        "ID",
        "SERVER",
        "USER",
        "USERNAME",
        "REMOTE IP",
        "ADDED AT",
        "CLOSED AT",
    ];

    fn cells(&self) -> Vec<String> {
        vec![
            self.id.clone(),
            self.server.clone(),
            self.user.clone(),
            self.username.clone(),
            self.remote_ip.clone(),
            self.added_at.clone(),
            self.closed_at.clone(),
        ]
    }
}

impl From<websh::Session> for Row {
    fn from(session: websh::Session) -> Self {
        Self {
            id: session.id,
            server: session.server.name,
            user: session.user.unwrap_or_default().name,
            username: session.username,
            remote_ip: session.remote_ip,
            added_at: session.added_at.unwrap_or_default(),
            closed_at: session.closed_at.unwrap_or_else(|| "-".to_owned()),
        }
    }
}

pub(super) async fn run(context: &Context, verb: Verb) -> Result<(), Failure> {
    match verb {
        Verb::Ls { tail } => ls(context, tail).await,
        Verb::Describe { session_id } => {
            let session = context.connect().await?;
            let found = websh::detail(&session.api, &session_id).await?;
            detail::print(&found, context.format);
            Ok(())
        }
        Verb::Close { session_id } => close(context, &session_id, false).await,
        Verb::ForceClose { session_id } => close(context, &session_id, true).await,
        Verb::Invite {
            session_id,
            email,
            read_only,
        } => invite(context, &session_id, &email, read_only).await,
        Verb::Join { url, password } => join(context, &url, &password).await,
        Verb::Watch { session_id } => watch(context, &session_id).await,
        Verb::Records {
            session_id,
            query,
            limit,
        } => records(context, &session_id, query.as_deref(), limit).await,
    }
}

async fn ls(context: &Context, tail: usize) -> Result<(), Failure> {
    let session = context.connect().await?;
    let rows = websh::list(&session.api, tail).await?;
    let rows: Vec<Row> = rows.into_iter().map(Row::from).collect();
    table::print(&rows, context.format);
    Ok(())
}

async fn close(context: &Context, id: &str, force: bool) -> Result<(), Failure> {
    let session = context.connect().await?;
    websh::close(&session.api, id, force).await?;
    message::success(&format!("session {} is closed", sanitize::cell(id)));
    Ok(())
}

async fn invite(
    context: &Context,
    id: &str,
    emails: &[String],
    read_only: bool,
) -> Result<(), Failure> {
    if emails.is_empty() {
        return Err(CliError::refusal("name at least one address with --email").into());
    }
    let session = context.connect().await?;
    websh::invite(&session.api, id, emails, read_only).await?;
    message::success("the invitations are on their way");
    Ok(())
}

async fn join(context: &Context, url: &str, password: &str) -> Result<(), Failure> {
    let channel = channel_of(url).ok_or_else(|| {
        CliError::refusal("the URL names no channel; use the whole URL of the share")
    })?;
    raw_mode::size()?;
    let session = context.connect().await?;
    let granted = websh::join(&session.api, &channel, password).await?;
    let link = websh::connect(&session.api, &granted).await?;
    terminal::run(&session.api, None, link, Mode::Interactive).await
}

/// The `channel` of a share URL's query.
fn channel_of(url: &str) -> Option<String> {
    let (_, query) = url.split_once('?')?;
    let query = query.split('#').next().unwrap_or_default();
    query
        .split('&')
        .find_map(|part| part.strip_prefix("channel="))
        .filter(|channel| !channel.is_empty())
        .map(ToOwned::to_owned)
}

async fn watch(context: &Context, id: &str) -> Result<(), Failure> {
    raw_mode::size()?;
    let session = context.connect().await?;
    let found = websh::detail(&session.api, id).await?;
    let text = |pointer: &str| {
        let value = found.pointer(pointer).and_then(Value::as_str);
        sanitize::cell(value.unwrap_or_default())
    };
    message::info(&format!(
        "watching {} on {}: {} as {}; read-only, Ctrl-C ends it",
        text("/id"),
        text("/server/name"),
        text("/user/name"),
        text("/username"),
    ));
    let granted = websh::watch(&session.api, id).await?;
    let link = websh::connect(&session.api, &granted).await?;
    terminal::run(&session.api, None, link, Mode::Watch).await
}

async fn records(
    context: &Context,
    id: &str,
    query: Option<&str>,
    limit: usize,
) -> Result<(), Failure> {
    let session = context.connect().await?;
    let query = query.filter(|query| !query.is_empty());
    let records = websh::records(&session.api, id, query, limit).await?;
    if context.format == Format::Json {
        writer::print(&records);
        return Ok(());
    }
    let rows: Vec<Vec<String>> = records
        .into_iter()
        .map(|record| {
            let text = table::truncate(&record.record, RECORD_LENGTH);
            vec![record.added_at, text]
        })
        .collect();
    table::print_cells(&["ADDED AT", "RECORD"], &rows);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_channel_is_in_the_query() {
        let id = Some("0195".to_owned());
        assert_eq!(channel_of("https://x/websh/join/?channel=0195"), id);
        assert_eq!(channel_of("https://x/?a=b&channel=0195#top"), id);
        assert_eq!(channel_of("https://x/?channel="), None);
        assert_eq!(channel_of("https://x/channel=0195"), None);
    }
}
