//! The second factor of a sign-in.

use askama::Template;
use axum::response::Response;
use http::StatusCode;
use protocol::id::UserId;

use super::factor_forms::{Answer, FactorForms};
use super::{ENROL, SECOND_FACTOR};
use crate::identity::acquaintance;
use crate::identity::sign_in::{self, Attempt};
use crate::mfa::policy::{self, Missing};
use crate::mfa::proof;
use crate::pages::{
    Form, Frame, PageCtx, PageError, PageResult, Policy, SIGN_IN, redirect, respond,
};

#[derive(Template)]
#[template(path = "second_factor.html")]
struct SecondFactorPage<'a> {
    frame: Frame,
    username: &'a str,
    error: Option<&'a str>,
    forms: FactorForms,
}

pub(super) async fn show(page: PageCtx) -> PageResult<Response> {
    let attempt = attempt(&page).await?;
    render(&page, &attempt, StatusCode::OK, None).await
}

pub(super) async fn submit(form: Form<Answer>) -> PageResult<Response> {
    let Form { page, data } = form;
    let attempt = attempt(&page).await?;
    let user = &attempt.user;
    let enrolled = page.tenant().mfa().factors(UserId(user.id)).await?;
    let usable = policy::usable(&page.workspace.settings, attempt.method(), &enrolled);
    let who = acquaintance(&page, Some(user), page.familiar).await?;
    match proof::prove(&page, user, &usable, data.presented(&page), who).await {
        Ok(method) => {
            let outcome =
                sign_in::add_factor(&page, &page.browser, attempt, method.as_str()).await?;
            respond(&page, outcome)
        }
        Err(error) if error.status.is_client_error() => {
            render(&page, &attempt, error.status, Some(&error.detail)).await
        }
        Err(error) => Err(error.into()),
    }
}

/// The sign-in that a second factor is needed for. Those of another page go there.
async fn attempt(page: &PageCtx) -> PageResult<Attempt> {
    let elsewhere = |path| -> PageResult<Attempt> { Err(PageError::elsewhere(redirect(path)?)) };
    let Some(attempt) = sign_in::attempt(page, &page.browser).await? else {
        return elsewhere(SIGN_IN);
    };
    let enrolled = page.tenant().mfa().factors(UserId(attempt.user.id)).await?;
    let settings = &page.workspace.settings;
    match policy::missing(settings, attempt.method(), &enrolled, &attempt.factors()) {
        Missing::Proof => Ok(attempt),
        Missing::Enrolment => elsewhere(ENROL),
        // The settings changed meanwhile: start anew.
        Missing::Nothing => elsewhere(SIGN_IN),
    }
}

async fn render(
    page: &PageCtx,
    attempt: &Attempt,
    status: StatusCode,
    error: Option<&str>,
) -> PageResult<Response> {
    let user = &attempt.user;
    let enrolled = page.tenant().mfa().factors(UserId(user.id)).await?;
    let usable = policy::usable(&page.workspace.settings, attempt.method(), &enrolled);
    let shown = SecondFactorPage {
        frame: page.frame(),
        username: &user.username,
        error,
        forms: FactorForms::new(page, user, &usable, SECOND_FACTOR, "").await?,
    };
    let policy = Policy {
        scripts: shown.forms.passkey.is_some(),
        ..Policy::default()
    };
    page.render_with(status, &policy, &shown)
}
