//! The address at which a person proves presence for a login without a browser of its
//! own (`rest-identity.md` §13.7).
//!
//! The token in it is no credential: the page works only for its user, signed in, and
//! only with a factor proved after it was made. It is taken once and lasts three
//! minutes.

use chrono::TimeDelta;
use protocol::id::{LoginId, ServerId};
use serde_json::json;
use store::entity::{login, mfa_link, server, user};
use store::{Viewer, now};

use super::{Method, pages, policy, presence, record};
use crate::crypto::token::{self, Token};
use crate::http::{ApiError, ApiResult, Ctx, PublicCtx};
use crate::identity::Method as Login;
use crate::identity::sign_in::factors_of;

const TTL: TimeDelta = TimeDelta::minutes(3);

/// A new address for the caller's login; the one before it is void.
pub(super) async fn create(ctx: &Ctx, server: Option<ServerId>) -> ApiResult<String> {
    let login = ctx.principal.login().ok_or_else(|| {
        ApiError::forbidden("A token cannot prove presence; log in first: alpacon login")
    })?;
    if let Login::OAuth { home, .. } = ctx.principal.method
        && home != ctx.workspace_id()
    {
        return Err(presence::elsewhere());
    }
    if let Some(id) = server {
        find_server(ctx, ctx.principal.viewer(), id)
            .await?
            .ok_or_else(ApiError::not_found)?;
    }
    let token = Token::generate("")?;
    let unit = ctx.begin().await?;
    unit.tenant()
        .mfa()
        .create_link(
            login,
            token.hash(),
            server,
            &ctx.ip.to_string(),
            now() + TTL,
        )
        .await?;
    unit.commit().await?;
    Ok(format!(
        "{}{}",
        ctx.base_url,
        pages::step_up_path(token.reveal())
    ))
}

async fn find_server(
    ctx: &PublicCtx,
    viewer: Viewer,
    id: ServerId,
) -> ApiResult<Option<server::Model>> {
    Ok(ctx.tenant().fleet().find(viewer, id).await?)
}

/// Whether presence was proved recently for the caller's login.
pub(super) async fn is_completed(ctx: &Ctx) -> ApiResult<bool> {
    Ok(presence::is_present(ctx).await? == Some(true))
}

/// A link as its page shows it.
pub(super) struct Link {
    row: mfa_link::Model,
    /// The login that asks.
    pub(super) login: login::Model,
    /// Name of the server it wants to work on.
    pub(super) server: Option<String>,
}

impl Link {
    /// Where the login asked from.
    pub(super) fn remote_ip(&self) -> &str {
        &self.row.remote_ip
    }

    /// The factor that `browser`, a login of the same user, proved since the link was
    /// made, if it suffices.
    pub(super) fn proof_of(&self, ctx: &PublicCtx, browser: &login::Model) -> Option<Method> {
        let settings = &ctx.workspace.settings;
        factors_of(&browser.factors)
            .into_iter()
            .filter(|(_, time)| *time >= self.row.added_at && *time <= now())
            .filter_map(|(name, _)| Method::parse(&name))
            .find(|method| policy::allows(settings, *method))
    }
}

/// The link behind `token`, if it is of `user`. What is gone and what is somebody
/// else's read the same.
pub(super) async fn find(ctx: &PublicCtx, user: &user::Model, token: &str) -> ApiResult<Link> {
    let gone = || {
        ApiError::new(
            http::StatusCode::GONE,
            "This link is not valid any more, or belongs to another account. Run the command \
             again to get a new one, and sign in as the user who runs it.",
        )
    };
    let row = ctx
        .tenant()
        .mfa()
        .link(&token::hash(token))
        .await?
        .ok_or_else(gone)?;
    let (login, owner) = ctx
        .tenant()
        .identity()
        .login(LoginId(row.login_id))
        .await?
        .ok_or_else(gone)?;
    if owner.id != user.id || login.expires_at <= now() {
        return Err(gone());
    }
    let server = match row.server_id {
        Some(id) => find_server(ctx, Viewer::Everything, ServerId(id)).await?,
        None => None,
    };
    Ok(Link {
        row,
        login,
        server: server.map(|server| server.name),
    })
}

/// Takes the link: presence counts for its login from now on, and nothing else does.
pub(super) async fn complete(
    ctx: &PublicCtx,
    user: &user::Model,
    link: &Link,
    method: Method,
) -> ApiResult<()> {
    if !policy::allows(&ctx.workspace.settings, method) {
        return Err(ApiError::forbidden(
            "This workspace does not take this kind of second factor for operations.",
        ));
    }
    let unit = ctx.begin().await?;
    if !unit.tenant().mfa().use_link(&link.row).await? {
        return Err(ApiError::conflict("This link was used already."));
    }
    let login = LoginId(link.login.id);
    unit.tenant()
        .mfa()
        .prove(login, method.as_str(), now())
        .await?;
    let mut record = record::change(
        ctx,
        user,
        "prove",
        Some(login.0),
        format!("{} proved presence: {}", user.username, method.label()),
        json!({
            "method": method.as_str(),
            "server": link.row.server_id,
            "asked_from": link.row.remote_ip,
            "device": link.login.device,
        }),
    );
    record.model = "login";
    unit.audit(record).await?;
    Ok(unit.commit().await?)
}
