//! Masking of secrets in text that is kept: output of commands, recordings, records.
//!
//! [`Masker`] takes text in pieces, as it comes, and gives each piece back with what
//! looks like a secret replaced by [`PLACEHOLDER`]. A secret may lie across any number of
//! pieces; nothing is held back, and memory is bounded by a few hundred bytes. Known are
//! the tokens of common services ([`shapes`]), private keys in PEM, passwords in
//! addresses, and values after the names of secrets (`password=…`, `"api_key": "…"`,
//! `Authorization: Bearer …`); a workspace adds shapes of its own ([`Custom`]).
//!
//! Colours and other control sequences of terminals inside a secret do not hide it.
//! What has no shape and no name cannot be known: masking is a net under people who print
//! a secret by accident, not a wall around it.
//!
//! ```
//! use mask::{Masker, Patterns};
//!
//! let mut masker = Masker::new(Patterns::built_in());
//! assert_eq!(masker.push("export DB_PASSWORD=hun"), "export DB_PASSWORD=[masked]");
//! assert_eq!(masker.push("ter2\nls\n"), "\nls\n");
//! ```

#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod masker;
mod names;
mod patterns;
mod plain;
mod scan;
pub mod shapes;

pub use masker::{Masker, PLACEHOLDER, mask};
pub use patterns::{Custom, Error, MAX_CUSTOM, Patterns};
