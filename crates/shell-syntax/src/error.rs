//! Why a line cannot be read, or not with certainty.

use std::fmt;

use crate::ast::Span;

/// The input was refused; nothing is known about what it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// What went wrong.
    pub kind: ErrorKind,
    /// Where.
    pub span: Span,
}

/// Reasons for a [`ParseError`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// Longer than [`crate::MAX_LENGTH`].
    TooLong,
    /// Nested deeper than [`crate::MAX_DEPTH`].
    TooDeep,
    /// Too many ambiguous parentheses to try every reading.
    TooComplex,
    /// A NUL byte, which shells drop or stop at.
    Nul,
    /// Something opened and never closed.
    Unterminated(&'static str),
    /// Something else was needed here.
    Expected(&'static str),
    /// Shells disagree about where this ends.
    Undecidable(&'static str),
}

/// A place where the tree is complete for bash, but another shell (or another
/// version of bash) reads the text differently and may run more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Doubt {
    /// What is ambiguous.
    pub reason: &'static str,
    /// Where.
    pub span: Span,
}

impl ParseError {
    pub(crate) fn new(kind: ErrorKind, span: Span) -> Self {
        Self { kind, span }
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            ErrorKind::TooLong => {
                write!(f, "the line is longer than {} bytes", crate::MAX_LENGTH)
            }
            ErrorKind::TooDeep => {
                write!(
                    f,
                    "commands are nested more than {} levels deep",
                    crate::MAX_DEPTH
                )
            }
            ErrorKind::TooComplex => f.write_str("too many ambiguous parentheses"),
            ErrorKind::Nul => f.write_str("the line contains a NUL byte"),
            ErrorKind::Unterminated(what) => write!(f, "{what} is not closed"),
            ErrorKind::Expected(what) => write!(f, "expected {what}"),
            ErrorKind::Undecidable(what) => write!(f, "shells disagree about {what}"),
        }?;
        write!(f, " (at byte {})", self.span.start)
    }
}

impl std::error::Error for ParseError {}
