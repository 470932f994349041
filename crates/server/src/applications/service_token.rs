//! Creating, changing, copying and deleting service tokens.

use chrono::TimeDelta;
use http::StatusCode;
use protocol::application::{CreateServiceToken, DuplicateServiceToken, ServiceToken};
use protocol::id::{ApplicationId, TokenId};
use serde_json::{Map, Value, json};
use store::applications::{NewServiceToken, TokenChange};
use store::audit::AuditRecord;
use store::entity::{api_token, application};
use store::{Paging, StoreError, Unit, now};

use super::application::end_work;
use super::manager::require_manager;
use crate::crypto::token::{self, Token};
use crate::http::{ApiError, ApiResult, Ctx};
use crate::tokens::{
    SOURCE, check_end, checked_name, checked_scopes, copy_name, scopes_of, wanted_change,
};

/// A service token with its application, for those who manage them.
pub(super) async fn find(
    ctx: &Ctx,
    id: TokenId,
) -> ApiResult<(api_token::Model, application::Model)> {
    require_manager(ctx)?;
    let row = ctx.tenant().applications().token(id).await?;
    let row = row.ok_or_else(ApiError::not_found)?;
    let application = row.application_id.map(ApplicationId);
    let application = application.ok_or_else(ApiError::not_found)?;
    let application = ctx.tenant().applications().find(application).await?;
    Ok((row, application.ok_or_else(ApiError::not_found)?))
}

/// Creates a service token. Its key is in the answer and nowhere else. Without rules it
/// can do nothing on any server.
pub(super) async fn create(ctx: &Ctx, request: CreateServiceToken) -> ApiResult<ServiceToken> {
    require_manager(ctx)?;
    let application = ctx.tenant().applications();
    let application = application.find(request.application).await?;
    let application = application.ok_or_else(|| {
        let detail = "application must be the id of one; see: alpacon application ls";
        ApiError::field(SOURCE, "application", detail)
    })?;
    let name = checked_name(&request.name)?;
    check_end(request.expires_at)?;
    let new = NewServiceToken {
        application: request.application,
        name,
        key_hash: String::new(),
        scopes: application_scopes(request.scopes)?,
        expires_at: request.expires_at,
        issued_from: None,
    };
    let unit = ctx.begin().await?;
    let (row, key) = insert(&unit, new).await?;
    let status = StatusCode::CREATED;
    unit.audit(record(ctx, &row, &application, "create", status))
        .await?;
    unit.commit().await?;
    let key = (!request.keyless).then(|| key.reveal().to_owned());
    Ok(ServiceToken {
        key,
        ..view(&row, &application)
    })
}

/// Creates a service token with the scopes, the end and the rules of another.
pub(super) async fn duplicate(
    ctx: &Ctx,
    id: TokenId,
    request: &DuplicateServiceToken,
) -> ApiResult<ServiceToken> {
    let (original, application) = find(ctx, id).await?;
    if original.issued_from.is_some() {
        return Err(ApiError::field(
            SOURCE,
            "id",
            "This token was issued to a job; duplicate the one it was issued from.",
        ));
    }
    check_end(original.expires_at)?;
    let new = NewServiceToken {
        application: ApplicationId(application.id),
        name: match request.name.as_str() {
            "" => copy_name(&original.name, 1),
            given => checked_name(given)?,
        },
        key_hash: String::new(),
        scopes: scopes_of(&original),
        expires_at: original.expires_at,
        issued_from: None,
    };
    let unit = ctx.begin().await?;
    let (row, key) = insert(&unit, new).await?;
    unit.tenant().acl().copy(id, TokenId(row.id)).await?;
    let status = StatusCode::CREATED;
    unit.audit(record(ctx, &row, &application, "duplicate", status))
        .await?;
    unit.commit().await?;
    Ok(ServiceToken {
        key: Some(key.reveal().to_owned()),
        ..view(&row, &application)
    })
}

/// Changes a service token. What was issued from it to jobs ends: it could be wider.
pub(super) async fn change(
    ctx: &Ctx,
    id: TokenId,
    document: &Map<String, Value>,
) -> ApiResult<ServiceToken> {
    let (row, application) = find(ctx, id).await?;
    let change = wanted_change(&row, document, application_scopes)?;
    if change == TokenChange::default() {
        return Ok(view(&row, &application));
    }
    let unit = ctx.begin().await?;
    let tenant = unit.tenant();
    let mut ended = tenant.applications().delete_issued(id).await?;
    let changed = tenant.applications().change_token(row, change).await;
    let changed = changed.map_err(taken)?;
    let status = StatusCode::OK;
    unit.audit(record(ctx, &changed, &application, "update", status))
        .await?;
    unit.commit().await?;
    if !changed.enabled {
        ended.push(id);
    }
    end_work(ctx, &ended, "The service token was changed.").await;
    Ok(view(&changed, &application))
}

/// Deletes a service token and what was issued from it; their work ends.
pub(super) async fn delete(ctx: &Ctx, id: TokenId) -> ApiResult<()> {
    let (row, application) = find(ctx, id).await?;
    let unit = ctx.begin().await?;
    let mut ended = unit.tenant().applications().delete_token(id).await?;
    ended.push(id);
    let status = StatusCode::NO_CONTENT;
    unit.audit(record(ctx, &row, &application, "delete", status))
        .await?;
    unit.commit().await?;
    end_work(ctx, &ended, "The service token was deleted.").await;
    Ok(())
}

/// Service tokens, for those who manage them.
pub(super) async fn list(
    ctx: &Ctx,
    application: Option<ApplicationId>,
    name: Option<&str>,
    issued_from: Option<TokenId>,
    paging: Paging,
) -> ApiResult<(Vec<ServiceToken>, u64)> {
    require_manager(ctx)?;
    let applications = ctx.tenant().applications();
    let (rows, count) = applications
        .tokens(application, name, issued_from, paging)
        .await?;
    let owners = rows.iter().filter_map(|row| row.application_id);
    let owners = ctx.tenant().applications().find_all(owners).await?;
    let views = rows.iter().filter_map(|row| {
        let owner = owners
            .iter()
            .find(|owner| Some(owner.id) == row.application_id);
        Some(view(row, owner?))
    });
    Ok((views.collect(), count))
}

/// Ends what was issued to jobs from a token whose rules become narrower. Part of the
/// same unit, because the copies have the old rules.
pub(crate) async fn end_issued(unit: &Unit, token: TokenId) -> ApiResult<()> {
    unit.tenant().applications().delete_issued(token).await?;
    Ok(())
}

/// How long what was issued to a job stays on record after its end.
const KEEP_ISSUED: TimeDelta = TimeDelta::days(1);

/// Forgets what was issued to jobs and is long over.
pub(crate) async fn forget(unit: &Unit) -> Result<(), StoreError> {
    let applications = unit.tenant().applications();
    applications
        .delete_expired_issued(now() - KEEP_ISSUED)
        .await?;
    Ok(())
}

async fn insert(unit: &Unit, mut new: NewServiceToken) -> ApiResult<(api_token::Model, Token)> {
    let key = Token::generate(token::SERVICE)?;
    new.key_hash = key.hash();
    let row = unit.tenant().applications().create_token(new).await;
    Ok((row.map_err(taken)?, key))
}

/// Scopes that an application can hold.
fn application_scopes(given: Vec<String>) -> ApiResult<Vec<String>> {
    let scopes = checked_scopes(given)?;
    let refused = scopes.iter().find(|scope| {
        let resource = scope.split_once(':').map(|(resource, _)| resource);
        resource.is_some_and(|resource| !super::may_hold(resource))
    });
    match refused {
        None => Ok(scopes),
        Some(scope) => Err(ApiError::field(
            SOURCE,
            "scopes",
            format!("{scope} is for people; an application cannot hold it."),
        )),
    }
}

fn taken(error: StoreError) -> ApiError {
    match error {
        StoreError::Conflict(_) => ApiError::conflict(
            "The application has a token of this name already; choose another name.",
        ),
        other => other.into(),
    }
}

fn record(
    ctx: &Ctx,
    row: &api_token::Model,
    application: &application::Model,
    action: &'static str,
    status: StatusCode,
) -> AuditRecord {
    AuditRecord {
        actor: ctx.principal.actor(),
        ip: ctx.ip.to_string(),
        app: "auth",
        model: "service_token",
        object_id: Some(row.id),
        action,
        status_code: status.as_u16(),
        description: format!(
            "{action} service token {} of application {}",
            row.name, application.name
        ),
        data: json!({
            "application": application.id, "scopes": row.scopes,
            "expires_at": row.expires_at, "enabled": row.enabled,
        }),
    }
}

/// A service token as those who manage it see it: without its key.
pub(super) fn view(row: &api_token::Model, application: &application::Model) -> ServiceToken {
    ServiceToken {
        id: TokenId(row.id),
        application: ApplicationId(application.id),
        application_name: application.name.clone(),
        name: row.name.clone(),
        key: None,
        enabled: row.enabled,
        scopes: scopes_of(row),
        updated_at: Some(row.updated_at),
        expires_at: row.expires_at,
        last_used_at: row.last_used_at,
        issued_from: row.issued_from.map(TokenId),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_of_people_are_refused() {
        let given = |scopes: &[&str]| scopes.iter().map(|s| (*s).to_owned()).collect();
        assert_eq!(application_scopes(vec![]).unwrap(), ["*"]);
        assert!(application_scopes(given(&["command:create", "server:read"])).is_ok());
        for scope in ["user:read", "group:*", "membership:create"] {
            let refusal = application_scopes(given(&[scope])).unwrap_err();
            assert_eq!(refusal.field, Some("scopes"), "{scope}");
        }
    }
}
