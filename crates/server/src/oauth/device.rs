//! The device authorization request (RFC 8628 §3.1, `rest-identity.md` §6.1).

use axum::Json;
use chrono::TimeDelta;
use http::HeaderMap;
use serde::{Deserialize, Serialize};
use store::StoreError;
use store::now;
use store::oauth::NewDeviceCode;

use super::body::Parameters;
use super::client::Client;
use super::error::{OAuthError, OAuthResult};
use super::scope::Scope;
use super::{device_page, user_code};
use crate::crypto::token::{self, Token};
use crate::http::PublicCtx;
use crate::identity::browser::user_agent;

const TTL: TimeDelta = TimeDelta::minutes(10);
/// Seconds between polls.
const INTERVAL: u64 = 1;
/// Codes of one workspace at once.
const MAX_CODES: u64 = 10_000;
/// How often a user code that is in use is drawn again.
const DRAWS: usize = 5;

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Start {
    client_id: String,
    scope: String,
}

#[derive(Serialize)]
pub(super) struct Started {
    device_code: String,
    user_code: String,
    verification_uri: String,
    verification_uri_complete: String,
    expires_in: i64,
    interval: u64,
}

pub(super) async fn start(
    ctx: PublicCtx,
    headers: HeaderMap,
    Parameters(request): Parameters<Start>,
) -> OAuthResult<Json<Started>> {
    ctx.app.device_limiter.check(ctx.ip)?;
    if Client::find(&request.client_id) != Some(Client::Cli) {
        return Err(OAuthError::invalid_client());
    }
    let scope = Scope::parse(&request.scope)
        .ok_or_else(|| OAuthError::new("invalid_scope", "The scope is too long."))?;
    if scope
        .organisation
        .as_ref()
        .is_some_and(|name| *name != ctx.workspace.name)
    {
        return Err(OAuthError::new(
            "invalid_scope",
            "The scope names another workspace than this address.",
        ));
    }
    if ctx.tenant().oauth().count_device_codes().await? >= MAX_CODES {
        return Err(crate::http::ApiError::unavailable(
            "Too many logins are waiting for their users; try again in a minute.",
        )
        .into());
    }
    let code = Token::generate(token::DEVICE)?;
    let new = NewDeviceCode {
        code_hash: code.hash(),
        user_code: String::new(),
        client: Client::Cli.id().to_owned(),
        scope: scope.granted(&ctx.workspace.name),
        device: scope.device.clone().unwrap_or_default(),
        remote_ip: ctx.ip.to_string(),
        user_agent: user_agent(&headers),
        expires_at: Some(now() + TTL),
    };
    let user_code = user_code::show(&store(&ctx, new).await?);
    let page = format!("{}{}", ctx.base_url, device_page::PATH);
    Ok(Json(Started {
        device_code: code.reveal().to_owned(),
        verification_uri_complete: format!("{page}?user_code={user_code}"),
        verification_uri: page,
        user_code,
        expires_in: TTL.num_seconds(),
        interval: INTERVAL,
    }))
}

/// Stores the request under a user code that nobody else has; gives the code.
async fn store(ctx: &PublicCtx, mut new: NewDeviceCode) -> OAuthResult<String> {
    for _ in 0..DRAWS {
        new.user_code = user_code::generate()?;
        let unit = ctx.begin().await?;
        match unit.tenant().oauth().create_device_code(new.clone()).await {
            Ok(_) => {
                unit.commit().await?;
                return Ok(new.user_code);
            }
            Err(StoreError::Conflict(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(crate::http::ApiError::internal("no free user code was drawn").into())
}
