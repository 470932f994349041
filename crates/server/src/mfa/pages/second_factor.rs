//! The second factor of a sign-in.

use askama::Template;
use axum::response::Response;
use http::StatusCode;
use store::entity::mfa_factor;

use super::factor_forms::{Answer, FactorForms};
use super::{ENROL, SECOND_FACTOR, fresh};
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
    let step = Step::of(&page).await?;
    render(&page, &step, StatusCode::OK, None).await
}

pub(super) async fn submit(form: Form<Answer>) -> PageResult<Response> {
    let Form { page, data } = form;
    let step = Step::of(&page).await?;
    let user = &step.attempt.user;
    let usable = step.usable(&page);
    let who = acquaintance(&page, Some(user), page.familiar).await?;
    match proof::prove(&page, user, &usable, data.presented(&page), who).await {
        Ok(method) => {
            let outcome =
                sign_in::add_factor(&page, &page.browser, step.attempt, method.as_str()).await?;
            respond(&page, outcome)
        }
        Err(error) if error.status.is_client_error() => {
            render(&page, &step, error.status, Some(&error.detail)).await
        }
        Err(error) => Err(error.into()),
    }
}

/// A sign-in that a second factor is needed for.
struct Step {
    attempt: Attempt,
    enrolled: Vec<mfa_factor::Model>,
}

impl Step {
    /// That of the browser. Those of another page go there.
    async fn of(page: &PageCtx) -> PageResult<Self> {
        let elsewhere = |path| -> PageResult<Self> { Err(PageError::elsewhere(redirect(path)?)) };
        let Some(attempt) = sign_in::attempt(page, &page.browser).await? else {
            return elsewhere(SIGN_IN);
        };
        let enrolled = fresh::enrolled(page, &attempt.user).await?;
        let settings = &page.workspace.settings;
        match policy::missing(settings, attempt.method(), &enrolled, &attempt.factors()) {
            Missing::Proof => Ok(Self { attempt, enrolled }),
            Missing::Enrolment => elsewhere(ENROL),
            // The settings changed meanwhile: start anew.
            Missing::Nothing => elsewhere(SIGN_IN),
        }
    }

    /// The factors that may be proved.
    fn usable(&self, page: &PageCtx) -> Vec<&mfa_factor::Model> {
        policy::usable(
            &page.workspace.settings,
            self.attempt.method(),
            &self.enrolled,
        )
    }
}

async fn render(
    page: &PageCtx,
    step: &Step,
    status: StatusCode,
    error: Option<&str>,
) -> PageResult<Response> {
    let user = &step.attempt.user;
    let usable = step.usable(page);
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
