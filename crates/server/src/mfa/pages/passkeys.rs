//! Registering a passkey.

use askama::Template;
use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;

use super::fresh::Enrolling;
use super::{Next, PASSKEYS, next_path};
use crate::http::Params;
use crate::mfa::{Method, enrolment, passkey};
use crate::pages::{Form, Frame, PageCtx, PageResult, Policy, with_next};

#[derive(Template)]
#[template(path = "passkeys.html")]
struct PasskeysPage<'a> {
    frame: Frame,
    options: String,
    name: &'a str,
    next: &'a str,
    error: Option<&'a str>,
}

#[derive(Deserialize)]
pub(super) struct Registration {
    #[serde(default)]
    answer: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    next: String,
}

pub(super) async fn show(page: PageCtx, Params(query): Params<Next>) -> PageResult<Response> {
    let back = with_next(PASSKEYS, query.path());
    let enrolling = Enrolling::of(page, &back).await?;
    enrolment::require_allowed(enrolling.page(), Method::Webauthn)?;
    render(&enrolling, query.path(), "", StatusCode::OK, None).await
}

pub(super) async fn submit(form: Form<Registration>) -> PageResult<Response> {
    let Form { page, data } = form;
    let next = next_path(&data.next);
    let enrolling = Enrolling::of(page, &with_next(PASSKEYS, next)).await?;
    let name = data.name.trim();
    if data.answer.is_empty() {
        let error = "Making a passkey needs scripts; allow them for this site.";
        return render(&enrolling, next, name, StatusCode::BAD_REQUEST, Some(error)).await;
    }
    let page = enrolling.page();
    let added =
        enrolment::add_passkey(page, &page.browser, enrolling.user(), name, &data.answer).await;
    match added {
        Ok(()) => enrolling.done(Method::Webauthn, next).await,
        Err(error) if error.status.is_client_error() => {
            render(&enrolling, next, name, error.status, Some(&error.detail)).await
        }
        Err(error) => Err(error.into()),
    }
}

async fn render(
    enrolling: &Enrolling,
    next: &str,
    name: &str,
    status: StatusCode,
    error: Option<&str>,
) -> PageResult<Response> {
    let page = enrolling.page();
    let options = passkey::begin_registration(page, &page.browser, enrolling.user()).await?;
    let policy = Policy {
        scripts: true,
        ..Policy::default()
    };
    let shown = PasskeysPage {
        frame: page.frame(),
        options: options.to_string(),
        name,
        next,
        error,
    };
    page.render_with(status, &policy, &shown)
}
