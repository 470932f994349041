//! Commands: submitted by people and tools, carried out by agents.
//!
//! A submission passes the gate and the judge; its row and its audit record
//! become durable in one transaction; then the order goes to the agent. The
//! agent's reports come back ([`reports`]), are stored, and wake whoever waits.

mod clock;
pub(crate) mod dispatch;
mod feed;
mod hold;
mod internal;
mod notify;
mod plan;
mod reports;
mod routes;
mod stream;
mod submit;
mod token_end;
mod view;

pub(crate) use clock::run as run_clock;
pub(crate) use dispatch::{barred, cancel_of_user, stop_locked};
pub(crate) use feed::Feeds;
pub(crate) use internal::{InternalOrder, order_internal};
pub(crate) use plan::ask as ask_for_plan;
pub(crate) use reports::{agent_started, announce_end};
pub(crate) use routes::routes;
pub(crate) use token_end::cancel_of_tokens;
pub(crate) use view::{submitted, visible};
