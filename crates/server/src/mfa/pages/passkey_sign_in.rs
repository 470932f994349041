//! Signing in with a passkey alone.

use askama::Template;
use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;
use store::now;

use super::PASSKEY_SIGN_IN;
use crate::http::Params;
use crate::identity::sign_in::{self, Factors, Proof};
use crate::mfa::{Method, passkey, policy};
use crate::pages::{Form, Frame, PageCtx, PageResult, Policy, local_path, redirect, respond};

#[derive(Template)]
#[template(path = "passkey_sign_in.html")]
struct PasskeySignInPage<'a> {
    frame: Frame,
    action: &'static str,
    options: String,
    next: &'a str,
    error: Option<&'a str>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Query {
    next: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Answer {
    answer: String,
    next: String,
}

pub(super) async fn show(page: PageCtx, Params(query): Params<Query>) -> PageResult<Response> {
    let next = local_path(&query.next);
    if page.browser.session.is_some() {
        return redirect(next);
    }
    page.app.login_limiter.check(page.ip)?;
    render(&page, next, StatusCode::OK, None).await
}

pub(super) async fn submit(form: Form<Answer>) -> PageResult<Response> {
    let Form { page, data } = form;
    let next = local_path(&data.next);
    page.app.login_limiter.check(page.ip)?;
    if data.answer.is_empty() {
        let error = "Signing in with a passkey needs scripts; allow them for this site, or sign \
                     in with your password.";
        return render(&page, next, StatusCode::BAD_REQUEST, Some(error)).await;
    }
    let user = match passkey::finish_sign_in(&page, &page.browser, &data.answer).await {
        Ok(user) => user,
        Err(error) if error.status.is_client_error() => {
            return render(&page, next, error.status, Some(&error.detail)).await;
        }
        Err(error) => return Err(error.into()),
    };
    // Its authenticator verified the user: something held and something known. Whether
    // that counts as both, the workspace says.
    let mut factors = Factors::new();
    if page.workspace.settings.passkey_as_mfa {
        factors.insert(Method::Webauthn.as_str().to_owned(), now());
    }
    let proof = Proof {
        user,
        method: policy::PASSKEY.to_owned(),
        factors,
        next: next.to_owned(),
    };
    let outcome = sign_in::proceed(&page, &page.browser, proof).await?;
    respond(&page, outcome)
}

async fn render(
    page: &PageCtx,
    next: &str,
    status: StatusCode,
    error: Option<&str>,
) -> PageResult<Response> {
    let options = passkey::begin_sign_in(page, &page.browser).await?;
    let policy = Policy {
        scripts: true,
        ..Policy::default()
    };
    let shown = PasskeySignInPage {
        frame: page.frame(),
        action: PASSKEY_SIGN_IN,
        options: options.to_string(),
        next,
        error,
    };
    page.render_with(status, &policy, &shown)
}
