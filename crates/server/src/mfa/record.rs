//! What the audit trail says of factors. It is also how a user finds out that somebody
//! changed them.

use http::StatusCode;
use serde_json::{Value, json};
use store::audit::{Actor, AuditRecord};
use store::entity::user;
use uuid::Uuid;

use super::Method;
use crate::http::{ApiResult, PublicCtx};

/// A change that `user` made to their own factors.
pub(super) fn change(
    ctx: &PublicCtx,
    user: &user::Model,
    action: &'static str,
    object: Option<Uuid>,
    description: String,
    data: Value,
) -> AuditRecord {
    AuditRecord {
        actor: Actor::user(user),
        ip: ctx.ip.to_string(),
        app: "auth",
        model: "mfa_factor",
        object_id: object,
        action,
        status_code: StatusCode::OK.as_u16(),
        description,
        data,
    }
}

/// Records that a factor was not proved. The refusal stands whether or not this works.
pub(super) async fn failure(ctx: &PublicCtx, user: &user::Model, method: Option<Method>) {
    let what = method.map_or("code", Method::label);
    let mut record = change(
        ctx,
        user,
        "deny",
        None,
        format!("a wrong {what} was presented for {}", user.username),
        json!({"method": method.map(Method::as_str)}),
    );
    record.status_code = StatusCode::UNAUTHORIZED.as_u16();
    let recorded: ApiResult<()> = async {
        let unit = ctx.begin().await?;
        unit.audit(record).await?;
        Ok(unit.commit().await?)
    }
    .await;
    if let Err(error) = recorded {
        tracing::error!(
            detail = error.detail,
            "a wrong factor could not be recorded"
        );
    }
}
