//! Words for the person at the terminal. The daemon itself uses the log.

use std::io::Write;

/// A result, on standard output.
pub(crate) fn say(text: &str) {
    // A closed pipe is no reason to fail.
    let _written = writeln!(std::io::stdout().lock(), "{text}");
}

/// A warning, on standard error.
pub(crate) fn warn(text: &str) {
    let _written = writeln!(std::io::stderr().lock(), "alpamon: warning: {text}");
}

/// What made the command fail, on standard error.
pub(crate) fn error(text: &str) {
    let _written = writeln!(std::io::stderr().lock(), "alpamon: {text}");
}

/// A question, on standard error, answered on the same line.
pub(crate) fn ask(text: &str) {
    let mut stderr = std::io::stderr().lock();
    let _written = write!(stderr, "{text}").and_then(|()| stderr.flush());
}
