//! Changing a session in place.

use http::StatusCode;
use protocol::code;
use protocol::id::{ApprovalId, ServerId, UserId, WorkSessionId};
use protocol::work_session::{Status, UpdateWorkSession};
use serde_json::json;
use store::audit::AuditRecord;
use store::entity::work_session;
use store::work_sessions::{Rules, SessionChange};
use store::{Unit, now};
use uuid::Uuid;

use super::create::{self, SOURCE};
use super::guard::{self, Wanted};
use super::lifecycle::announce;
use super::modification;
use super::review::{self, Shape};
use super::view::read;
use crate::approvals::{self, Reviewers};
use crate::http::{ApiError, ApiResult, Ctx};

/// Applies a change. What would widen an approved session waits for a reviewer where
/// the caller's sessions need one; until then the session stays as it is.
pub(super) async fn update(
    ctx: &Ctx,
    row: &work_session::Model,
    request: UpdateWorkSession,
) -> ApiResult<work_session::Model> {
    let status = open_status(row)?;
    let scopes = match &request.scopes {
        Some(scopes) => Some(create::scopes(scopes, &row.requester_type)?),
        None => None,
    };
    let servers = match &request.servers {
        Some(servers) => Some(create::servers(ctx, servers).await?),
        None => None,
    };
    let held: Vec<String> = read(&row.scopes)?;
    let effective = scopes.as_ref().unwrap_or(&held);
    let policies = match request.sudo_policies {
        Some(policies) => Some(create::sudo_policies(policies, effective)?),
        None => None,
    };
    let times = request.starts_at.is_some() || request.expires_at.is_some();
    if times && status != Status::Pending {
        return Err(ApiError::new(
            StatusCode::BAD_REQUEST,
            "The window of a session can be edited only while it is pending; use extend.",
        )
        .code(code::WORK_SESSION_NOT_PENDING, SOURCE));
    }
    if times {
        let start = request.starts_at.or(row.starts_at).unwrap_or_else(now);
        create::check_window(ctx, start, request.expires_at.unwrap_or(row.expires_at))?;
    }
    let widens = widens(
        row,
        scopes.as_deref(),
        servers.as_deref(),
        policies.is_some(),
    )? || request.description.is_some();
    let held_servers: Vec<Uuid> = read(&row.servers)?;
    let wanted = Wanted {
        scopes: effective,
        servers: servers.as_ref().unwrap_or(&held_servers),
        start: request.starts_at.or(row.starts_at).unwrap_or(row.added_at),
        end: request.expires_at.unwrap_or(row.expires_at),
        ..wanted(row)?
    };
    let guarded = (widens || times) && guard::needs_reviewer(ctx, wanted).await?;
    let mut change = SessionChange {
        title: request.title.as_deref().map(create::title).transpose()?,
        description: request
            .description
            .as_deref()
            .map(create::description)
            .transpose()?,
        scopes,
        servers,
        sudo_policies: policies,
        starts_at: request.starts_at.map(Some),
        expires_at: request.expires_at,
        ..SessionChange::default()
    };
    if status == Status::Pending {
        // It was asked for: a reviewer decides, if not of a rule then as usual.
        let reviewers = reviewers(ctx, row, &change, guarded).await?;
        let reviewers = reviewers.unwrap_or_else(|| Reviewers::usual(ctx));
        return edit_pending(ctx, row, change, reviewers).await;
    }
    if widens && let Some(reviewers) = reviewers(ctx, row, &change, guarded).await? {
        // A title says nothing about what may be done.
        let title = change.title.take();
        modification::ask(ctx, row, &change, reviewers).await?;
        if title.is_none() {
            return Ok(row.clone());
        }
        change = SessionChange {
            title,
            ..SessionChange::default()
        };
    }
    store_change(ctx, row, change, "update", "updated").await
}

/// Edits a session that waits for a reviewer. What they have read is not what would
/// start any more, so that a new request takes the place of the old one.
async fn edit_pending(
    ctx: &Ctx,
    row: &work_session::Model,
    mut change: SessionChange,
    reviewers: Reviewers,
) -> ApiResult<work_session::Model> {
    let me = UserId(ctx.principal.require_user()?.id);
    if row.created_by != Some(me.0) {
        return Err(ApiError::forbidden(
            "Only its requester edits a pending session; a reviewer narrows it when they \
             approve it.",
        ));
    }
    let request = ApprovalId::new();
    change.approval_request = Some(request);
    let unit = ctx.begin().await?;
    let changed = unit.tenant().work_sessions().change(row, change).await?;
    let why = "The session was edited.";
    approvals::cancel_of_session(&unit, WorkSessionId(row.id), why).await?;
    record_change(ctx, &unit, &changed, "update", "updated").await?;
    let asked = create::review_of(&changed, request, me, reviewers);
    let asked = approvals::add(ctx, &unit, ctx.principal.actor(), asked).await?;
    unit.commit().await?;
    approvals::announce(ctx, &asked, "pending").await;
    announce(ctx, &changed, "updated", now());
    Ok(changed)
}

/// Moves the end of the window.
pub(super) async fn extend(
    ctx: &Ctx,
    row: &work_session::Model,
    expires_at: Option<chrono::DateTime<chrono::Utc>>,
) -> ApiResult<work_session::Model> {
    let expires_at = expires_at.ok_or_else(|| ApiError::missing(SOURCE, "expires_at"))?;
    let status = open_status(row)?;
    if status == Status::Pending {
        return Err(ApiError::new(
            StatusCode::BAD_REQUEST,
            "A pending session is not extended; edit its window instead.",
        )
        .code(code::WORK_SESSION_NOT_ACTIVE, SOURCE));
    }
    create::check_window(ctx, row.started_at.unwrap_or_else(now), expires_at)?;
    let (scopes, servers): (Vec<String>, Vec<Uuid>) = (read(&row.scopes)?, read(&row.servers)?);
    let longer = expires_at > row.expires_at;
    let wanted = Wanted {
        scopes: &scopes,
        servers: &servers,
        end: expires_at,
        ..wanted(row)?
    };
    let guarded = longer && guard::needs_reviewer(ctx, wanted).await?;
    let change = SessionChange {
        expires_at: Some(expires_at),
        ..SessionChange::default()
    };
    if longer && let Some(reviewers) = reviewers(ctx, row, &change, guarded).await? {
        modification::ask(ctx, row, &change, reviewers).await?;
        // A success would read as if the window were longer already.
        return Err(ApiError::forbidden(
            "A longer window needs a reviewer, who has been asked; until they agree the \
             session ends as before. See: alpacon approval ls --my",
        ));
    }
    store_change(ctx, row, change, "extend", "extended").await
}

/// The session as it is, without what it may do where.
fn wanted(row: &work_session::Model) -> ApiResult<Wanted<'_>> {
    let rules: Rules = read(&row.rules)?;
    Ok(Wanted {
        requester_type: &row.requester_type,
        scopes: &[],
        servers: &[],
        has_command_rules: !rules.commands.is_empty(),
        start: row.started_at.or(row.starts_at).unwrap_or(row.added_at),
        end: row.expires_at,
    })
}

fn open_status(row: &work_session::Model) -> ApiResult<Status> {
    let status = Status::parse(&row.status).filter(|status| !status.is_final());
    match status {
        Some(_) if row.expires_at <= now() => Err(ApiError::new(
            StatusCode::BAD_REQUEST,
            "The session has expired; create a new one.",
        )
        .code(code::WORK_SESSION_EXPIRED, SOURCE)),
        Some(status) => Ok(status),
        None => Err(ApiError::new(
            StatusCode::BAD_REQUEST,
            format!("A session that is {} cannot be changed.", row.status),
        )
        .code(code::WORK_SESSION_NOT_USABLE, SOURCE)),
    }
}

/// The reviewers of the session as it would be; none: it needs none.
async fn reviewers(
    ctx: &Ctx,
    row: &work_session::Model,
    change: &SessionChange,
    guarded: bool,
) -> ApiResult<Option<Reviewers>> {
    let scopes = match &change.scopes {
        Some(scopes) => scopes.clone(),
        None => read(&row.scopes)?,
    };
    let servers = match &change.servers {
        Some(servers) => servers.clone(),
        None => read(&row.servers)?,
    };
    let shape = Shape {
        requester_type: &row.requester_type,
        scopes: &scopes,
        servers: &servers,
    };
    review::needed(ctx, &shape, guarded).await
}

fn widens(
    row: &work_session::Model,
    scopes: Option<&[String]>,
    servers: Option<&[Uuid]>,
    policies: bool,
) -> ApiResult<bool> {
    let held_scopes: Vec<String> = read(&row.scopes)?;
    let held_servers: Vec<ServerId> = read(&row.servers)?;
    let more_scopes = scopes.is_some_and(|new| new.iter().any(|s| !held_scopes.contains(s)));
    let more_servers =
        servers.is_some_and(|new| new.iter().any(|id| !held_servers.contains(&ServerId(*id))));
    Ok(more_scopes || more_servers || policies)
}

async fn store_change(
    ctx: &Ctx,
    row: &work_session::Model,
    change: SessionChange,
    action: &'static str,
    sub_type: &str,
) -> ApiResult<work_session::Model> {
    let unit = ctx.begin().await?;
    let changed = unit.tenant().work_sessions().change(row, change).await?;
    record_change(ctx, &unit, &changed, action, sub_type).await?;
    unit.commit().await?;
    announce(ctx, &changed, sub_type, now());
    Ok(changed)
}

async fn record_change(
    ctx: &Ctx,
    unit: &Unit,
    changed: &work_session::Model,
    action: &'static str,
    sub_type: &str,
) -> ApiResult<()> {
    unit.audit(AuditRecord {
        actor: ctx.principal.actor(),
        ip: ctx.ip.to_string(),
        app: SOURCE,
        model: "worksession",
        object_id: Some(changed.id),
        action,
        status_code: StatusCode::OK.as_u16(),
        description: format!("work session {sub_type}"),
        data: json!({
            "title": changed.title,
            "scopes": changed.scopes,
            "servers": changed.servers,
            "sudo_policies": changed.sudo_policies,
            "starts_at": changed.starts_at,
            "expires_at": changed.expires_at,
        }),
    })
    .await?;
    Ok(())
}
