//! File transfers (`rest-operations.md` §7, `agent-channels.md` §4).
//!
//! A transfer passes the gate and the file rules; its row and its audit record
//! become durable in one transaction; the content goes through a store that is
//! reached by signed links; the order goes to the agent, which says how it went.

mod authority;
mod clock;
mod content;
mod create;
mod finish;
mod log;
mod order;
mod paths;
mod policy;
mod quota;
mod ranges;
mod routes;
mod status;
mod view;

pub(crate) use clock::run as run_clock;
pub(crate) use order::is_order;
pub(crate) use paths::home;
pub(crate) use routes::routes;
