//! The local side of file transfers: what is read, what is written, and where.
//! Blocking; run it on a thread of its own.
//!
//! Names in an archive come from the other side and are not trusted: they are
//! followed one component at a time beneath an open directory, through no symbolic
//! link, so that nothing outside is reached whatever they say.

pub mod digest;
pub mod name;
pub mod pack;
pub mod replace;
pub mod scan;
pub mod tree;
pub mod unpack;

use std::io;
use std::path::{Path, PathBuf};

/// Why something here could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// The system refused.
    #[error("{}: {}", shown(.path), reason(.source))]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It cannot be transferred as it is.
    #[error("{}: {reason}", shown(.path))]
    Unfit {
        /// Which file.
        path: PathBuf,
        /// Why, and what to do.
        reason: &'static str,
    },
    /// The archive is not one, or is one that must not be unpacked.
    #[error("the archive cannot be unpacked: {0}")]
    Archive(String),
    /// The other side of the transfer has gone; it knows why.
    #[error("the transfer was given up")]
    Abandoned,
}

impl FileError {
    pub(crate) fn io(path: impl AsRef<Path>) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io {
            path: path.as_ref().to_owned(),
            source,
        }
    }

    pub(crate) fn errno(path: impl AsRef<Path>) -> impl FnOnce(rustix::io::Errno) -> Self {
        move |source| Self::Io {
            path: path.as_ref().to_owned(),
            source: source.into(),
        }
    }

    pub(crate) fn unfit(path: impl AsRef<Path>, reason: &'static str) -> Self {
        Self::Unfit {
            path: path.as_ref().to_owned(),
            reason,
        }
    }
}

/// A path as it may stand in a message: on one line, whatever is in it.
#[must_use]
pub fn shown(path: &Path) -> String {
    let mut text = String::new();
    for letter in path.to_string_lossy().chars() {
        match letter.is_control() {
            true => text.extend(letter.escape_default()),
            false => text.push(letter),
        }
    }
    text
}

/// In the words that every other program uses, without Rust's numbers.
fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error ").next().unwrap_or_default();
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => first.to_lowercase().chain(letters).collect(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_read_like_those_of_other_programs() {
        let error = FileError::io("/x")(io::Error::from_raw_os_error(2));
        assert_eq!(error.to_string(), "/x: no such file or directory");
    }

    #[test]
    fn a_name_cannot_start_a_line_of_its_own() {
        let text = shown(Path::new("a\nSuccess: ü\u{1b}[31m"));
        assert_eq!(text, "a\\nSuccess: ü\\u{1b}[31m");
    }
}
