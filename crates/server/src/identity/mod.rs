//! Who asks: credentials, principals, login and the caller's own data.

pub(crate) mod admission;
mod authenticate;
pub(crate) mod browser;
mod credential;
pub(crate) mod guesses;
mod login;
mod password_check;
mod principal;
mod routes;
pub(crate) mod sessions;
pub(crate) mod sign_in;
pub(crate) mod summary;

pub(crate) use authenticate::{Identity, authenticate, requester};
pub(crate) use credential::Credential;
pub(crate) use password_check::{acquaintance, check_password};
pub(crate) use principal::{Method, Principal, Subject};
pub(crate) use routes::routes;
