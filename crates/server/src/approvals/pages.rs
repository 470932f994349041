//! The pages of reviewers: what waits, and one request with everything about it.

mod detail;
mod form;

use askama::Template;
use axum::Router;
use axum::extract::Path;
use axum::response::Response;
use axum::routing::{get, post};
use chrono::TimeDelta;
use protocol::approval::{Approval, Status};
use protocol::guard::HeldProgram;
use protocol::id::ApprovalId;
use store::Paging;
use store::approvals::ApprovalFilter;

use super::review::{self, Word};
use super::reviewer::{self, Sight};
use super::view;
use crate::app::SharedApp;
use crate::http::ApiError;
use crate::mfa;
use crate::pages::{Form, Frame, PageResult, SignedIn, redirect};
use crate::programs;

const LIST: &str = "/approvals/";
/// Requests of each kind on the list.
const SHOWN: u64 = 50;
/// A decision wants somebody who proved within this time who they are.
const FRESH: TimeDelta = TimeDelta::minutes(15);

pub(crate) fn routes() -> Router<SharedApp> {
    Router::new()
        .route(LIST, get(list))
        .route("/approvals/{id}/", get(show))
        .route("/approvals/{id}/approve/", post(approve))
        .route("/approvals/{id}/reject/", post(reject))
}

/// The page of a request.
pub(super) fn path(id: ApprovalId) -> String {
    format!("{LIST}{id}/")
}

/// The type of a request for people.
fn label(kind: &str) -> String {
    match kind {
        protocol::approval::kind::WORK_SESSION_MOD => "change of a work session".to_owned(),
        other => other.replace('_', " "),
    }
}

#[derive(Template)]
#[template(path = "approvals.html")]
struct ListPage {
    frame: Frame,
    pending: Vec<Approval>,
    decided: Vec<Approval>,
    /// Programs that wait on hosts, and their pages; for superusers.
    held: Vec<(String, HeldProgram)>,
}

/// What the viewer sees; to who reviews nothing these pages do not exist.
async fn sight(signed_in: &SignedIn) -> PageResult<Sight> {
    let sight = reviewer::sight(signed_in, signed_in.user()).await?;
    Ok(sight.ok_or_else(ApiError::not_found)?)
}

/// The same about one request.
async fn check_sight(signed_in: &SignedIn, id: ApprovalId) -> PageResult<()> {
    if sight(signed_in).await?.includes(signed_in, id).await? {
        Ok(())
    } else {
        Err(ApiError::not_found().into())
    }
}

async fn list(signed_in: SignedIn) -> PageResult<Response> {
    let reviewer_groups = match sight(&signed_in).await? {
        Sight::Everything => None,
        Sight::Groups(groups) => Some(groups),
    };
    let paging = Paging {
        page: 1,
        size: SHOWN,
    };
    let read = async |status| {
        let filter = ApprovalFilter {
            status,
            reviewer_groups: reviewer_groups.clone(),
            ..ApprovalFilter::default()
        };
        let (rows, _) = signed_in.tenant().approvals().list(&filter, paging).await?;
        view::all(&signed_in, &rows).await
    };
    let pending = read(Some(Status::Pending)).await?;
    let mut decided = read(None).await?;
    decided.retain(|request| request.status != Status::Pending.as_str());
    let held = match reviewer_groups {
        None => programs::held(&signed_in).await?,
        Some(_) => Vec::new(),
    };
    let held = held.into_iter().map(|held| {
        let path = programs::page_path(held.command, held.program.seq);
        (path, held)
    });
    let held = held.collect();
    signed_in.render(&ListPage {
        frame: signed_in.frame(),
        pending,
        decided,
        held,
    })
}

async fn show(signed_in: SignedIn, Path(id): Path<String>) -> PageResult<Response> {
    let id = parse(&id)?;
    check_sight(&signed_in, id).await?;
    detail::render(&signed_in, id, None).await
}

fn parse(id: &str) -> PageResult<ApprovalId> {
    Ok(id.parse().map_err(|_| ApiError::not_found())?)
}

async fn approve(
    Path(id): Path<String>,
    form: Form<Vec<(String, String)>>,
) -> PageResult<Response> {
    let signed_in = SignedIn::of(form.page)?;
    let id = parse(&id)?;
    decide(&signed_in, id, form::approval(&form.data)).await
}

async fn reject(Path(id): Path<String>, form: Form<form::Rejection>) -> PageResult<Response> {
    let signed_in = SignedIn::of(form.page)?;
    let id = parse(&id)?;
    decide(&signed_in, id, Ok(Word::Reject(form.data.reason))).await
}

async fn decide(
    signed_in: &SignedIn,
    id: ApprovalId,
    word: Result<Word, ApiError>,
) -> PageResult<Response> {
    check_sight(signed_in, id).await?;
    if !mfa::is_proved_within(signed_in, FRESH).await? {
        return redirect(&mfa::confirm_path(&path(id)));
    }
    let reviewed = match word {
        Ok(word) => review::review(signed_in, signed_in.user(), id, word, "page").await,
        Err(error) => Err(error),
    };
    match reviewed {
        Ok(_) => redirect(&path(id)),
        Err(error) if error.status.is_server_error() => Err(error.into()),
        Err(error) => detail::render(signed_in, id, Some(error)).await,
    }
}
