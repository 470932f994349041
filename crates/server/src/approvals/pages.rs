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
use protocol::id::ApprovalId;
use store::Paging;
use store::approvals::ApprovalFilter;

use super::review::{self, Word};
use super::view;
use crate::app::SharedApp;
use crate::http::ApiError;
use crate::mfa;
use crate::pages::{Form, Frame, PageResult, SignedIn, redirect};

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
}

/// Only superusers decide; to others these pages do not exist.
fn check_reviewer(signed_in: &SignedIn) -> PageResult<()> {
    if signed_in.user().is_superuser {
        Ok(())
    } else {
        Err(ApiError::not_found().into())
    }
}

async fn list(signed_in: SignedIn) -> PageResult<Response> {
    check_reviewer(&signed_in)?;
    let paging = Paging {
        page: 1,
        size: SHOWN,
    };
    let read = async |status| {
        let filter = ApprovalFilter {
            status,
            ..ApprovalFilter::default()
        };
        let (rows, _) = signed_in.tenant().approvals().list(&filter, paging).await?;
        view::all(&signed_in, &rows).await
    };
    let pending = read(Some(Status::Pending)).await?;
    let mut decided = read(None).await?;
    decided.retain(|request| request.status != Status::Pending.as_str());
    signed_in.render(&ListPage {
        frame: signed_in.frame(),
        pending,
        decided,
    })
}

async fn show(signed_in: SignedIn, Path(id): Path<String>) -> PageResult<Response> {
    check_reviewer(&signed_in)?;
    let id = parse(&id)?;
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
    check_reviewer(signed_in)?;
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
