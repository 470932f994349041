//! Work sessions: scoped, timed leave to work on servers (`rest-operations.md` §2).

mod clock;
mod create;
mod guard;
mod lifecycle;
mod modification;
mod review;
mod routes;
mod timeline;
mod update;
mod view;

pub(crate) use clock::run as run_clock;
pub(crate) use lifecycle::{announce, end_of_user};
pub(crate) use modification::proposed_change;
pub(crate) use routes::routes;
pub(crate) use view::{read, visible};
