//! `alpacon version`.

use serde_json::json;

use crate::output::{Format, json as writer, message};

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Tells the version. People read it on stderr, like every message.
pub(crate) fn run(format: Format) {
    match format {
        Format::Json => writer::print(&json!({ "version": VERSION })),
        Format::Table => message::info(&format!("alpacon {VERSION}")),
    }
}
