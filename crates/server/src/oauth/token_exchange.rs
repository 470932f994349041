//! Token exchange (RFC 8693): a CI provider's token for a service token.

use axum::Json;
use axum::response::{IntoResponse as _, Response};
use protocol::trust::{ACCESS_TOKEN, ID_TOKEN, JWT};
use serde_json::json;
use store::now;

use super::error::{OAuthError, OAuthResult};
use super::token::Exchange;
use crate::http::PublicCtx;
use crate::trust;

pub(super) async fn exchange(ctx: &PublicCtx, request: &Exchange) -> OAuthResult<Response> {
    if ![ID_TOKEN, JWT].contains(&request.subject_token_type.as_str()) {
        return Err(OAuthError::invalid_request(format!(
            "subject_token_type must be {ID_TOKEN} or {JWT}."
        )));
    }
    // Nothing that could be taken for a delegation is let pass in silence.
    if !request.actor_token.is_empty() {
        return Err(OAuthError::invalid_request("actor_token is not supported."));
    }
    let rule = Some(request.rule.as_str()).filter(|name| !name.is_empty());
    let issued = trust::exchange(ctx, request.subject_token.trim(), rule).await?;
    let expires_in = (issued.expires_at - now()).num_seconds().max(0);
    Ok(Json(json!({
        "access_token": issued.key.reveal(),
        "issued_token_type": ACCESS_TOKEN,
        // It goes into a header of its own form, not after `Bearer`.
        "token_type": "N_A",
        "expires_in": expires_in,
        "scope": issued.scopes.join(" "),
    }))
    .into_response())
}
