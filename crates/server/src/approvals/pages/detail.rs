//! One request with everything about it.

use askama::Template;
use axum::response::Response;
use http::StatusCode;
use protocol::approval::{Approval, Status, kind};
use protocol::id::{ApprovalId, GroupId, WorkSessionId};
use store::entity::{approval_request, work_session};
use uuid::Uuid;

use super::{FRESH, path};
use crate::approvals::{facts, reviewer, view};
use crate::http::{ApiError, ApiResult};
use crate::identity::summary::Summaries;
use crate::mfa;
use crate::pages::{Frame, PageResult, Policy, SignedIn};
use crate::work_sessions;

#[derive(Template)]
#[template(path = "approval.html")]
struct DetailPage {
    frame: Frame,
    request: Approval,
    /// What it is about, as names and values.
    facts: Vec<(&'static str, String)>,
    /// Boxes that a reviewer may untick.
    narrow: Option<Narrow>,
    reviews: Vec<Review>,
    /// The groups whose members decide; empty: superusers do.
    deciders: String,
    /// The viewer may decide now.
    open: bool,
    /// Why not, if not.
    closed: Option<String>,
    /// Where to prove oneself again before deciding.
    again: Option<String>,
    error: Option<String>,
}

struct Narrow {
    scopes: Vec<String>,
    servers: Vec<(Uuid, String)>,
}

struct Review {
    who: String,
    approves: bool,
    reason: String,
}

pub(super) async fn render(
    signed_in: &SignedIn,
    id: ApprovalId,
    error: Option<ApiError>,
) -> PageResult<Response> {
    let row = signed_in
        .tenant()
        .approvals()
        .find(id)
        .await?
        .ok_or_else(ApiError::not_found)?;
    let session = session(signed_in, &row).await?;
    let request = view::all(signed_in, std::slice::from_ref(&row)).await?;
    let request = request.into_iter().next().ok_or_else(ApiError::not_found)?;
    let reviews = reviews(signed_in, id).await?;
    let pending = row.status == Status::Pending.as_str();
    let me = signed_in.user();
    let spoken = reviews.iter().any(|review| review.who == me.username);
    let deciders = deciders(signed_in, id).await?;
    let closed = match reviewer::check(signed_in, me, &row).await {
        _ if !pending => None,
        Err(refusal) => Some(refusal.detail),
        Ok(()) if spoken => Some("You have decided; others have not yet.".to_owned()),
        Ok(()) => None,
    };
    let open = pending && closed.is_none();
    let fresh = mfa::is_proved_within(signed_in, FRESH).await?;
    let narrow = match &session {
        Some(session) if open && fresh && row.request_type == kind::WORK_SESSION => {
            Some(narrowable(signed_in, session).await?)
        }
        _ => None,
    };
    let status = error.as_ref().map_or(StatusCode::OK, |error| error.status);
    let page = DetailPage {
        frame: signed_in.frame(),
        facts: facts::of(signed_in.tenant(), &row).await?,
        request,
        narrow,
        reviews,
        deciders,
        open: open && fresh,
        closed,
        again: (open && !fresh).then(|| mfa::confirm_path(&path(id))),
        error: error.map(|error| error.detail),
    };
    signed_in.render_with(status, &Policy::default(), &page)
}

async fn session(
    signed_in: &SignedIn,
    row: &approval_request::Model,
) -> ApiResult<Option<work_session::Model>> {
    Ok(match row.work_session_id {
        Some(id) => {
            let sessions = signed_in.tenant().work_sessions();
            sessions.find(WorkSessionId(id)).await?
        }
        None => None,
    })
}

async fn narrowable(signed_in: &SignedIn, session: &work_session::Model) -> ApiResult<Narrow> {
    let ids: Vec<Uuid> = work_sessions::read(&session.servers)?;
    let summaries = Summaries::read(signed_in, [], ids.iter().copied()).await?;
    Ok(Narrow {
        scopes: work_sessions::read(&session.scopes)?,
        servers: ids
            .into_iter()
            .map(|id| (id, summaries.server(id).name))
            .collect(),
    })
}

async fn deciders(signed_in: &SignedIn, id: ApprovalId) -> ApiResult<String> {
    let mut names = Vec::new();
    for group in signed_in.tenant().reviewers().groups_of(id).await? {
        let found = signed_in.tenant().identity().group(GroupId(group)).await?;
        names.extend(found.map(|group| group.name));
    }
    Ok(names.join(", "))
}

async fn reviews(signed_in: &SignedIn, id: ApprovalId) -> ApiResult<Vec<Review>> {
    let rows = signed_in.tenant().approvals().reviews(id).await?;
    let users = rows.iter().map(|row| row.user_id);
    let users = signed_in.tenant().identity().users_by_id(users).await?;
    Ok(rows
        .into_iter()
        .map(|row| Review {
            who: users
                .iter()
                .find(|user| user.id == row.user_id)
                .map_or_else(|| "deleted".to_owned(), |user| user.username.clone()),
            approves: row.approves,
            reason: row.reason,
        })
        .collect())
}
