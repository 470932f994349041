//! Proving again who one is, before the account's protection changes.

use askama::Template;
use axum::response::Response;
use http::StatusCode;
use protocol::id::UserId;
use serde::Deserialize;

use super::factor_forms::{Answer, FactorForms};
use super::{CONFIRM, Next, fresh, next_path};
use crate::http::{ApiResult, Params};
use crate::identity::check_password;
use crate::mfa::policy;
use crate::pages::{Form, Frame, PageResult, Policy, SignedIn, redirect};

#[derive(Template)]
#[template(path = "confirm.html")]
struct ConfirmPage<'a> {
    frame: Frame,
    username: &'a str,
    action: &'static str,
    next: &'a str,
    error: Option<&'a str>,
    /// The user has no factor, but a password.
    password: bool,
    forms: FactorForms,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Confirmation {
    password: String,
    code: String,
    answer: String,
    next: String,
}

pub(super) async fn show(signed_in: SignedIn, Params(query): Params<Next>) -> PageResult<Response> {
    render(&signed_in, query.path(), StatusCode::OK, None).await
}

pub(super) async fn submit(form: Form<Confirmation>) -> PageResult<Response> {
    let signed_in = SignedIn::of(form.page)?;
    let next = next_path(&form.data.next).to_owned();
    match prove(&signed_in, form.data).await {
        Ok(factor) => {
            let cookie = fresh::note(&signed_in, factor).await?;
            let mut response = redirect(&next)?;
            signed_in.replace_cookie(&mut response, &cookie)?;
            Ok(response)
        }
        Err(error) if error.status.is_client_error() => {
            render(&signed_in, &next, error.status, Some(&error.detail)).await
        }
        Err(error) => Err(error.into()),
    }
}

/// What was proved: a factor where the user has one, the password otherwise.
async fn prove(signed_in: &SignedIn, data: Confirmation) -> ApiResult<&'static str> {
    let user = signed_in.user();
    let enrolled = fresh::enrolled(signed_in, user).await?;
    if enrolled.is_empty() {
        check_password(
            signed_in,
            &user.username,
            &data.password,
            Some(UserId(user.id)),
        )
        .await?;
        return Ok(fresh::PASSWORD_AGAIN);
    }
    let answer = Answer {
        code: data.code,
        answer: data.answer,
        next: data.next,
    };
    Ok(answer.prove(signed_in, &enrolled).await?.as_str())
}

async fn render(
    signed_in: &SignedIn,
    next: &str,
    status: StatusCode,
    error: Option<&str>,
) -> PageResult<Response> {
    let user = signed_in.user();
    let enrolled = fresh::enrolled(signed_in, user).await?;
    let usable = policy::usable(&signed_in.workspace.settings, policy::SESSION, &enrolled);
    let forms = FactorForms::new(signed_in, user, &usable, CONFIRM, next).await?;
    let policy = Policy {
        scripts: forms.passkey.is_some(),
        ..Policy::default()
    };
    let shown = ConfirmPage {
        frame: signed_in.frame(),
        username: &user.username,
        action: CONFIRM,
        next,
        error,
        password: enrolled.is_empty() && user.password_hash.is_some(),
        forms,
    };
    signed_in.render_with(status, &policy, &shown)
}
