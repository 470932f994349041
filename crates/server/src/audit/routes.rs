//! Reading the audit trail (`rest-operations.md` §11).

use axum::Json;
use protocol::CursorPage;
use protocol::audit::Activity;
use protocol::id::UserId;
use serde::Deserialize;
use store::audit::AuditFilter;
use store::entity::audit_record;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::SharedApp;
use crate::http::extract::optional_id;
use crate::http::{ApiResult, Ctx, CursorParams, Params};
use crate::identity::summary::Summaries;

pub(crate) fn routes() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::new().routes(routes!(activity))
}

/// What the audit list may be narrowed to.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
struct ActivityFilter {
    /// User id.
    user: Option<String>,
    /// Area.
    app: Option<String>,
    /// Kind of object.
    model: Option<String>,
    #[serde(flatten)]
    #[param(ignore)]
    cursor: CursorParams,
}

/// The audit trail, newest first: for staff, all of it; for others, their own.
#[utoipa::path(get, path = "/api/audit/activity/", tag = "audit", params(ActivityFilter, CursorParams),
    responses((status = OK, body = CursorPage<Activity>)))]
async fn activity(
    ctx: Ctx,
    Params(filter): Params<ActivityFilter>,
) -> ApiResult<Json<CursorPage<Activity>>> {
    ctx.principal.require_scope("activity", "read")?;
    let (before, size) = filter.cursor.position()?;
    let mut actor = optional_id::<UserId>("user", filter.user.as_deref())?.map(|id| id.0);
    if !ctx.principal.is_staff() {
        let own = ctx.principal.require_user()?.id;
        if actor.is_some_and(|other| other != own) {
            return Ok(Json(CursorPage {
                next: None,
                results: Vec::new(),
            }));
        }
        actor = Some(own);
    }
    let given = |text: Option<String>| text.filter(|text| !text.is_empty());
    let filter = AuditFilter {
        actor,
        app: given(filter.app),
        model: given(filter.model),
    };
    // One more row than asked for tells whether there is a next page.
    let mut rows = ctx.tenant().audit().list(&filter, before, size + 1).await?;
    let more = rows.len() as u64 > size;
    rows.truncate(usize::try_from(size).unwrap_or(usize::MAX));
    let next = rows.last().filter(|_| more).map(|row| row.seq.to_string());
    let users = rows
        .iter()
        .filter(|row| row.actor_kind == "user")
        .filter_map(|row| row.actor_id);
    let summaries = Summaries::read(&ctx, users, []).await?;
    let results = rows.into_iter().map(|row| view(row, &summaries)).collect();
    Ok(Json(CursorPage { next, results }))
}

fn view(row: audit_record::Model, summaries: &Summaries) -> Activity {
    Activity {
        id: row.id.to_string(),
        user: summaries.user(row.actor_id),
        username: row.actor_name,
        ip: row.ip,
        app: row.app,
        action: row.action,
        status_code: row.status_code,
        added_at: Some(row.time),
        model: row.model,
        description: row.description,
        seq: row.seq,
        hash: row.hash,
    }
}
