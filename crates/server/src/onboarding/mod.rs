//! Joining by invitation, and passwords: choosing, changing and forgetting them. See
//! `docs/onboarding.md`.

mod forced;
mod invitation;
mod mails;
mod pages;
mod password;
mod reset;
mod routes;

pub(crate) use pages::page_routes;
pub(crate) use password::change as change_password;
pub(crate) use routes::routes;

pub(crate) use reset::ASK_PATH as FORGOTTEN;

/// For refusals.
const SOURCE: &str = "onboarding";
