//! Telling reviewers, where they are: webhooks, chats and mail. See
//! `docs/notifications.md`.
//!
//! A notification is queued in the transaction of what it tells of ([`mod@queue`]), rendered
//! for its receiver ([`render`]) and sent after ([`sender`]), never to an address inside
//! ([`crate::egress`]). What a chat answers is verified ([`signature`]) and counts only for
//! whom the user behind it is known ([`chat`]).

mod chat;
mod identity;
mod queue;
mod render;
mod routes;
mod sender;
mod signature;
mod slack;
mod teams;
mod webhook;

pub(crate) use queue::queue;
pub(crate) use routes::{chat_routes, routes};
pub(crate) use sender::{Outbound, run, sweep};

/// For refusals and the audit trail.
const SOURCE: &str = "webhook";
