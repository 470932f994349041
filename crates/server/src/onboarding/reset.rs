//! Forgotten passwords. Asking gives away nothing: the answer is the same, and comes
//! before anything is looked up.

use std::sync::Arc;

use chrono::TimeDelta;
use http::StatusCode;
use protocol::id::{PasswordResetId, UserId};
use protocol::onboarding::CompletePasswordReset;
use serde_json::json;
use store::audit::{Actor, AuditRecord};
use store::entity::{password_reset, user};
use store::locks::LockKind;
use store::now;
use tokio::sync::Semaphore;

use super::{SOURCE, invitation, mails, password};
use crate::crypto::token::{self, Token};
use crate::http::{ApiError, ApiResult, PublicCtx};

/// How long a leave is good, minutes.
const TTL_MINUTES: i64 = 30;
/// Leaves of one user that are good at a time: who asks more often gets no more mails.
const MAX_OPEN: u64 = 3;
/// Requests looked into at a time; more than that are dropped.
const MAX_PENDING: usize = 64;
/// Longest name or address that is looked up.
const MAX_LOGIN: usize = 254;
/// Longest token that is looked at.
const MAX_TOKEN: usize = 128;
/// Where one asks.
pub(crate) const ASK_PATH: &str = "/password/forgotten/";
/// Where the link in the mail leads.
pub(super) const PATH: &str = "/password/new/";

static PENDING: std::sync::LazyLock<Arc<Semaphore>> =
    std::sync::LazyLock::new(|| Arc::new(Semaphore::new(MAX_PENDING)));

/// Sends a mail with leave to choose another password to whoever `login` names, if there
/// is such a user. Returns at once.
pub(super) fn ask(ctx: &PublicCtx, login: &str) -> ApiResult<()> {
    ctx.app.login_limiter.check(ctx.ip)?;
    ctx.app.mailer.require()?;
    let login = login.trim().to_owned();
    if login.is_empty() {
        return Err(ApiError::missing(SOURCE, "login"));
    }
    if login.len() > MAX_LOGIN {
        return Err(ApiError::field(
            SOURCE,
            "login",
            "The name or address is too long.",
        ));
    }
    let Ok(slot) = PENDING.clone().try_acquire_owned() else {
        tracing::warn!("too many requests for new passwords; one is dropped");
        return Ok(());
    };
    let background = ctx.clone();
    ctx.app.spawn(async move {
        if let Err(error) = send(&background, &login).await {
            tracing::warn!(detail = error.detail, "no mail about a forgotten password");
        }
        drop(slot);
    });
    Ok(())
}

async fn send(ctx: &PublicCtx, login: &str) -> ApiResult<()> {
    let Some(user) = find_user(ctx, login).await? else {
        return Ok(());
    };
    let id = UserId(user.id);
    let time = now();
    let base = invitation::public_url(ctx)?;
    let key = Token::generate(token::PASSWORD_RESET)?;
    let expires_at = time + TimeDelta::minutes(TTL_MINUTES);
    let unit = ctx.begin().await?;
    let identity = unit.tenant().identity();
    // One request of a user at a time, so that many at once do not all find room.
    let active = identity
        .lock_user(id)
        .await?
        .is_some_and(|now| now.is_active);
    if !active || identity.count_password_resets(id, time).await? >= MAX_OPEN {
        return Ok(());
    }
    let ip = ctx.ip.to_string();
    let row = identity
        .create_password_reset(id, key.hash(), &ip, expires_at)
        .await?;
    let link = format!("{base}{PATH}?token={}", key.reveal());
    let message = mails::reset(&ctx.workspace, &user.username, link, TTL_MINUTES);
    ctx.app
        .mailer
        .queue(
            ctx,
            &unit,
            "password_reset",
            &user.email,
            &message,
            expires_at,
        )
        .await?;
    unit.audit(AuditRecord {
        actor: Actor {
            kind: "anonymous",
            id: None,
            name: login.to_owned(),
        },
        ip,
        app: "auth",
        model: "password",
        object_id: Some(user.id),
        action: "forgotten",
        status_code: StatusCode::ACCEPTED.as_u16(),
        description: format!(
            "mail with leave to choose a new password to {}",
            user.username
        ),
        data: json!({"leave": row.id}),
    })
    .await?;
    unit.commit().await?;
    ctx.app.mailer.wake();
    Ok(())
}

/// The one active user with a password of ours that a name or an address names.
async fn find_user(ctx: &PublicCtx, login: &str) -> ApiResult<Option<user::Model>> {
    let identity = ctx.tenant().identity();
    let found = if login.contains('@') {
        let mut users = identity.users_by_email(login).await?;
        // An address of two users tells neither from the other.
        if users.len() == 1 { users.pop() } else { None }
    } else {
        identity.user_by_name(login).await?
    };
    Ok(found.filter(|user| {
        user.is_active
            && user.password_hash.is_some()
            && !user.email.is_empty()
            && ctx.app.locks.find(LockKind::User, user.id).is_none()
    }))
}

/// The leave behind a token and its user, if it can be used now.
pub(super) async fn find(
    ctx: &PublicCtx,
    key: &str,
) -> ApiResult<(password_reset::Model, user::Model)> {
    let void = || ApiError::invalid(SOURCE, "This link is used or expired; ask for a new one.");
    if key.len() > MAX_TOKEN {
        return Err(void());
    }
    let hash = token::hash(key);
    let identity = ctx.tenant().identity();
    let row = identity
        .password_reset_by_hash(&hash)
        .await?
        .filter(|row| row.expires_at > now())
        .ok_or_else(void)?;
    let user = identity.user(UserId(row.user_id)).await?;
    let user = user.filter(|user| user.is_active).ok_or_else(void)?;
    Ok((row, user))
}

/// Uses a leave. All logins of the user end, and their mail address is proven.
pub(super) async fn complete(ctx: &PublicCtx, request: CompletePasswordReset) -> ApiResult<()> {
    ctx.app.login_limiter.check(ctx.ip)?;
    let (row, user) = find(ctx, &request.token).await?;
    if let Some(held) = ctx.app.locks.find(LockKind::User, user.id) {
        return Err(held.refusal());
    }
    let id = UserId(user.id);
    let email = user.email.clone();
    password::set(ctx, &user, request.new_password, "reset", async |unit| {
        let identity = unit.tenant().identity();
        // Of two at once the second finds nothing left to take.
        let taken = identity
            .take_password_reset(PasswordResetId(row.id))
            .await?;
        if taken {
            identity.prove_email(id, &email).await?;
        }
        Ok(taken)
    })
    .await
}
