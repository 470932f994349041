//! The daemon's log: to standard error, and some of it to the control plane
//! (`agent-control.md` §13.2).

use std::fmt::{self, Write};

use protocol::agent::LogRecord;
use reqwest::Method;
use tokio::sync::mpsc;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt as stderr};

use crate::reporter::Reporter;
use crate::reporter::background::{Errand, PRIORITY_LOG};

const PATH: &str = "/api/history/logs/";
/// Records on their way to the queue; more are dropped.
const BUFFER: usize = 64;
/// Longest message, in bytes.
const MAX_MESSAGE: usize = 4096;
/// What is uploaded, and from which level on. Nothing about sending itself, which
/// would feed on its own failures.
const UPLOADED: [(&str, Level); 4] = [
    ("alpamon::executor", Level::WARN),
    ("alpamon::dispatch", Level::WARN),
    ("alpamon::internal", Level::WARN),
    ("alpamon::inventory", Level::INFO),
];

/// Records to be uploaded.
pub(crate) struct Uploads(mpsc::Receiver<LogRecord>);

/// Starts the log of this process.
pub(crate) fn start(debug: bool) -> Uploads {
    let level = if debug {
        LevelFilter::DEBUG
    } else {
        LevelFilter::INFO
    };
    let (sender, receiver) = mpsc::channel(BUFFER);
    let layer = stderr::layer()
        .with_ansi(false)
        .with_writer(std::io::stderr);
    // The journal adds the time itself.
    let layer = if std::env::var_os("JOURNAL_STREAM").is_some() {
        layer.without_time().boxed()
    } else {
        layer.boxed()
    };
    tracing_subscriber::registry()
        .with(layer.with_filter(level))
        .with(Upload { sender }.with_filter(level))
        .init();
    Uploads(receiver)
}

/// Queues records for upload as they come.
pub(crate) async fn upload(mut uploads: Uploads, reporter: Reporter) {
    while let Some(record) = uploads.0.recv().await {
        let Ok(body) = serde_json::to_vec(&record) else {
            continue;
        };
        let errand = Errand {
            method: Method::POST,
            path: PATH.to_owned(),
            body: Some(body),
            sync_hash: None,
            must_arrive: false,
        };
        reporter.errand(PRIORITY_LOG, errand);
    }
}

struct Upload {
    sender: mpsc::Sender<LogRecord>,
}

impl<S: Subscriber> Layer<S> for Upload {
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        if is_uploaded(event.metadata()) {
            // A full buffer loses log records, never time.
            let _sent = self.sender.try_send(record(event));
        }
    }
}

fn is_uploaded(metadata: &Metadata<'_>) -> bool {
    UPLOADED.iter().any(|(unit, least)| {
        let target = metadata.target();
        let below = target.strip_prefix(unit);
        let within = below.is_some_and(|rest| rest.is_empty() || rest.starts_with("::"));
        // More severe levels are smaller.
        within && metadata.level() <= least
    })
}

fn record(event: &Event<'_>) -> LogRecord {
    let metadata = event.metadata();
    let mut message = Message::default();
    event.record(&mut message);
    let line = metadata.line().unwrap_or(0);
    LogRecord {
        date: chrono::Local::now().to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
        level: wire_level(*metadata.level()),
        program: "alpamon".to_owned(),
        path: format!("{}:{line}", metadata.file().unwrap_or("unknown")),
        lineno: line.into(),
        pid: std::process::id().into(),
        msg: message.finish(),
    }
}

fn wire_level(level: Level) -> i64 {
    match level {
        Level::TRACE | Level::DEBUG => 10,
        Level::INFO => 20,
        Level::WARN => 30,
        Level::ERROR => 40,
    }
}

/// The text of an event, then its fields.
#[derive(Default)]
struct Message {
    text: String,
    fields: String,
}

impl Message {
    fn finish(self) -> String {
        let mut text = format!("{}{}", self.text, self.fields);
        text.truncate(text.floor_char_boundary(MAX_MESSAGE));
        text
    }
}

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Writing to a string cannot fail.
        let _written = if field.name() == "message" {
            write!(self.text, "{value:?}")
        } else {
            write!(self.fields, " {}={value:?}", field.name())
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uploads_what_concerns_the_control_plane() {
        let (sender, mut receiver) = mpsc::channel(BUFFER);
        let subscriber = tracing_subscriber::registry().with(Upload { sender });
        tracing::subscriber::with_default(subscriber, || {
            tracing::warn!(target: "alpamon::executor::process", code = 3, "it failed");
            tracing::info!(target: "alpamon::executor", "too quiet");
            tracing::error!(target: "alpamon::reporter", "about sending");
            tracing::error!(target: "alpamon::executors", "another unit");
        });
        let record = receiver.try_recv().unwrap();
        assert_eq!(
            (record.level, record.msg.as_str()),
            (30, "it failed code=3")
        );
        assert!(record.path.contains("log.rs:"), "{}", record.path);
        assert!(receiver.try_recv().is_err());
    }

    #[test]
    fn messages_are_bounded() {
        let message = Message {
            text: "é".repeat(MAX_MESSAGE),
            fields: String::new(),
        };
        assert!(message.finish().len() <= MAX_MESSAGE);
    }
}
