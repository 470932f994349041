//! Changing one's password.

use askama::Template;
use axum::response::Response;
use http::StatusCode;
use protocol::onboarding::ChangePassword;
use serde::Deserialize;

use super::{PASSWORD, fresh};
use crate::http::{ApiError, ApiResult};
use crate::onboarding;
use crate::pages::{Form, Frame, PageResult, Policy, SIGN_IN, SignedIn, redirect};

#[derive(Template)]
#[template(path = "change_password.html")]
struct ChangePasswordPage<'a> {
    frame: Frame,
    username: &'a str,
    error: Option<&'a str>,
}

#[derive(Deserialize)]
pub(super) struct Change {
    current: String,
    new: String,
    again: String,
}

pub(super) async fn show(signed_in: SignedIn) -> PageResult<Response> {
    require_password(&signed_in)?;
    fresh::require(&signed_in, PASSWORD).await?;
    render(&signed_in, StatusCode::OK, None)
}

pub(super) async fn submit(form: Form<Change>) -> PageResult<Response> {
    let signed_in = SignedIn::of(form.page)?;
    require_password(&signed_in)?;
    fresh::require(&signed_in, PASSWORD).await?;
    match change(&signed_in, form.data).await {
        Ok(()) => redirect(SIGN_IN),
        Err(error) if error.status.is_client_error() => {
            render(&signed_in, error.status, Some(&error.detail))
        }
        Err(error) => Err(error.into()),
    }
}

/// Stores the new password; every login ends, this one too.
async fn change(signed_in: &SignedIn, data: Change) -> ApiResult<()> {
    if data.new != data.again {
        return Err(ApiError::field(
            "user",
            "again",
            "The new passwords differ.",
        ));
    }
    let request = ChangePassword {
        username: signed_in.user().username.clone(),
        password: data.current,
        new_password: data.new,
        otp: String::new(),
    };
    onboarding::change_password(signed_in, request)
        .await
        .map_err(|error| match error.status {
            StatusCode::UNAUTHORIZED => {
                ApiError::field("user", "current", "The current password is wrong.")
            }
            _ => error,
        })
}

/// Who signs in elsewhere has no password here to change.
fn require_password(signed_in: &SignedIn) -> ApiResult<()> {
    if signed_in.user().password_hash.is_some() {
        return Ok(());
    }
    Err(ApiError::conflict(
        "This account has no password here: you sign in through another provider.",
    ))
}

fn render(signed_in: &SignedIn, status: StatusCode, error: Option<&str>) -> PageResult<Response> {
    let shown = ChangePasswordPage {
        frame: signed_in.frame(),
        username: &signed_in.user().username,
        error,
    };
    signed_in.render_with(status, &Policy::default(), &shown)
}
