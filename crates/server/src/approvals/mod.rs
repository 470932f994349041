//! Requests that wait for a reviewer (`judgment.md` §5).
//!
//! A request names exactly what it is about ([`request`]); reviewers decide on the
//! pages ([`pages`], [`review`]); a decision takes its effect in the same transaction
//! ([`effect`]). Time and the end of its subject close what nobody decided.

mod clock;
mod effect;
mod facts;
mod notify;
mod pages;
mod policy;
mod request;
mod review;
mod reviewer;
mod routes;
mod view;

pub(crate) use clock::run as run_clock;
pub(crate) use facts::visible;
pub(crate) use pages::routes as page_routes;
pub(crate) use policy::{
    Reviewers, Ruling, check_rules, could_review, reviewers, ruled_servers, ruling,
};
pub(crate) use request::{NewRequest, add, announce, check_room, content_hash};
pub(crate) use review::{cancel_of_session, decide_in_chat};
pub(crate) use routes::routes;

/// For refusals and the audit trail.
const SOURCE: &str = "approval";
