//! The audit trail: what callers may read of it, and its verification.

mod checkpoint;
mod routes;

pub(crate) use checkpoint::{Checkpoints, run as run_checkpoints};
pub(crate) use routes::routes;
