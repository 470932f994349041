//! What a workspace uses (`rest-identity.md` §22). Nothing here costs anything, so every
//! price is nothing and nothing has a limit.

use axum::Json;
use chrono::{DateTime, Datelike as _, Months, NaiveDate, TimeZone as _, Utc};
use protocol::Page;
use protocol::id::WorkspaceId;
use protocol::workspace::{BillingPeriod, Estimate, ServiceUsage, WorkspaceSummary};
use serde_json::Number;
use store::now;
use store::workspaces::Usage;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::documents::SOURCE;
use crate::app::SharedApp;
use crate::http::paging::page;
use crate::http::{ApiError, ApiResult, Ctx, Id, PageParams, Params};

pub(super) fn routes() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::new()
        .routes(routes!(workspaces))
        .routes(routes!(estimate))
}

/// The workspace of this address, as a list.
#[utoipa::path(get, path = "/api/workspaces/workspaces/", tag = "workspaces",
    params(PageParams), responses((status = OK, body = Page<WorkspaceSummary>)))]
async fn workspaces(
    ctx: Ctx,
    Params(params): Params<PageParams>,
) -> ApiResult<Json<Page<WorkspaceSummary>>> {
    ctx.principal.require_scope(SOURCE, "read")?;
    let paging = params.paging()?;
    let own = WorkspaceSummary {
        id: ctx.workspace_id(),
        schema_name: ctx.workspace.name.clone(),
    };
    let rows = if paging.page == 1 {
        vec![own]
    } else {
        Vec::new()
    };
    Ok(Json(page(rows, 1, paging)))
}

/// What the workspace uses this month.
#[utoipa::path(get, path = "/api/workspaces/workspaces/{id}/estimate/", tag = "workspaces",
    params(("id" = WorkspaceId, Path)),
    responses((status = OK, body = Estimate), (status = FORBIDDEN), (status = NOT_FOUND)))]
async fn estimate(ctx: Ctx, Id(id): Id<WorkspaceId>) -> ApiResult<Json<Estimate>> {
    ctx.principal.require_scope(SOURCE, "read")?;
    if id != ctx.workspace_id() {
        return Err(ApiError::not_found());
    }
    ctx.principal.require_staff()?;
    let (first, last) = month_of(now());
    let usage = ctx.tenant().usage(start_of(first)).await?;
    Ok(Json(Estimate {
        billing_period: BillingPeriod {
            start: first.to_string(),
            end: last.to_string(),
            total_days: i64::from(last.day()),
        },
        currency: "USD".to_owned(),
        services: services(&usage),
        ..Estimate::default()
    }))
}

fn services(usage: &Usage) -> std::collections::BTreeMap<String, ServiceUsage> {
    let service = |name: &str, unit: &str, count: u64| ServiceUsage {
        name: name.to_owned(),
        unit: unit.to_owned(),
        limit: None,
        current_usage: Number::from(count),
        current_cost: "0.00".to_owned(),
        overage_cost: None,
    };
    [
        ("users", service("Active users", "user", usage.users)),
        ("servers", service("Servers", "server", usage.servers)),
        (
            "commands",
            service("Commands this month", "command", usage.commands),
        ),
        (
            "work_sessions",
            service("Work sessions this month", "session", usage.work_sessions),
        ),
    ]
    .into_iter()
    .map(|(key, service)| (key.to_owned(), service))
    .collect()
}

/// First and last day of the month that `time` is in.
fn month_of(time: DateTime<Utc>) -> (NaiveDate, NaiveDate) {
    let day = time.date_naive();
    let first = day.with_day(1).unwrap_or(day);
    let last = first
        .checked_add_months(Months::new(1))
        .and_then(|next| next.pred_opt());
    (first, last.unwrap_or(first))
}

fn start_of(day: NaiveDate) -> DateTime<Utc> {
    Utc.from_utc_datetime(&day.and_time(chrono::NaiveTime::MIN))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_have_their_days() {
        let at = |text: &str| {
            let (first, last) = month_of(text.parse().unwrap());
            format!("{first} {last}")
        };
        assert_eq!(at("2024-02-29T23:59:59Z"), "2024-02-01 2024-02-29");
        assert_eq!(at("2025-12-01T00:00:00Z"), "2025-12-01 2025-12-31");
    }
}
