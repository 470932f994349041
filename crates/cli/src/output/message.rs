//! `Prefix: text` lines on stderr. Text is cleaned, because much of it comes from
//! the server.

use super::color::{Color, paint};
use super::{sanitize, spinner};

pub(crate) fn error(text: &str) {
    write("Error", Color::Red, text);
}

pub(crate) fn warning(text: &str) {
    write("Warning", Color::Yellow, text);
}

pub(crate) fn info(text: &str) {
    write("Info", Color::Blue, text);
}

pub(crate) fn success(text: &str) {
    write("Success", Color::Green, text);
}

pub(crate) fn hint(text: &str) {
    write("Hint", Color::Yellow, text);
}

/// Only with `ALPACON_DEBUG`.
pub(crate) fn debug(text: &str) {
    if std::env::var("ALPACON_DEBUG").is_ok_and(|value| is_on(&value)) {
        write("Debug", Color::Yellow, text);
    }
}

/// A line without prefix.
pub(crate) fn plain(text: &str) {
    super::stderr(&format!("{}\n", sanitize::lines(text)));
}

fn is_on(value: &str) -> bool {
    !value.is_empty() && value != "0" && !value.eq_ignore_ascii_case("false")
}

fn write(prefix: &str, color: Color, text: &str) {
    let start = spinner::line_break();
    let line = format!(
        "{start}{}: {}\n",
        paint(prefix, color),
        sanitize::lines(text)
    );
    super::stderr(&line);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn switches_read_as_people_write_them() {
        assert!(is_on("1") && is_on("yes"));
        assert!(!is_on("") && !is_on("0") && !is_on("FALSE"));
    }
}
