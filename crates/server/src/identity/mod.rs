//! Who asks: credentials, principals, login and the caller's own data.

mod admission;
mod authenticate;
mod credential;
mod login;
mod principal;
mod routes;
pub(crate) mod summary;

pub(crate) use authenticate::{Identity, authenticate};
pub(crate) use credential::Credential;
pub(crate) use login::check_password;
pub(crate) use principal::{Method, Principal, Subject};
pub(crate) use routes::routes;
