//! Everything that reaches the user. stdout carries data, stderr carries messages
//! (`cli-core.md` §1.1).

pub(crate) mod color;
pub(crate) mod detail;
pub(crate) mod json;
pub(crate) mod message;
pub(crate) mod pager;
pub(crate) mod progress;
pub(crate) mod sanitize;
pub(crate) mod spinner;
pub(crate) mod table;
pub(crate) mod time;

use std::io::Write as _;

/// How results are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    // Not doc comments: help would spend four lines on them in every command.
    // For people.
    #[default]
    Table,
    // For programs.
    Json,
}

/// Writes `text` to stdout. A reader that went away is not our failure.
pub(crate) fn stdout(text: &str) {
    let mut stdout = std::io::stdout().lock();
    let _closed: std::io::Result<()> = stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush());
}

/// Writes `text` to stderr.
pub(crate) fn stderr(text: &str) {
    let mut stderr = std::io::stderr().lock();
    let _closed: std::io::Result<()> = stderr
        .write_all(text.as_bytes())
        .and_then(|()| stderr.flush());
}
