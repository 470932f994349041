//! Changing one's password.

use askama::Template;
use axum::response::Response;
use http::StatusCode;
use protocol::id::UserId;
use serde::Deserialize;
use serde_json::json;

use super::{PASSWORD, SECURITY, fresh, sessions};
use crate::crypto::password;
use crate::http::{ApiError, ApiResult};
use crate::iam;
use crate::identity::check_password;
use crate::mfa::record;
use crate::pages::{Form, Frame, PageResult, Policy, SignedIn, redirect};

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
        Ok(()) => redirect(SECURITY),
        Err(error) if error.status.is_client_error() => {
            render(&signed_in, error.status, Some(&error.detail))
        }
        Err(error) => Err(error.into()),
    }
}

/// Stores the new password and ends every other login: whoever knew the old one is out.
async fn change(signed_in: &SignedIn, data: Change) -> ApiResult<()> {
    let user = signed_in.user();
    let id = UserId(user.id);
    if data.new != data.again {
        return Err(ApiError::field(
            "user",
            "again",
            "The new passwords differ.",
        ));
    }
    iam::password::check(&data.new, &[&user.username, &user.email])
        .map_err(|weak| ApiError::field("user", "new", weak.to_string()))?;
    check_password(signed_in, &user.username, &data.current, Some(id))
        .await
        .map_err(|error| match error.status {
            StatusCode::UNAUTHORIZED => {
                ApiError::field("user", "current", "The current password is wrong.")
            }
            _ => error,
        })?;
    let hash = password::hash(data.new).await.map_err(ApiError::internal)?;
    let unit = signed_in.begin().await?;
    let old = user.password_hash.as_deref().unwrap_or_default();
    unit.tenant()
        .identity()
        .replace_password(id, old, &hash)
        .await?;
    let ended = sessions::delete_others(&unit, signed_in).await?;
    let description = format!("{} changed their password", user.username);
    let data = json!({"logins_ended": ended.len()});
    let mut record = record::change(signed_in, user, "update", Some(user.id), description, data);
    record.app = "iam";
    record.model = "user";
    unit.audit(record).await?;
    unit.commit().await?;
    sessions::cut_off(signed_in, &ended);
    Ok(())
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
