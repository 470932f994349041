//! What goes into the audit trail: the session, each request before it is put to the
//! host, and how each change went.

use http::StatusCode;
use protocol::id::FileSessionId;
use protocol::webftp::{Request, Response};
use serde_json::{Value, json};
use store::audit::{Actor, AuditRecord};

use super::end::End;
use super::open::SOURCE;
use crate::gate::Grant;
use crate::http::{ApiError, ApiResult, Ctx, PublicCtx};
use crate::rendezvous::Bond;

pub(super) fn opening(ctx: &Ctx, grant: &Grant, bond: &Bond<FileSessionId>) -> AuditRecord {
    AuditRecord {
        status_code: StatusCode::CREATED.as_u16(),
        ..record(
            (&ctx.public, &ctx.principal.actor(), bond),
            "create",
            format!("file browser as {}@{}", grant.username, grant.server.name),
            json!({"username": grant.username, "groupname": grant.groupname}),
        )
    }
}

/// Who, where from, and in which session.
pub(super) type Whose<'a> = (&'a PublicCtx, &'a Actor, &'a Bond<FileSessionId>);

fn record(
    (ctx, actor, bond): Whose<'_>,
    action: &'static str,
    description: String,
    mut data: Value,
) -> AuditRecord {
    if let Some(members) = data.as_object_mut() {
        members.insert("server".to_owned(), json!(bond.server));
        members.insert("session".to_owned(), json!(bond.footing.work_session));
        members.insert("token".to_owned(), json!(bond.footing.token));
    }
    AuditRecord {
        actor: actor.clone(),
        ip: ctx.ip.to_string(),
        app: SOURCE,
        model: "file_session",
        object_id: Some(bond.id.0),
        action,
        status_code: StatusCode::OK.as_u16(),
        description,
        data,
    }
}

/// A request, before the host hears of it.
pub(super) async fn asked(whose: Whose<'_>, request: &Request) -> ApiResult<()> {
    let description = format!("{} {}", request.command, about(request));
    let data = json!({"command": request.command, "request": request.data});
    write(whose.0, record(whose, "request", description, data)).await
}

/// A request that the rules refuse.
pub(super) async fn refused(
    whose: Whose<'_>,
    request: &Request,
    refusal: &ApiError,
) -> ApiResult<()> {
    let data = json!({"command": request.command, "request": request.data, "code": refusal.code});
    let description = format!("{} refused: {}", request.command, refusal.detail);
    let denied = AuditRecord {
        status_code: StatusCode::FORBIDDEN.as_u16(),
        ..record(whose, "deny", description, data)
    };
    write(whose.0, denied).await
}

/// How a change went.
pub(super) async fn answered(
    whose: Whose<'_>,
    request: &Request,
    response: &Response,
) -> ApiResult<()> {
    let how = if response.success { "done" } else { "failed" };
    let description = format!("{} {} {how}", request.command, about(request));
    let data = json!({
        "command": request.command,
        "success": response.success,
        "code": response.code,
        "message": response.data.message,
        "dst": response.data.dst,
    });
    write(whose.0, record(whose, "finish", description, data)).await
}

pub(super) async fn closed(whose: Whose<'_>, end: End) -> ApiResult<()> {
    let description = format!("file browser closed: {}", end.reason());
    let data = json!({"reason": end.reason()});
    write(whose.0, record(whose, "close", description, data)).await
}

fn about(request: &Request) -> String {
    match request.data.dst.as_str() {
        "" => request.data.path.clone(),
        dst => format!("{} to {dst}", request.data.src),
    }
}

async fn write(ctx: &PublicCtx, record: AuditRecord) -> ApiResult<()> {
    let unit = ctx.begin().await?;
    unit.audit(record).await?;
    Ok(unit.commit().await?)
}
