//! The page that asks a user whether the console may act for them.

use askama::Template;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Deserialize;
use url::Url;

use super::authorization;
use super::authorize::{self, Query, Refusal, Request};
use crate::crypto::token;
use crate::http::ApiError;
use crate::pages::{Form, Frame, PageCtx, PageError, PageResult, Policy, SignedIn};

#[derive(Template)]
#[template(path = "consent.html")]
struct ConsentPage<'a> {
    frame: Frame,
    application: &'a str,
    username: &'a str,
    target: String,
    action: String,
    ticket: String,
}

#[derive(Deserialize)]
pub(super) struct Decision {
    decision: String,
    ticket: String,
}

/// Asks; signing in comes first.
pub(super) async fn show(page: PageCtx) -> PageResult<Response> {
    let request = match checked(&page)? {
        Ok(request) => request,
        Err(away) => return leave(&away),
    };
    let signed_in = SignedIn::of(page)?;
    let target = request.redirect_uri.origin().ascii_serialization();
    let policy = Policy {
        form_target: Some(target.clone()),
        ..Policy::default()
    };
    let shown = ConsentPage {
        frame: signed_in.frame(),
        application: request.client.name(),
        username: &signed_in.user().username,
        action: signed_in.path().to_owned(),
        ticket: signed_in.csrf_for(&purpose(&signed_in)),
        target,
    };
    signed_in.render_with(StatusCode::OK, &policy, &shown)
}

/// Does what the user decided, for exactly the request that they saw.
pub(super) async fn decide(form: Form<Decision>) -> PageResult<Response> {
    let Form { page, data } = form;
    let request = match checked(&page)? {
        Ok(request) => request,
        Err(away) => return leave(&away),
    };
    let signed_in = SignedIn::of(page)?;
    if !signed_in.is_csrf_for(&purpose(&signed_in), &data.ticket) {
        return Err(PageError::refused(
            StatusCode::FORBIDDEN,
            "This form is no longer valid. Go back to the application and start again.",
        ));
    }
    let url = match data.decision.as_str() {
        "approve" => authorization::issue(&signed_in, &signed_in.session, &request).await?,
        _ => authorize::refused(
            &signed_in,
            &request.redirect_uri,
            &request.state,
            "access_denied",
            "the user refused",
        ),
    };
    leave(&url)
}

/// The request in the query, or where to send the browser instead.
fn checked(page: &PageCtx) -> PageResult<Result<Request, Url>> {
    let query = page.path().split_once('?').map_or("", |(_, query)| query);
    let query: Query = serde_urlencoded::from_str(query).map_err(|_| {
        PageError::refused(
            StatusCode::BAD_REQUEST,
            "The application's request is not readable.",
        )
    })?;
    match authorize::check(page, query) {
        Ok(request) => Ok(Ok(request)),
        Err(Refusal::Told(url)) => Ok(Err(url)),
        Err(Refusal::Shown(detail)) => Err(PageError::refused(StatusCode::BAD_REQUEST, detail)),
    }
}

/// The ticket of a form is good for this very request only.
fn purpose(page: &PageCtx) -> String {
    format!("authorize {}", token::hash(page.path()))
}

/// Sends the browser to the client. The address was checked against the allowed ones.
fn leave(url: &Url) -> PageResult<Response> {
    let mut response = StatusCode::SEE_OTHER.into_response();
    let location = HeaderValue::from_str(url.as_str()).map_err(ApiError::internal)?;
    let headers = response.headers_mut();
    headers.insert(header::LOCATION, location);
    // The code in it must not travel on.
    headers.insert(
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    );
    Ok(response)
}
