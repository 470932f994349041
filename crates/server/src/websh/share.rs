//! Letting others in: share links, watching, and agents that come back.

use std::sync::Arc;

use http::StatusCode;
use protocol::id::{ServerId, WebshChannelId, WebshSessionId};
use protocol::websh::{PtyChannel, WebshChannel, WebshShare};
use serde_json::json;
use store::audit::AuditRecord;
use store::entity::{websh_session, websh_share};
use store::now;
use store::websh::NewShare;

use super::channel::{agent_path, client_url};
use super::hub::{Live, Role};
use super::open::SOURCE;
use super::view;
use crate::crypto::token::{self, Token, random_text};
use crate::http::{AgentCtx, ApiError, ApiResult, Ctx};
use crate::iam::check_email;
use crate::locks::Footing;
use crate::mail::Message;

/// Characters of a share's password: about 95 bits.
const PASSWORD_LENGTH: usize = 16;
/// Wrong passwords that a share bears.
const ATTEMPTS: i64 = 5;
/// Addresses of one invitation.
const MAX_INVITED: usize = 20;

fn is_over() -> ApiError {
    ApiError::conflict("The session is over.")
}

/// The terminal of a session that is open here.
pub(super) fn live(ctx: &Ctx, id: WebshSessionId) -> ApiResult<Arc<Live>> {
    ctx.app.websh.find(id).ok_or_else(is_over)
}

/// A record about a session.
pub(super) fn record(
    ctx: &Ctx,
    row: &websh_session::Model,
    action: &'static str,
    description: String,
    data: serde_json::Value,
) -> AuditRecord {
    AuditRecord {
        actor: ctx.principal.actor(),
        ip: ctx.ip.to_string(),
        app: SOURCE,
        model: "websh_session",
        object_id: Some(row.id),
        action,
        status_code: StatusCode::OK.as_u16(),
        description,
        data,
    }
}

/// Makes a share link. Only who opened the session does that.
pub(super) async fn share(
    ctx: &Ctx,
    row: &websh_session::Model,
    read_only: bool,
) -> ApiResult<WebshShare> {
    live(ctx, WebshSessionId(row.id))?;
    let password = random_text(PASSWORD_LENGTH)?;
    let expires_at = now() + ctx.app.config.websh.share_life();
    let id = WebshChannelId::new();
    let unit = ctx.begin().await?;
    unit.tenant()
        .websh()
        .share(NewShare {
            id,
            session: WebshSessionId(row.id),
            created_by: ctx.principal.user_id(),
            read_only,
            password_hash: token::hash(&password),
            attempts: ATTEMPTS,
            expires_at,
        })
        .await?;
    let data = json!({"channel": id, "read_only": read_only, "expires_at": expires_at});
    let description = "terminal shared".to_owned();
    unit.audit(record(ctx, row, "share", description, data))
        .await?;
    unit.commit().await?;
    Ok(WebshShare {
        shared_url: format!("{}/websh/join/?channel={id}", ctx.base_url),
        password,
        read_only,
        expiration: Some(expires_at),
    })
}

/// Sends a share link with its password to people by mail.
pub(super) async fn invite(
    ctx: &Ctx,
    row: &websh_session::Model,
    emails: &[String],
    read_only: bool,
) -> ApiResult<()> {
    if emails.is_empty() || emails.len() > MAX_INVITED {
        let detail = format!("emails must name 1 to {MAX_INVITED} addresses.");
        return Err(ApiError::field(SOURCE, "emails", detail));
    }
    for email in emails {
        if email.is_empty() {
            return Err(ApiError::field(SOURCE, "emails", "An address is empty."));
        }
        check_email(email)?;
    }
    ctx.app.mailer.require()?;
    let share = share(ctx, row, read_only).await?;
    let message = invitation(ctx, &share);
    let deadline = share.expiration.unwrap_or_else(now);
    let unit = ctx.begin().await?;
    for email in emails {
        ctx.app
            .mailer
            .queue(ctx, &unit, "websh_invitation", email, &message, deadline)
            .await?;
    }
    let data = json!({"emails": emails, "read_only": read_only});
    let description = "people invited to a terminal".to_owned();
    unit.audit(record(ctx, row, "invite", description, data))
        .await?;
    unit.commit().await?;
    ctx.app.mailer.wake();
    Ok(())
}

fn invitation(ctx: &Ctx, share: &WebshShare) -> Message {
    let name = &ctx.workspace.name;
    let inviter = ctx.principal.actor().name;
    Message {
        subject: format!("Join a terminal in the workspace {name} on Alpacon"),
        before: vec![
            format!("{inviter} has invited you to a terminal in the workspace {name}."),
            format!(
                "Log in with the CLI, then join with: alpacon websh join --url='{}' --password='{}'",
                share.shared_url, share.password
            ),
        ],
        action: "The address of the terminal".to_owned(),
        link: share.shared_url.clone(),
        after: vec!["If you do not expect this, ignore it.".to_owned()],
    }
}

/// Joins by a share's password. The server must be visible to who joins: a password
/// shows nobody a server that is not theirs to see.
pub(super) async fn join(
    ctx: &Ctx,
    channel: WebshChannelId,
    password: &str,
) -> ApiResult<WebshChannel> {
    let user = ctx.principal.require_user()?.id;
    let share = ctx.tenant().websh().find_share(channel).await?;
    let share = share.ok_or_else(ApiError::not_found)?;
    let row = ctx
        .tenant()
        .websh()
        .find(WebshSessionId(share.session_id))
        .await?;
    let row = row.ok_or_else(ApiError::not_found)?;
    let server = ServerId(row.server_id);
    let seen = ctx
        .tenant()
        .fleet()
        .find(ctx.principal.viewer(), server)
        .await?;
    seen.ok_or_else(ApiError::not_found)?;
    check_password(ctx, &row, &share, password).await?;
    let live = live(ctx, WebshSessionId(row.id))?;
    admit(ctx, &row, &live, Role::Joined, share.read_only, user).await
}

/// An attempt is used up before the password is looked at, so that guessing in parallel
/// brings nothing.
async fn check_password(
    ctx: &Ctx,
    row: &websh_session::Model,
    share: &websh_share::Model,
    password: &str,
) -> ApiResult<()> {
    let id = WebshChannelId(share.id);
    if share.expires_at <= now() {
        return Err(ApiError::forbidden("The share link has expired."));
    }
    let unit = ctx.begin().await?;
    let websh = unit.tenant().websh();
    if !websh.use_attempt(id).await? {
        return Err(ApiError::forbidden(
            "Too many wrong passwords: this share link is dead. Ask for a new one.",
        ));
    }
    let is_right = token::same_hash(&share.password_hash, &token::hash(password));
    if is_right {
        websh.give_attempt_back(id).await?;
    } else {
        let description = "wrong password for a shared terminal".to_owned();
        let mut denied = record(ctx, row, "deny", description, json!({"channel": id}));
        denied.status_code = StatusCode::FORBIDDEN.as_u16();
        unit.audit(denied).await?;
    }
    unit.commit().await?;
    match is_right {
        true => Ok(()),
        false => Err(ApiError::forbidden("The password is wrong.")),
    }
}

/// Watches a session: staff and superusers, without a word to the terminal.
pub(super) async fn watch(ctx: &Ctx, row: &websh_session::Model) -> ApiResult<WebshChannel> {
    let user = ctx.principal.require_user()?.id;
    let live = live(ctx, WebshSessionId(row.id))?;
    admit(ctx, row, &live, Role::Watcher, true, user).await
}

/// Recorded before anybody may connect.
async fn admit(
    ctx: &Ctx,
    row: &websh_session::Model,
    live: &Live,
    role: Role,
    read_only: bool,
    user: uuid::Uuid,
) -> ApiResult<WebshChannel> {
    let (channel, token) = (WebshChannelId::new(), Token::generate(token::CHANNEL)?);
    let footing = Footing {
        user: Some(user.into()),
        token: ctx.principal.token(),
        work_session: None,
        server: Some(live.bond.server),
    };
    let (action, word) = match role {
        Role::Watcher => ("watch", "watched"),
        _ => ("join", "joined"),
    };
    let unit = ctx.begin().await?;
    let data = json!({"channel": channel, "read_only": read_only});
    unit.audit(record(ctx, row, action, format!("terminal {word}"), data))
        .await?;
    unit.commit().await?;
    if !live.expect(channel, role, footing, read_only, token.hash()) {
        return Err(ApiError::new(
            StatusCode::TOO_MANY_REQUESTS,
            "Too many users are at this terminal; try again later.",
        )
        .retry_after(5));
    }
    let session = WebshSessionId(row.id);
    Ok(WebshChannel {
        id: channel,
        session,
        read_only,
        websocket_url: client_url(&ctx.websocket_base(), session, channel, token.reveal()),
        extensions: Vec::new(),
    })
}

/// A new way in for an agent that has lost its own (`agent-channels.md` §2.6).
pub(super) fn recover(ctx: &AgentCtx, session: &str) -> ApiResult<PtyChannel> {
    let live = session
        .parse::<WebshSessionId>()
        .ok()
        .and_then(|id| ctx.app.websh.find(id))
        .filter(|live| live.bond.server == ctx.server_id())
        .ok_or_else(ApiError::not_found)?;
    let (channel, token) = (WebshChannelId::new(), Token::generate(token::CHANNEL)?);
    if !live.expect(channel, Role::Agent, live.bond.footing, false, token.hash()) {
        return Err(ApiError::unavailable("Too many connections are awaited."));
    }
    Ok(PtyChannel {
        id: channel,
        session: live.bond.id,
        websocket_url: agent_path(live.bond.id, channel, token.reveal()),
    })
}

/// A session that the caller may look at: one's own; for staff and superusers, any on a
/// server they see.
pub(super) async fn watchable(ctx: &Ctx, id: WebshSessionId) -> ApiResult<websh_session::Model> {
    ctx.principal.require_staff()?;
    let row = view::find(ctx, id).await?;
    let server = ServerId(row.server_id);
    let seen = ctx
        .tenant()
        .fleet()
        .find(ctx.principal.viewer(), server)
        .await?;
    seen.ok_or_else(ApiError::not_found)?;
    Ok(row)
}
