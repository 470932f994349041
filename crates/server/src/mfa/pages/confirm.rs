//! Proving again who one is, before the account's protection changes.

use askama::Template;
use axum::response::Response;
use http::StatusCode;
use protocol::id::UserId;
use serde::Deserialize;
use store::entity::mfa_factor;

use super::factor_forms::{Answer, FactorForms};
use super::{CONFIRM, Next, fresh, next_path};
use crate::http::{ApiResult, Params};
use crate::identity::check_password;
use crate::identity::guesses::Acquaintance;
use crate::mfa::{policy, proof};
use crate::pages::{Form, Frame, PageResult, Policy, SignedIn, redirect};

/// The first factor that a proof here stands beside.
const FIRST: &str = "session";

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
    let enrolled = enrolled(signed_in).await?;
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
    let usable = policy::usable(&signed_in.workspace.settings, FIRST, &enrolled);
    let presented = answer.presented(signed_in);
    let who = Acquaintance::Known(signed_in.session.login_id().to_string());
    let method = proof::prove(signed_in, user, &usable, presented, who).await?;
    Ok(method.as_str())
}

async fn enrolled(signed_in: &SignedIn) -> ApiResult<Vec<mfa_factor::Model>> {
    let user = UserId(signed_in.user().id);
    Ok(signed_in.tenant().mfa().factors(user).await?)
}

async fn render(
    signed_in: &SignedIn,
    next: &str,
    status: StatusCode,
    error: Option<&str>,
) -> PageResult<Response> {
    let user = signed_in.user();
    let enrolled = enrolled(signed_in).await?;
    let usable = policy::usable(&signed_in.workspace.settings, FIRST, &enrolled);
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
