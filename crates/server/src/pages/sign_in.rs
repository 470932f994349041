//! Signing in and out.

use askama::Template;
use axum::response::Response;
use serde::Deserialize;

use super::error::PageResult;
use super::form::Form;
use super::policy::Policy;
use super::{Frame, PageCtx, known_browser, local_path, redirect};
use crate::federation::{Button, buttons};
use crate::http::Params;
use crate::identity::check_password;
use crate::identity::sign_in::{self, Factors, Outcome, Proof};
use crate::mfa;

/// Path of the sign-in page.
pub(crate) const SIGN_IN: &str = "/login/";

/// The sign-in page that comes back to `next`.
pub(super) fn path_for(next: &str) -> String {
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("next", next)
        .finish();
    format!("{SIGN_IN}?{query}")
}

/// Another way to sign in, shown as a link.
pub(crate) struct Way {
    pub(crate) label: String,
    /// Local path; `next` is added to its query.
    pub(crate) path: String,
}

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
    ways: Vec<Way>,
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

/// What else one may sign in with here.
fn ways(page: &PageCtx) -> Vec<Way> {
    mfa::ways(page).into_iter().collect()
}

pub(super) async fn show(page: PageCtx, Params(query): Params<Query>) -> PageResult<Response> {
    let next = local_path(&query.next);
    if page.browser.session.is_some() {
        return redirect(next);
    }
    page.render(&SignInPage {
        frame: page.frame(),
        username: "",
        next,
        error: None,
        forgotten: forgotten(&page),
        providers: buttons(&page).await?,
        ways: ways(&page),
    })
}

pub(super) async fn submit(form: Form<SignIn>) -> PageResult<Response> {
    let Form { page, data } = form;
    let username = data.username.trim();
    let checked = check_password(&page, username, &data.password, page.familiar).await;
    let user = match checked {
        Ok(user) => user,
        Err(error) if error.status.is_client_error() => {
            let shown = SignInPage {
                frame: page.frame(),
                username,
                next: local_path(&data.next),
                error: Some(&error.detail),
                forgotten: forgotten(&page),
                providers: buttons(&page).await?,
                ways: ways(&page),
            };
            return page.render_with(error.status, &Policy::default(), &shown);
        }
        Err(error) => return Err(error.into()),
    };
    let proof = Proof {
        user,
        method: "password".to_owned(),
        factors: Factors::new(),
        next: local_path(&data.next).to_owned(),
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

/// A form without fields of its own.
#[derive(Deserialize)]
pub(super) struct Nothing {}

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
