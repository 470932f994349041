//! Why a file operation failed, in the words that callers look for
//! (`rest-operations.md` §7.6).

use std::fmt::Display;
use std::io;

use rustix::io::Errno;

/// Why a file operation failed.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Failure(pub(crate) String);

impl Failure {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// A failed system call on something.
    pub(crate) fn of(what: impl Display, error: Errno) -> Self {
        Self(format!("{what}: {}", words(error)))
    }

    /// A failed read or write of something.
    pub(crate) fn io(what: impl Display, error: &io::Error) -> Self {
        match Errno::from_io_error(error) {
            Some(errno) => Self::of(what, errno),
            None => Self(format!("{what}: {error}")),
        }
    }
}

/// The usual words for an error, in lower case.
pub(crate) fn words(error: Errno) -> String {
    let text = match error {
        Errno::NOENT => "no such file or directory",
        Errno::ACCESS => "permission denied",
        Errno::PERM => "operation not permitted",
        Errno::EXIST => "file exists",
        Errno::ISDIR => "is a directory",
        Errno::NOTDIR => "not a directory",
        Errno::NOSPC => "no space left on device",
        Errno::DQUOT => "disk quota exceeded",
        Errno::ROFS => "read-only file system",
        Errno::LOOP => "too many levels of symbolic links",
        Errno::NAMETOOLONG => "file name too long",
        Errno::NOTEMPTY => "directory not empty",
        Errno::INVAL => "invalid argument",
        Errno::XDEV => "invalid cross-device link",
        other => return io::Error::from(other).to_string(),
    };
    text.to_owned()
}

/// A name for messages, without what a terminal would obey.
pub(crate) fn shown(name: impl AsRef<[u8]>) -> String {
    String::from_utf8_lossy(name.as_ref())
        .chars()
        .map(|character| match character.is_control() {
            true => '\u{fffd}',
            false => character,
        })
        .collect()
}
