//! Trust in CI providers: a job shows the token that its provider signed for it, and
//! gets a short-lived service token where a rule lets it in. No pipeline holds a secret.

mod conditions;
mod exchange;
mod pattern;
mod routes;
mod rule;

pub(crate) use exchange::exchange;
pub(crate) use routes::routes;
