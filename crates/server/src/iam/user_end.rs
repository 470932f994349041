//! Ending whatever acts for a user who is deactivated or deleted.

use protocol::id::UserId;
use store::Unit;

use crate::http::{ApiResult, Ctx};
use crate::identity::sessions;
use crate::{commands, rendezvous, work_sessions};

/// Ends a user's logins and tokens for good, those that register servers too: a user who
/// is activated again logs in anew and makes new tokens.
pub(super) async fn credentials(unit: &Unit, user: UserId) -> ApiResult<()> {
    let identity = unit.tenant().identity();
    identity.delete_logins_of(user).await?;
    identity.disable_tokens_of(user).await?;
    identity.delete_password_resets_of(user).await?;
    identity.delete_invitations_of(user).await?;
    unit.tenant()
        .fleet()
        .disable_registration_tokens_of(user)
        .await?;
    Ok(())
}

/// Cuts off what listens for the user, and stops their sessions and commands. It is
/// durable already that they may do nothing more, so what fails here is only logged;
/// the clock of the commands finds what is left within a second.
pub(super) async fn work(ctx: &Ctx, user: UserId) {
    sessions::forget_all(ctx, user);
    rendezvous::end_of_user(&ctx.app, user);
    let actor = ctx.principal.actor();
    if let Err(error) = work_sessions::end_of_user(ctx, user, &actor).await {
        tracing::error!(%user, detail = error.detail, "work sessions could not be ended");
    }
    let reason = "The user's account was locked.";
    if let Err(error) = commands::cancel_of_user(ctx, user, reason).await {
        tracing::error!(%user, detail = error.detail, "commands could not be stopped");
    }
}
