//! A bash parser that misses nothing that can run.
//!
//! [`parse`] turns a command line or script into a tree in which every command
//! that a shell could start is a node, however deeply it is nested in quotes,
//! expansions, arithmetic or here-documents. Where that cannot be promised the
//! answer says so: a syntax error or a limit is a [`ParseError`], and a place
//! that shells are known to read in different ways is a [`Doubt`] on an
//! otherwise complete tree. A caller that decides what may run must treat both
//! as *undecidable*.
//!
//! Spans are absolute byte ranges of the input. Size and depth are bounded
//! before and while parsing, so that any input is answered in time linear in
//! its length and on a 2 MiB stack.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod arithmetic;
mod ast;
mod backquote;
mod compound;
mod conditional;
mod dollar;
mod error;
mod heredoc;
mod list;
mod parser;
mod quote;
mod redirect;
mod simple;
mod source;
mod walk;
mod word;

pub use ast::{
    AndOr, AndOrOperator, Arithmetic, Assignment, CaseArm, Command, CommandKind, HereDoc,
    HereDocId, List, Parameter, Part, Pipeline, Redirect, RedirectOperator, RedirectTarget, Simple,
    Span, Substitution, Word,
};
pub use error::{Doubt, ErrorKind, ParseError};
pub use source::is_name;
pub use walk::{Construct, Visitor, walk};

/// Longest input that is parsed, in bytes.
pub const MAX_LENGTH: usize = 256 * 1024;

/// Deepest nesting of commands and expansions that is parsed. Far below what a
/// 2 MiB stack holds in an unoptimised build.
pub const MAX_DEPTH: usize = 100;

/// A parsed input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// The commands of the input.
    pub list: List,
    /// Bodies of the here-documents, in the order in which they were announced.
    pub here_docs: Vec<HereDoc>,
    /// Places that shells read differently, in source order.
    pub doubts: Vec<Doubt>,
}

impl Script {
    /// The body of a here-document of this script.
    pub fn here_doc(&self, id: HereDocId) -> Option<&HereDoc> {
        self.here_docs.get(id.0)
    }
}

/// Parses a command line or script.
///
/// # Errors
/// On a syntax error, on input longer than [`MAX_LENGTH`] or nested deeper than
/// [`MAX_DEPTH`], on a NUL byte, and where the extent of a construct depends on
/// the shell.
pub fn parse(input: &str) -> Result<Script, ParseError> {
    if input.len() > MAX_LENGTH {
        return Err(ParseError::new(
            ErrorKind::TooLong,
            Span::new(0, input.len()),
        ));
    }
    if let Some(at) = input.bytes().position(|byte| byte == 0) {
        return Err(ParseError::new(ErrorKind::Nul, Span::new(at, at + 1)));
    }
    parser::Parser::new(input).script()
}
