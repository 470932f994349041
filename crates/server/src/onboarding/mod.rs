//! Joining by invitation, and passwords: choosing, changing and forgetting them. See
//! `docs/onboarding.md`.

mod invitation;
mod mails;
mod password;
mod reset;
mod routes;

pub(crate) use routes::routes;

/// For refusals.
const SOURCE: &str = "onboarding";
