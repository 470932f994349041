//! Proof that the person is there: the gate's step 8, and changes of settings.
//!
//! A proof belongs to one login: what was proved for one device says nothing of
//! another. Tokens are never asked: nobody is there to answer.

use http::StatusCode;
use protocol::code;
use protocol::id::UserId;
use store::entity::login;
use store::now;

use super::policy;
use crate::http::{ApiError, ApiResult, Ctx};
use crate::identity::Method as Login;
use crate::identity::sign_in::factors_of;
use crate::workspace::Settings;

/// Refuses where the workspace asks for presence before `action` (a member of
/// `mfa_required_actions`) and it was not proved recently.
pub(crate) async fn require(ctx: &Ctx, action: &str, source: &'static str) -> ApiResult<()> {
    let actions = &ctx.workspace.settings.mfa_required_actions;
    if actions.iter().any(|name| name == action) {
        demand(ctx, source).await
    } else {
        Ok(())
    }
}

/// Refuses to change what protects the workspace unless presence was proved recently.
/// Asked of whoever can: where factors are required, and of those who have one.
pub(crate) async fn require_for_settings(ctx: &Ctx, source: &'static str) -> ApiResult<()> {
    let Some(user) = ctx.principal.user_id() else {
        return Ok(());
    };
    if ctx.workspace.settings.mfa_required || has_factor(ctx, user).await? {
        demand(ctx, source).await
    } else {
        Ok(())
    }
}

/// Refuses unless presence was proved recently, of everybody: without a second factor
/// there is no such proof.
pub(crate) async fn require_fresh(ctx: &Ctx, source: &'static str) -> ApiResult<()> {
    demand(ctx, source).await
}

async fn has_factor(ctx: &Ctx, user: UserId) -> ApiResult<bool> {
    Ok(!ctx.tenant().mfa().factors(user).await?.is_empty())
}

async fn demand(ctx: &Ctx, source: &'static str) -> ApiResult<()> {
    if is_present(ctx).await? != Some(false) {
        return Ok(());
    }
    Err(match ctx.principal.method {
        Login::OAuth { home, .. } if home != ctx.workspace_id() => elsewhere(),
        // Its clients can do nothing about it but log in again.
        Login::Password { .. } => ApiError::forbidden(
            "This needs a recent second factor, which this login cannot prove any more; log in \
             again: alpacon login",
        ),
        _ => ApiError::new(
            StatusCode::UNAUTHORIZED,
            "This needs a recent second factor (MFA).",
        )
        .code(code::AUTH_MFA_REQUIRED, source),
    })
}

/// A proof is kept with the login, in the workspace that it was made in.
pub(super) fn elsewhere() -> ApiError {
    ApiError::forbidden(
        "This needs a second factor proved in this workspace; log in to it itself: alpacon login",
    )
}

/// Whether presence was proved recently for the caller's login; none for tokens.
pub(super) async fn is_present(ctx: &Ctx) -> ApiResult<Option<bool>> {
    let Some(login) = ctx.principal.login() else {
        return Ok(None);
    };
    let found = ctx.tenant().identity().login(login).await?;
    Ok(Some(found.is_some_and(|(row, _)| {
        is_proved_for(&ctx.workspace.settings, &row)
    })))
}

/// Whether presence was proved recently for `login`.
pub(crate) fn is_proved_for(settings: &Settings, login: &login::Model) -> bool {
    policy::presence(settings, &factors_of(&login.factors), now()).is_some()
}
