//! Locks: what may not be used for now, and ends at once if it is in use. See
//! `docs/workspaces.md`.

mod enforce;
mod held;
mod lock;
mod refusal;
mod routes;
mod view;

pub(crate) use enforce::watch;
pub(crate) use held::{Footing, Held, Locks};
pub(crate) use refusal::admit;
pub(crate) use routes::routes;
