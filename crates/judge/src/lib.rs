//! The judge: reads a command line and says whether an authority allows it.
//!
//! [`Plan::read`] lists what a line would run, [`judge`] compares that list with
//! an [`Authority`] and answers with a [`Verdict`] that names the deciding rule.
//! Nothing here performs I/O, and every function is total: any input gets an
//! answer in bounded time and memory. Where a line cannot be read with
//! certainty, an allow-list denies it.
//!
//! ```
//! use judge::{Authority, Decision, Plan, RuleSet};
//!
//! let rules = RuleSet::compile(&["docker *".to_owned()]).unwrap();
//! let authority = Authority { commands: Some(rules), ..Authority::default() };
//! let allowed = judge::judge(&Plan::read("docker ps | docker stats"), &authority, &[] as &[&str]);
//! assert_eq!(allowed.decision, Decision::Allow);
//! let refused = judge::judge(&Plan::read("docker ps; rm -rf /"), &authority, &[] as &[&str]);
//! assert!(matches!(refused.decision, Decision::Deny { .. }));
//! ```

#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod argument;
mod authority;
mod builtin;
pub mod credential;

mod decide;
mod environment;
mod evaluation;
mod explain;
mod glob;
mod obscure;
mod path_rules;
mod plan;
mod reader;
mod render;
pub mod risk;
mod rule;
mod suggest;
mod verdict;
mod wrapper;

pub use argument::Argument;
pub use authority::{Authority, Sudo, TRUSTED_FOLDERS};
pub use decide::judge;
pub use environment::changes_what_runs;
pub use explain::{Explanation, Step, explain};
pub use path_rules::{PathRules, is_canonical};
pub use plan::{Assigned, Flag, Origin, Plan, Redirection, SimpleCommand};
pub use risk::Risk;
pub use rule::{RuleError, RuleSet};
pub use shell_syntax::{Construct, RedirectOperator, Span};
pub use suggest::{Suggestion, Uncovered, suggest};
pub use verdict::{Decision, DenyCode, Verdict};
