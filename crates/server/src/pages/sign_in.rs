//! Signing in and out.

use askama::Template;
use axum::response::Response;
use serde::Deserialize;

use super::error::PageResult;
use super::form::{Form, Nothing};
use super::policy::Policy;
use super::{Frame, PageCtx, known_browser, local_path, redirect};
use crate::federation::{Button, buttons};
use crate::http::{ApiResult, Params};
use crate::identity::check_password;
use crate::identity::sign_in::{self, Factors, Outcome, Proof};
use crate::mfa;

/// Path of the sign-in page.
pub(crate) const SIGN_IN: &str = "/login/";

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage<'a> {
    frame: Frame,
    username: &'a str,
    next: &'a str,
    error: Option<&'a str>,
    /// Where a forgotten password is replaced, if mail is sent.
    forgotten: Option<&'static str>,
    providers: Vec<Button>,
    /// Where one signs in with a passkey, if this address can have them.
    passkey: Option<&'static str>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Query {
    next: String,
}

#[derive(Deserialize)]
pub(super) struct SignIn {
    username: String,
    password: String,
    #[serde(default)]
    next: String,
}

fn forgotten(page: &PageCtx) -> Option<&'static str> {
    page.app
        .mailer
        .is_configured()
        .then_some(crate::onboarding::FORGOTTEN)
}

impl<'a> SignInPage<'a> {
    async fn new(
        page: &PageCtx,
        username: &'a str,
        next: &'a str,
        error: Option<&'a str>,
    ) -> ApiResult<Self> {
        Ok(Self {
            frame: page.frame(),
            username,
            next,
            error,
            forgotten: forgotten(page),
            providers: buttons(page).await?,
            passkey: mfa::passkey_sign_in_path(page),
        })
    }
}

pub(super) async fn show(page: PageCtx, Params(query): Params<Query>) -> PageResult<Response> {
    let next = local_path(&query.next);
    if page.browser.session.is_some() {
        return redirect(next);
    }
    page.render(&SignInPage::new(&page, "", next, None).await?)
}

pub(super) async fn submit(form: Form<SignIn>) -> PageResult<Response> {
    let Form { page, data } = form;
    let username = data.username.trim();
    let next = local_path(&data.next);
    let checked = check_password(&page, username, &data.password, page.familiar).await;
    let user = match checked {
        Ok(user) => user,
        Err(error) if error.status.is_client_error() => {
            let shown = SignInPage::new(&page, username, next, Some(&error.detail)).await?;
            return page.render_with(error.status, &Policy::default(), &shown);
        }
        Err(error) => return Err(error.into()),
    };
    let proof = Proof {
        user,
        method: "password".to_owned(),
        factors: Factors::new(),
        next: next.to_owned(),
    };
    let outcome = sign_in::proceed(&page, &page.browser, proof).await?;
    respond(&page, outcome)
}

/// Sends the browser where its sign-in goes on, with its new cookie.
pub(crate) fn respond(page: &PageCtx, outcome: Outcome) -> PageResult<Response> {
    match outcome {
        Outcome::Needs { path, cookie } => {
            let mut response = redirect(path)?;
            page.replace_cookie(&mut response, &cookie)?;
            Ok(response)
        }
        Outcome::Done { user, next, cookie } => {
            let mut response = redirect(local_path(&next))?;
            page.replace_cookie(&mut response, &cookie)?;
            known_browser::mark(page, &mut response, user)?;
            Ok(response)
        }
    }
}

pub(super) async fn sign_out(form: Form<Nothing>) -> PageResult<Response> {
    let Form {
        page,
        data: Nothing {},
    } = form;
    sign_in::sign_out(&page, &page.browser).await?;
    let mut response = redirect(SIGN_IN)?;
    page.drop_cookie(&mut response)?;
    Ok(response)
}
