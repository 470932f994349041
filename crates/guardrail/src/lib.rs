//! Guardrails: workspace-wide policies that only tighten (`judgment.md` §1, §2).
//!
//! A guardrail is a Cedar text of one or more `forbid` policies over a fixed schema.
//! Its author names what must not happen whatever sessions, tokens and rules allow;
//! nothing in it can allow. [`check`] compiles and validates a text, [`Set`] holds
//! those of a workspace, sliced by operation and principal, and [`Set::decide`]
//! answers with the guardrail and the policy that decided. A policy that cannot be
//! evaluated denies.
//!
//! ```
//! use guardrail::{Set, Source};
//!
//! let source = Source {
//!     id: "1".to_owned(),
//!     name: "no-prod-tunnels".to_owned(),
//!     version: 1,
//!     text: r#"
//!         @reason("tunnels to production go through the bastion")
//!         forbid (principal, action == Action::"tunnel", resource)
//!         when { resource.hasTag("env") && resource.getTag("env") == "prod" };
//!     "#.to_owned(),
//! };
//! let set = Set::compile(&[source]).unwrap();
//! assert!(!set.is_empty());
//! ```

#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod compile;
mod facts;
mod set;

pub use compile::{Checked, Error, MAX_POLICIES, MAX_TEXT, SCHEMA, Source, check};
pub use facts::{Detail, Facts, Operation, Principal, PrincipalKind, Requester, Server};
pub use set::{Decided, Effect, Outcome, Set};
