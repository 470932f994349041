//! Guardrails: what must not happen in a workspace, whatever else allows it. See
//! `docs/guardrails.md`. The gate asks them ([`crate::gate::check_guardrails`]).

mod change;
mod memory;
mod routes;
mod trial;
mod view;

pub(crate) use memory::{Guardrails, InForce, watch};
pub(crate) use routes::routes;
pub(crate) use view::outcome;
