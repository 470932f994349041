//! Changing a token: a document in which what is absent stays.

use chrono::{DateTime, Utc};
use http::StatusCode;
use protocol::id::TokenId;
use protocol::token::ApiToken;
use serde_json::{Map, Value};
use store::applications::TokenChange;
use store::entity::api_token;

use super::token::{self, SOURCE, check_end, scopes};
use super::{owner, scope};
use crate::http::{ApiError, ApiResult, Ctx, Document};
use crate::rendezvous;

/// Most characters of a time in a document.
const MAX_TIME: usize = 64;

/// Changes a token of the caller's. What listens with a disabled one is cut off.
pub(super) async fn change(
    ctx: &Ctx,
    id: TokenId,
    document: &Map<String, Value>,
) -> ApiResult<ApiToken> {
    let row = owner::own_token(ctx, id).await?;
    let change = wanted(&row, document, scope::checked)?;
    if change == TokenChange::default() {
        return Ok(token::view(&row));
    }
    let unit = ctx.begin().await?;
    let changed = unit.tenant().applications().change_token(row, change).await;
    let changed = changed.map_err(token::taken)?;
    unit.audit(token::record(ctx, &changed, "update", StatusCode::OK))
        .await?;
    unit.commit().await?;
    if !changed.enabled {
        ctx.app.events.close_of(changed.id);
        rendezvous::end_of_token(&ctx.app, id);
    }
    Ok(token::view(&changed))
}

/// What `members` says of a token that is not so; scopes as far as `allowed`.
pub(crate) fn wanted(
    row: &api_token::Model,
    members: &Map<String, Value>,
    allowed: impl FnOnce(Vec<String>) -> ApiResult<Vec<String>>,
) -> ApiResult<TokenChange> {
    let document = Document::new(members, SOURCE);
    let name = document.text("name", usize::MAX)?;
    let name = name.map(|name| token::name(&name)).transpose()?;
    // Here null says something: never.
    let expires_at = match members.get("expires_at") {
        None => None,
        Some(Value::Null) => Some(None),
        Some(_) => document
            .text("expires_at", MAX_TIME)?
            .map(|text| time(&text).map(Some))
            .transpose()?,
    };
    if let Some(end) = expires_at.filter(|end| *end != row.expires_at) {
        check_end(end)?;
    }
    let wanted = match members.get("scopes") {
        None | Some(Value::Null) => None,
        Some(value) => {
            let given = serde_json::from_value(value.clone()).map_err(|_| {
                ApiError::field(SOURCE, "scopes", "scopes must be a list of texts.")
            })?;
            Some(allowed(given)?)
        }
    };
    Ok(TokenChange {
        name: name.filter(|name| *name != row.name),
        enabled: document
            .flag("enabled")?
            .filter(|enabled| *enabled != row.enabled),
        scopes: wanted.filter(|wanted| *wanted != scopes(row)),
        expires_at: expires_at.filter(|end| *end != row.expires_at),
    })
}

fn time(text: &str) -> ApiResult<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(text)
        .map(|time| time.to_utc())
        .map_err(|_| {
            let detail = "expires_at must be a time such as 2030-01-31T12:00:00Z, or null.";
            ApiError::field(SOURCE, "expires_at", detail)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rfc_3339() {
        assert!(time("2030-01-31T12:00:00Z").is_ok());
        assert!(time("tomorrow").is_err());
    }
}
