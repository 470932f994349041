//! Setting up an authenticator app.

use askama::Template;
use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;

use super::fresh::Enrolling;
use super::qr::Qr;
use super::{AUTHENTICATOR, Next, next_path};
use crate::http::{ApiError, Params};
use crate::mfa::{Method, enrolment};
use crate::pages::{Form, Frame, PageCtx, PageResult, Policy, with_next};

#[derive(Template)]
#[template(path = "authenticator.html")]
struct AuthenticatorPage<'a> {
    frame: Frame,
    qr: Qr,
    seed: String,
    name: &'a str,
    next: &'a str,
    error: Option<&'a str>,
}

#[derive(Deserialize)]
pub(super) struct Setup {
    code: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    next: String,
}

pub(super) async fn show(page: PageCtx, Params(query): Params<Next>) -> PageResult<Response> {
    let back = with_next(AUTHENTICATOR, query.path());
    let enrolling = Enrolling::of(page, &back).await?;
    enrolment::require_allowed(enrolling.page(), Method::Totp)?;
    render(&enrolling, query.path(), "", StatusCode::OK, None).await
}

pub(super) async fn submit(form: Form<Setup>) -> PageResult<Response> {
    let Form { page, data } = form;
    let next = next_path(&data.next);
    let enrolling = Enrolling::of(page, &with_next(AUTHENTICATOR, next)).await?;
    let page = enrolling.page();
    let added = enrolment::add_totp(
        page,
        &page.browser,
        enrolling.user(),
        &data.name,
        &data.code,
    )
    .await;
    match added {
        Ok(()) => enrolling.done(Method::Totp, next).await,
        Err(error) if error.status.is_client_error() => {
            let name = data.name.trim();
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
    let seed = enrolment::seed(page, &page.browser).await?;
    let issuer = format!("Alpacon {}", page.workspace.name);
    let account = match enrolling.user().username.as_str() {
        "" => enrolling.user().email.as_str(),
        name => name,
    };
    let url = seed.to_url(&issuer, account).map_err(ApiError::internal)?;
    let shown = AuthenticatorPage {
        frame: page.frame(),
        qr: Qr::new(&url).map_err(ApiError::internal)?,
        seed: seed.to_text(),
        name,
        next,
        error,
    };
    page.render_with(status, &Policy::default(), &shown)
}
