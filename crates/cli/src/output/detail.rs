//! Whole objects, as the server sent them: valid JSON in both formats.

use serde_json::Value;

use super::{Format, json};

/// Writes `value` with the server's order of members.
pub(crate) fn print(value: &Value, format: Format) {
    let indent = match format {
        Format::Json => json::COMPACT_INDENT,
        Format::Table => json::WIDE_INDENT,
    };
    super::stdout(&json::pretty(value, indent));
}
