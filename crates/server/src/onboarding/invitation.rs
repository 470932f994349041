//! Inviting people, and taking an invitation.

use chrono::{DateTime, TimeDelta, Utc};
use http::StatusCode;
use protocol::code;
use protocol::id::{InvitationId, UserId};
use protocol::onboarding::AcceptInvitation;
use serde_json::json;
use store::audit::{Actor, AuditRecord};
use store::entity::{invitation, user};
use store::identity::NewUser;
use store::now;

use super::{SOURCE, mails, password};
use crate::crypto::token::{self, Token};
use crate::http::{ApiError, ApiResult, Ctx, PublicCtx};
use crate::iam;

/// Invitations of one workspace that may be open.
const MAX_OPEN: u64 = 1000;
/// Longest token that is looked at.
const MAX_TOKEN: usize = 128;
/// Where the link in the mail leads.
pub(super) const PATH: &str = "/join/";

/// Invites an address; an earlier invitation of it is void. The mail goes out after.
pub(super) async fn create(ctx: &Ctx, email: &str) -> ApiResult<invitation::Model> {
    ctx.principal.require_scope("user", "create")?;
    ctx.principal.require_staff()?;
    ctx.app.mailer.require()?;
    let email = email.trim().to_lowercase();
    if email.is_empty() {
        return Err(ApiError::missing(SOURCE, "email"));
    }
    iam::check_email(&email)?;
    check_domain(&email, &ctx.workspace.settings.allowed_domains)?;
    let base = public_url(ctx)?;
    let key = Token::generate(token::INVITATION)?;
    let ttl = ctx.workspace.settings.invite_ttl;
    let expires_at = now() + TimeDelta::seconds(ttl);
    let unit = ctx.begin().await?;
    let identity = unit.tenant().identity();
    if !identity.users_by_email(&email).await?.is_empty() {
        return Err(ApiError::invalid(
            SOURCE,
            "Somebody with this mail address is in the workspace already.",
        ));
    }
    if identity.count_invitations().await? >= MAX_OPEN {
        return Err(ApiError::new(
            StatusCode::TOO_MANY_REQUESTS,
            format!("At most {MAX_OPEN} invitations can be open; revoke some or wait."),
        )
        .retry_after(3600));
    }
    let by = ctx.principal.user_id();
    let row = identity.invite(&email, key.hash(), by, expires_at).await?;
    let link = format!("{base}{PATH}?token={}", key.reveal());
    let inviter = ctx.principal.actor().name;
    let hours = (ttl / 3600).max(1);
    let message = mails::invitation(&ctx.workspace, &inviter, link, hours);
    ctx.app
        .mailer
        .queue(ctx, &unit, "invitation", &email, &message, expires_at)
        .await?;
    unit.audit(record(
        ctx,
        ctx.principal.actor(),
        &row,
        "create",
        StatusCode::OK,
    ))
    .await?;
    unit.commit().await?;
    ctx.app.mailer.wake();
    Ok(row)
}

/// Takes an invitation back.
pub(super) async fn revoke(ctx: &Ctx, id: InvitationId) -> ApiResult<()> {
    ctx.principal.require_scope("user", "create")?;
    ctx.principal.require_staff()?;
    let unit = ctx.begin().await?;
    let identity = unit.tenant().identity();
    let row = identity
        .invitation(id)
        .await?
        .ok_or_else(ApiError::not_found)?;
    identity.take_invitation(id).await?;
    let actor = ctx.principal.actor();
    unit.audit(record(ctx, actor, &row, "delete", StatusCode::NO_CONTENT))
        .await?;
    Ok(unit.commit().await?)
}

/// The invitation behind a token, if it can be taken now.
pub(super) async fn find(ctx: &PublicCtx, key: &str) -> ApiResult<invitation::Model> {
    let void = || {
        ApiError::invalid(
            SOURCE,
            "This invitation is used, revoked or expired; ask for a new one.",
        )
    };
    if key.len() > MAX_TOKEN {
        return Err(void());
    }
    let hash = token::hash(key);
    let found = ctx.tenant().identity().invitation_by_hash(&hash).await?;
    found.filter(|row| row.expires_at > now()).ok_or_else(void)
}

/// Takes an invitation: its reader becomes a user, whose mail address is proven.
pub(super) async fn accept(ctx: &PublicCtx, request: AcceptInvitation) -> ApiResult<user::Model> {
    ctx.app.login_limiter.check(ctx.ip)?;
    let row = find(ctx, &request.token).await?;
    let mailbox = row.email.split('@').next().unwrap_or_default();
    password::check(&request.password, &[&request.username, mailbox])?;
    let hash = password::hash(request.password).await?;
    let unit = ctx.begin().await?;
    let identity = unit.tenant().identity();
    // Taken first: of two at once the second finds nothing left to take.
    if !identity.take_invitation(InvitationId(row.id)).await? {
        return Err(ApiError::conflict("This invitation was used just now."));
    }
    if !identity.users_by_email(&row.email).await?.is_empty() {
        return Err(ApiError::conflict(
            "Somebody with this mail address is in the workspace already.",
        ));
    }
    iam::check_username(&unit, &request.username).await?;
    let user = identity
        .create_user(NewUser {
            home_directory: format!("/home/{}", request.username),
            username: request.username,
            email: row.email.clone(),
            password_hash: Some(hash),
            shell: iam::DEFAULT_SHELL.to_owned(),
            ..NewUser::default()
        })
        .await
        .map_err(iam::username_in_use)?;
    identity.prove_email(UserId(user.id), &row.email).await?;
    let actor = Actor::user(&user);
    unit.audit(record(ctx, actor, &row, "accept", StatusCode::CREATED))
        .await?;
    unit.commit().await?;
    Ok(user)
}

/// Refuses an address outside the domains that may be invited.
fn check_domain(email: &str, allowed: &[String]) -> ApiResult<()> {
    let domain = email.rsplit('@').next().unwrap_or_default();
    if allowed.is_empty() || allowed.iter().any(|known| known == domain) {
        return Ok(());
    }
    Err(ApiError::field(
        SOURCE,
        "email",
        format!(
            "Only addresses of these domains may be invited: {}.",
            allowed.join(", ")
        ),
    ))
}

/// Where links in mails lead: never where a request says.
pub(super) fn public_url(ctx: &PublicCtx) -> ApiResult<String> {
    ctx.workspace.public_url(&ctx.app.config).ok_or_else(|| {
        ApiError::conflict("This server does not know its own address; set server.public_url.")
            .code(code::MAIL_NOT_CONFIGURED, "mail")
    })
}

fn record(
    ctx: &PublicCtx,
    actor: Actor,
    row: &invitation::Model,
    action: &'static str,
    status: StatusCode,
) -> AuditRecord {
    let expires_at: DateTime<Utc> = row.expires_at;
    AuditRecord {
        actor,
        ip: ctx.ip.to_string(),
        app: "iam",
        model: "invitation",
        object_id: Some(row.id),
        action,
        status_code: status.as_u16(),
        description: format!("{action} invitation of {}", row.email),
        data: json!({"email": row.email, "invited_by": row.invited_by, "expires_at": expires_at}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_domains_are_allowed() {
        let allowed = ["example.com".to_owned()];
        assert!(check_domain("a@example.com", &allowed).is_ok());
        assert!(check_domain("a@anything.test", &[]).is_ok());
        for email in [
            "a@evil-example.com",
            "a@example.com.evil.test",
            "a@sub.example.com",
            "example.com",
            "a@",
        ] {
            assert!(check_domain(email, &allowed).is_err() || email == "example.com");
        }
    }
}
