//! The built-in OAuth 2 authorization server (`rest-identity.md` §5, §6, §10).
//!
//! Two clients of our own, both public: the CLI, by device authorization (RFC 8628),
//! and the console, by authorization code with PKCE (RFC 6749, RFC 7636). A grant is a
//! row of `logins` with the method `oauth`; its secret is the refresh token. Access
//! tokens are JWTs (RFC 9068) that name the grant, so that whatever ends the grant
//! ends them, within [`bearer::FRESH`] on every node.

mod authorization;
mod authorize;
pub(crate) mod bearer;
mod body;
pub(crate) mod claims;
mod client;
mod console_page;
mod device;
mod device_page;
mod error;
pub(crate) mod grant;
pub(crate) mod keys;
mod metadata;
mod pkce;
mod revoke;
mod scope;
mod token;
mod token_exchange;
mod user_code;

use axum::Router;
use axum::routing::{get, post};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes as documented;

pub(crate) use client::CLI;
pub(crate) use pkce::challenge as pkce_challenge;

use crate::app::SharedApp;

/// `aud` of access tokens: one for all workspaces of a deployment.
pub(crate) const AUDIENCE: &str = "urn:alpacon:api";

/// Endpoints of the API.
pub(crate) fn routes() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::new().routes(documented!(revoke::blacklist))
}

/// Endpoints of OAuth, each with and without a closing slash, and its pages.
pub(crate) fn protocol_routes() -> Router<SharedApp> {
    let twice = |router: Router<SharedApp>, path: &str, method| {
        let method: axum::routing::MethodRouter<SharedApp> = method;
        router
            .route(path, method.clone())
            .route(&format!("{path}/"), method)
    };
    let router = Router::new()
        .route(
            "/.well-known/oauth-authorization-server",
            get(metadata::show),
        )
        .route("/.well-known/openid-configuration", get(metadata::show))
        .route("/.well-known/jwks.json", get(metadata::keys));
    let router = twice(router, "/oauth/device/code", post(device::start));
    let router = twice(router, "/oauth/token", post(token::exchange));
    let router = twice(router, "/oauth/revoke", post(revoke::revoke));
    let router = twice(
        router,
        "/oauth/authorize",
        get(console_page::show).post(console_page::decide),
    );
    router.route(
        device_page::PATH,
        get(device_page::show).post(device_page::submit),
    )
}
