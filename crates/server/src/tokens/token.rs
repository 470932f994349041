//! Creating, copying and deleting API tokens.

use chrono::{DateTime, Utc};
use http::StatusCode;
use protocol::id::{TokenId, UserId};
use protocol::token::{ApiToken, CreateApiToken, DuplicateApiToken};
use serde_json::json;
use store::audit::AuditRecord;
use store::entity::api_token;
use store::identity::NewToken;
use store::{Paging, StoreError, Unit, now};

use super::{owner, scope};
use crate::crypto::token::{self, Token};
use crate::http::{ApiError, ApiResult, Ctx};
use crate::rendezvous;

/// For refusals.
pub(crate) const SOURCE: &str = "token";
/// Longest name, characters.
const MAX_NAME: usize = 128;

/// Creates a token. Its key is in the answer and nowhere else.
pub(super) async fn create(ctx: &Ctx, request: CreateApiToken) -> ApiResult<ApiToken> {
    let owner = owner::manager(ctx)?;
    let name = name(&request.name)?;
    check_end(request.expires_at)?;
    let scopes = scope::checked(request.scopes)?;
    let unit = ctx.begin().await?;
    let (row, key) = insert(&unit, owner, name, scopes, request.expires_at).await?;
    unit.audit(record(ctx, &row, "create", StatusCode::CREATED))
        .await?;
    unit.commit().await?;
    Ok(with_key(&row, &key))
}

/// Creates a token with the scopes, the end and the rules of another.
pub(super) async fn duplicate(
    ctx: &Ctx,
    id: TokenId,
    request: &DuplicateApiToken,
) -> ApiResult<ApiToken> {
    let owner = owner::manager(ctx)?;
    let original = owner::own_token(ctx, id).await?;
    let name = match request.name.as_str() {
        "" => free_copy_name(ctx, owner, &original.name).await?,
        given => name(given)?,
    };
    let unit = ctx.begin().await?;
    let (row, key) = insert(&unit, owner, name, scopes(&original), original.expires_at).await?;
    unit.tenant().acl().copy(id, TokenId(row.id)).await?;
    unit.audit(record(ctx, &row, "duplicate", StatusCode::CREATED))
        .await?;
    unit.commit().await?;
    Ok(with_key(&row, &key))
}

/// Deletes a token; what listens with it is cut off.
pub(super) async fn delete(ctx: &Ctx, id: TokenId) -> ApiResult<()> {
    let owner = owner::manager(ctx)?;
    let row = owner::own_token(ctx, id).await?;
    let unit = ctx.begin().await?;
    unit.tenant().identity().delete_token(owner, id).await?;
    unit.audit(record(ctx, &row, "delete", StatusCode::NO_CONTENT))
        .await?;
    unit.commit().await?;
    ctx.app.events.close_of(row.id);
    rendezvous::end_of_token(&ctx.app, id);
    Ok(())
}

async fn insert(
    unit: &Unit,
    owner: UserId,
    name: String,
    scopes: Vec<String>,
    expires_at: Option<DateTime<Utc>>,
) -> ApiResult<(api_token::Model, Token)> {
    let key = Token::generate(token::PERSONAL)?;
    let new = NewToken {
        user: owner,
        name,
        key_hash: key.hash(),
        scopes,
        expires_at,
    };
    let row = unit.tenant().identity().create_token(new).await;
    Ok((row.map_err(taken)?, key))
}

pub(super) fn taken(error: StoreError) -> ApiError {
    match error {
        StoreError::Conflict(_) => {
            ApiError::conflict("You have a token of this name already; choose another name.")
        }
        other => other.into(),
    }
}

pub(crate) fn name(given: &str) -> ApiResult<String> {
    let name = given.trim();
    if name.is_empty() {
        return Err(ApiError::missing(SOURCE, "name"));
    }
    if name.chars().count() > MAX_NAME || name.chars().any(char::is_control) {
        return Err(ApiError::field(
            SOURCE,
            "name",
            format!("A name has at most {MAX_NAME} characters, none of them control characters."),
        ));
    }
    Ok(name.to_owned())
}

/// Copies that are named without being told how.
const MAX_COPIES: usize = 50;

/// The first name for a copy that the owner has no token of.
async fn free_copy_name(ctx: &Ctx, owner: UserId, original: &str) -> ApiResult<String> {
    for number in 1..=MAX_COPIES {
        let name = copy_name(original, number);
        let same = ctx.tenant().identity();
        let (_, count) = same
            .tokens(owner, Some(name.as_str()), Paging::default())
            .await?;
        if count == 0 {
            return Ok(name);
        }
    }
    Err(ApiError::conflict(
        "There are many copies of this token; give this one a name.",
    ))
}

pub(crate) fn copy_name(original: &str, number: usize) -> String {
    let suffix = match number {
        0 | 1 => "-copy".to_owned(),
        number => format!("-copy-{number}"),
    };
    let base: String = original
        .chars()
        .take(MAX_NAME.saturating_sub(suffix.len()))
        .collect();
    format!("{base}{suffix}")
}

pub(crate) fn check_end(expires_at: Option<DateTime<Utc>>) -> ApiResult<()> {
    if expires_at.is_some_and(|time| time <= now()) {
        let detail = "expires_at must be in the future.";
        return Err(ApiError::field(SOURCE, "expires_at", detail));
    }
    Ok(())
}

pub(super) fn record(
    ctx: &Ctx,
    row: &api_token::Model,
    action: &'static str,
    status: StatusCode,
) -> AuditRecord {
    AuditRecord {
        actor: ctx.principal.actor(),
        ip: ctx.ip.to_string(),
        app: "auth",
        model: "api_token",
        object_id: Some(row.id),
        action,
        status_code: status.as_u16(),
        description: format!("{action} API token {}", row.name),
        data: json!({
            "scopes": row.scopes, "expires_at": row.expires_at, "enabled": row.enabled,
        }),
    }
}

pub(crate) fn scopes(row: &api_token::Model) -> Vec<String> {
    serde_json::from_value(row.scopes.clone()).unwrap_or_default()
}

fn with_key(row: &api_token::Model, key: &Token) -> ApiToken {
    ApiToken {
        key: Some(key.reveal().to_owned()),
        ..view(row)
    }
}

/// A token as its owner sees it: without its key.
pub(super) fn view(row: &api_token::Model) -> ApiToken {
    ApiToken {
        id: TokenId(row.id),
        name: row.name.clone(),
        key: None,
        enabled: row.enabled,
        scopes: scopes(row),
        updated_at: Some(row.updated_at),
        expires_at: row.expires_at,
        last_used_at: row.last_used_at,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_bounded_also_those_of_copies() {
        assert_eq!(name(" ci ").unwrap(), "ci");
        assert_eq!(name("").unwrap_err().code, Some("api_insufficient_data"));
        assert!(name(&"x".repeat(MAX_NAME + 1)).is_err());
        assert!(name("a\u{7}").is_err());
        assert_eq!(copy_name("ci", 1), "ci-copy");
        assert_eq!(copy_name("ci", 12), "ci-copy-12");
        assert_eq!(copy_name(&"x".repeat(MAX_NAME), 12).len(), MAX_NAME);
    }

    #[test]
    fn an_end_lies_ahead() {
        assert!(check_end(None).is_ok());
        assert!(check_end(Some(now() + chrono::TimeDelta::hours(1))).is_ok());
        assert!(check_end(Some(now())).is_err());
    }
}
