//! Registration tokens: made by staff, used by hosts that join.

use http::StatusCode;
use protocol::id::{GroupId, RegistrationTokenId};
use protocol::server::{CreateRegistrationToken, RegistrationToken};
use serde_json::json;
use store::audit::AuditRecord;
use store::entity::registration_token;
use store::fleet::NewRegistrationToken;
use store::{StoreError, now};

use super::register::allowed_groups;
use crate::crypto::token::{self, Token};
use crate::http::{ApiError, ApiResult, Ctx};

const SOURCE: &str = "registration_token";
/// Longest name, characters.
const MAX_NAME: usize = 128;
/// Groups of one token.
const MAX_GROUPS: usize = 100;

/// Creates a token. Its key is in the answer and nowhere else.
pub(super) async fn create(
    ctx: &Ctx,
    request: CreateRegistrationToken,
) -> ApiResult<RegistrationToken> {
    ctx.principal.require_staff()?;
    let name = name(&request.name)?;
    if request.expires_at.is_some_and(|time| time <= now()) {
        return Err(ApiError::field(
            SOURCE,
            "expires_at",
            "expires_at must be in the future.",
        ));
    }
    let key = Token::generate(token::REGISTRATION)?;
    let unit = ctx.begin().await?;
    let groups = groups(&unit.tenant().identity(), request.allowed_groups).await?;
    let row = unit
        .tenant()
        .fleet()
        .create_registration_token(NewRegistrationToken {
            name: name.clone(),
            key_hash: key.hash(),
            allowed_groups: groups,
            created_by: ctx.principal.user_id(),
            expires_at: request.expires_at,
        })
        .await
        .map_err(|error| match error {
            StoreError::Conflict(_) => ApiError::conflict(format!(
                "There is a registration token called {name} already; choose another name."
            )),
            other => other.into(),
        })?;
    unit.audit(record(ctx, &row, "create", StatusCode::CREATED))
        .await?;
    unit.commit().await?;
    Ok(RegistrationToken {
        key: Some(key.reveal().to_owned()),
        ..view(&row)
    })
}

fn name(given: &str) -> ApiResult<String> {
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

async fn groups<C: store::Connected>(
    identity: &store::identity::Identity<'_, C>,
    mut given: Vec<GroupId>,
) -> ApiResult<Vec<GroupId>> {
    given.sort_unstable();
    given.dedup();
    let count = given.len();
    let refuse = |detail: &str| Err(ApiError::field(SOURCE, "allowed_groups", detail));
    if count > MAX_GROUPS {
        return refuse("A registration token has at most 100 groups.");
    }
    let existing = identity.existing_groups(given).await?;
    if existing.len() < count {
        return refuse("One of the groups does not exist; see: alpacon group ls");
    }
    Ok(existing)
}

/// Deletes a token. Servers registered with it stay.
pub(super) async fn delete(ctx: &Ctx, id: RegistrationTokenId) -> ApiResult<()> {
    ctx.principal.require_staff()?;
    let unit = ctx.begin().await?;
    let row = unit
        .tenant()
        .fleet()
        .registration_token(id)
        .await?
        .ok_or_else(ApiError::not_found)?;
    unit.tenant().fleet().delete_registration_token(id).await?;
    unit.audit(record(ctx, &row, "delete", StatusCode::NO_CONTENT))
        .await?;
    Ok(unit.commit().await?)
}

fn record(
    ctx: &Ctx,
    row: &registration_token::Model,
    action: &'static str,
    status: StatusCode,
) -> AuditRecord {
    AuditRecord {
        actor: ctx.principal.actor(),
        ip: ctx.ip.to_string(),
        app: "server",
        model: "registration_token",
        object_id: Some(row.id),
        action,
        status_code: status.as_u16(),
        description: format!("{action} registration token {}", row.name),
        data: json!({"allowed_groups": row.allowed_groups, "expires_at": row.expires_at}),
    }
}

/// A token as callers see it: without its key.
pub(super) fn view(row: &registration_token::Model) -> RegistrationToken {
    RegistrationToken {
        id: RegistrationTokenId(row.id),
        name: row.name.clone(),
        allowed_groups: allowed_groups(row),
        key: None,
        enabled: row.enabled,
        expires_at: row.expires_at,
        added_at: Some(row.added_at),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_trimmed_and_bounded() {
        assert_eq!(name(" web ").unwrap(), "web");
        assert_eq!(name("  ").unwrap_err().code, Some("api_insufficient_data"));
        for bad in ["a\nb".to_owned(), "x".repeat(MAX_NAME + 1)] {
            assert_eq!(name(&bad).unwrap_err().code, Some("invalid_input"));
        }
    }
}
