//! Locking and unlocking: who may, and the record of it.

use http::StatusCode;
use protocol::id::{LockId, ServerId, TokenId, UserId, WorkSessionId};
use protocol::lock::CreateLock;
use serde_json::json;
use store::audit::AuditRecord;
use store::entity::lock;
use store::locks::LockKind;
use store::{StoreError, Unit};
use uuid::Uuid;

use super::enforce;
use crate::http::document::check_text;
use crate::http::{ApiError, ApiResult, Ctx};
use crate::{applications, iam};

/// For refusals, and the token scope resource.
pub(super) const SOURCE: &str = "lock";
/// Longest reason, characters.
const MAX_REASON: usize = 256;

/// Locks something. When this returns, what ran on it has been told to end.
pub(super) async fn create(ctx: &Ctx, request: CreateLock) -> ApiResult<lock::Model> {
    ctx.principal.require_scope(SOURCE, "create")?;
    let kind = LockKind::parse(&request.kind).ok_or_else(unknown_kind)?;
    check_text(SOURCE, "reason", &request.reason, MAX_REASON)?;
    let object = object(ctx, kind, request.object)?;
    let unit = ctx.begin().await?;
    let name = authorize(ctx, &unit, kind, object).await?;
    refuse_self(ctx, kind, object)?;
    let added = unit
        .tenant()
        .locks()
        .add(kind, object, request.reason.trim(), ctx.principal.user_id())
        .await;
    let row = added.map_err(|error| match error {
        StoreError::Conflict(_) => ApiError::conflict(format!("{name} is locked already.")),
        other => other.into(),
    })?;
    if kind == LockKind::Token {
        // What jobs got from it ends for good; they are not what is locked.
        applications::end_issued(&unit, TokenId(object)).await?;
    }
    unit.audit(record(ctx, &row, &name, "lock", StatusCode::CREATED))
        .await?;
    unit.commit().await?;
    enforce::refresh(&ctx.app).await;
    Ok(row)
}

/// Unlocks something. Only a login may: a stolen token must not free itself or others.
pub(super) async fn delete(ctx: &Ctx, id: LockId) -> ApiResult<()> {
    ctx.principal.require_scope(SOURCE, "delete")?;
    let unit = ctx.begin().await?;
    let row = unit
        .tenant()
        .locks()
        .find(id)
        .await?
        .ok_or_else(ApiError::not_found)?;
    if !ctx.principal.is_interactive() {
        return Err(ApiError::forbidden(
            "A token cannot unlock anything; log in first: alpacon login",
        ));
    }
    let name = match LockKind::parse(&row.kind) {
        Some(kind) if !is_gone(ctx, &unit, kind, row.object_id).await? => {
            authorize(ctx, &unit, kind, row.object_id).await?
        }
        // What was locked is gone, or a later version locked it: that takes a superuser.
        _ => {
            ctx.principal.require_superuser()?;
            row.kind.clone()
        }
    };
    unit.tenant().locks().delete(id).await?;
    unit.audit(record(ctx, &row, &name, "unlock", StatusCode::NO_CONTENT))
        .await?;
    unit.commit().await?;
    enforce::refresh(&ctx.app).await;
    Ok(())
}

fn unknown_kind() -> ApiError {
    let words = LockKind::ALL.map(LockKind::as_str).join(", ");
    let mut refusal = ApiError::field(SOURCE, "kind", format!("kind must be one of: {words}."));
    refusal.code = Some(protocol::code::INVALID_CHOICE);
    refusal
}

/// What the request names. There is one workspace to lock, so it goes without saying.
fn object(ctx: &Ctx, kind: LockKind, given: Option<Uuid>) -> ApiResult<Uuid> {
    let own = ctx.workspace_id().0;
    match (kind, given) {
        (LockKind::Workspace, None) => Ok(own),
        (LockKind::Workspace, Some(id)) if id != own => Err(ApiError::not_found()),
        (_, Some(id)) => Ok(id),
        (_, None) => Err(ApiError::missing(SOURCE, "object")),
    }
}

/// Refuses who may not lock and unlock this, and gives its name. What the caller may not
/// see does not exist.
async fn authorize(ctx: &Ctx, unit: &Unit, kind: LockKind, object: Uuid) -> ApiResult<String> {
    let tenant = unit.tenant();
    match kind {
        LockKind::User => {
            let found = tenant.identity().user(UserId(object)).await?;
            let row = found.ok_or_else(ApiError::not_found)?;
            iam::require_manager(ctx, &row)?;
            Ok(row.username)
        }
        LockKind::Token => {
            let found = tenant.identity().token_by_id(TokenId(object)).await?;
            let row = found.ok_or_else(ApiError::not_found)?;
            let is_own =
                row.user_id.is_some() && row.user_id == ctx.principal.user_id().map(|id| id.0);
            if !is_own && !ctx.principal.is_superuser() {
                return Err(ApiError::not_found());
            }
            Ok(row.name)
        }
        LockKind::WorkSession => {
            let row = crate::work_sessions::visible(ctx, WorkSessionId(object)).await?;
            ctx.principal.require_staff()?;
            Ok(row.title)
        }
        LockKind::Server => {
            let viewer = ctx.principal.viewer();
            let found = tenant.fleet().find(viewer, ServerId(object)).await?;
            let row = found.ok_or_else(ApiError::not_found)?;
            ctx.principal.require_staff()?;
            Ok(row.name)
        }
        LockKind::Workspace => {
            ctx.principal.require_superuser()?;
            if !ctx.principal.is_interactive() {
                return Err(ApiError::forbidden(
                    "A token cannot lock the workspace: nothing but a login could unlock it. \
                     Log in first: alpacon login",
                ));
            }
            Ok(ctx.workspace.name.clone())
        }
    }
}

async fn is_gone(ctx: &Ctx, unit: &Unit, kind: LockKind, object: Uuid) -> ApiResult<bool> {
    let tenant = unit.tenant();
    Ok(match kind {
        LockKind::User => tenant.identity().user(UserId(object)).await?.is_none(),
        LockKind::Token => tenant
            .identity()
            .token_by_id(TokenId(object))
            .await?
            .is_none(),
        LockKind::WorkSession => tenant
            .work_sessions()
            .find(WorkSessionId(object))
            .await?
            .is_none(),
        LockKind::Server => tenant
            .fleet()
            .find(store::Viewer::Everything, ServerId(object))
            .await?
            .is_none(),
        LockKind::Workspace => object != ctx.workspace_id().0,
    })
}

fn refuse_self(ctx: &Ctx, kind: LockKind, object: Uuid) -> ApiResult<()> {
    if kind == LockKind::User && ctx.principal.user_id() == Some(UserId(object)) {
        return Err(ApiError::conflict(
            "You cannot lock your own account; ask another superuser.",
        ));
    }
    Ok(())
}

fn record(
    ctx: &Ctx,
    row: &lock::Model,
    name: &str,
    action: &'static str,
    status: StatusCode,
) -> AuditRecord {
    AuditRecord {
        actor: ctx.principal.actor(),
        ip: ctx.ip.to_string(),
        app: "security",
        model: "lock",
        object_id: Some(row.object_id),
        action,
        status_code: status.as_u16(),
        description: format!("{action} {} {name}", row.kind.replace('_', " ")),
        data: json!({"kind": row.kind, "reason": row.reason, "lock": row.id}),
    }
}
