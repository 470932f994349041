//! A sign-in that goes on only with another password.

use protocol::id::UserId;

use super::password;
use crate::crypto;
use crate::http::{ApiError, ApiResult};
use crate::identity::sign_in::{self, Attempt, Outcome};
use crate::pages::PageCtx;

/// The sign-in of this browser whose user must change their password first.
pub(super) async fn attempt(page: &PageCtx) -> ApiResult<Option<Attempt>> {
    sign_in::attempt_lacking_password(page, &page.browser).await
}

/// Gives the user the password they chose, and the sign-in goes on.
pub(super) async fn choose(
    page: &PageCtx,
    mut attempt: Attempt,
    new_password: String,
) -> ApiResult<Outcome> {
    let stored = attempt.user.password_hash.clone();
    if crypto::password::verify(new_password.clone(), stored).await {
        return Err(password::weak(
            "The new password is the one there is; choose another one.",
        ));
    }
    // Ends all logins of the user, and other sign-ins that are under way.
    password::set(page, &attempt.user, new_password, "change", async |_| {
        Ok(true)
    })
    .await?;
    let id = UserId(attempt.user.id);
    attempt.user = page
        .tenant()
        .identity()
        .user(id)
        .await?
        .ok_or_else(|| ApiError::unauthenticated("The account is gone."))?;
    sign_in::go_on(page, &page.browser, attempt).await
}
