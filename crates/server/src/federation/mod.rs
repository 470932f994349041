//! Sign-in with identity providers, by OpenID Connect.
//!
//! ```text
//! sign-in page ─▶ depart ─▶ provider ─▶ arrive ─▶ account ─▶ identity::sign_in
//!             state, nonce,        code         who is it here?
//!             PKCE, browser
//! ```
//!
//! A provider says who somebody is there. Who they are here is decided by links, which
//! only an explicit rule of the provider or a superuser makes.

mod account;
mod arrive;
mod depart;
mod groups;
mod identity;
mod pages;
mod provider;
mod routes;
mod settings;

use axum::Router;
use axum::routing::{get, post};

pub(crate) use pages::{Button, buttons};
pub(crate) use routes::routes;

use crate::app::SharedApp;

/// Pages on the way to a provider and back.
pub(crate) fn page_routes() -> Router<SharedApp> {
    Router::new()
        .route("/login/with/{slug}/", post(pages::leave))
        .route("/login/with/{slug}/callback/", get(pages::come_back))
}

/// Where a provider sends people back to.
pub(crate) fn redirect_uri(base: &str, slug: &str) -> String {
    format!("{base}/login/with/{slug}/callback/")
}
