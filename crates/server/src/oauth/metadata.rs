//! What other programs may know about the authorization server (RFC 8414, RFC 7517).

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use super::pkce;
use crate::app::SharedApp;
use crate::http::PublicCtx;

/// The discovery document.
pub(super) async fn show(ctx: PublicCtx) -> Json<Value> {
    let at = |path: &str| format!("{}{path}", ctx.base_url);
    Json(json!({
        "issuer": ctx.base_url,
        "authorization_endpoint": at("/oauth/authorize/"),
        "token_endpoint": at("/oauth/token/"),
        "revocation_endpoint": at("/oauth/revoke/"),
        "device_authorization_endpoint": at("/oauth/device/code/"),
        "jwks_uri": at("/.well-known/jwks.json"),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": [
            "authorization_code",
            "refresh_token",
            "urn:ietf:params:oauth:grant-type:device_code",
        ],
        "token_endpoint_auth_methods_supported": ["none"],
        "revocation_endpoint_auth_methods_supported": ["none"],
        "code_challenge_methods_supported": [pkce::METHOD],
        "authorization_response_iss_parameter_supported": true,
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
        "scopes_supported": ["openid", "profile", "email", "offline_access", "cli"],
    }))
}

/// The public keys.
pub(super) async fn keys(State(app): State<SharedApp>) -> Json<Value> {
    std::future::ready(Json(app.signing_keys.public())).await
}
