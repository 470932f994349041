//! Questions to the judge: what a line would do, what would be decided about it now,
//! and what a new rule would have decided. Nothing runs and nothing is recorded.

mod replay;
mod routes;
mod simulate;
mod suggest;

pub(crate) use routes::routes;
