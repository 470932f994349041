//! A sign-in that goes on only with another password.

use protocol::id::UserId;
use store::entity::user;

use super::password;
use crate::crypto;
use crate::http::{ApiError, ApiResult};
use crate::identity::sign_in::{self, Outcome};
use crate::pages::PageCtx;

/// Who is signing in with this browser and must change their password first.
pub(super) async fn user(page: &PageCtx) -> ApiResult<Option<user::Model>> {
    let attempt = sign_in::attempt_lacking_password(page, &page.browser).await?;
    Ok(attempt.map(|attempt| attempt.user))
}

/// Gives them the password they chose, and the sign-in goes on.
pub(super) async fn choose(
    page: &PageCtx,
    user: &user::Model,
    new_password: String,
) -> ApiResult<Outcome> {
    let stored = user.password_hash.clone();
    if crypto::password::verify(new_password.clone(), stored).await {
        return Err(password::weak(
            "The new password is the one there is; choose another one.",
        ));
    }
    password::set(page, user, new_password, "change", async |_| Ok(true)).await?;
    let again = sign_in::attempt(page, &page.browser).await?;
    let attempt = again
        .filter(|attempt| UserId(attempt.user.id) == UserId(user.id))
        .ok_or_else(|| ApiError::unauthenticated("The sign-in took too long; begin again."))?;
    sign_in::go_on(page, &page.browser, attempt).await
}
