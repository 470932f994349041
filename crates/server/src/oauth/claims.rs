//! What tokens say (RFC 9068; `rest-identity.md` §10), and reading them back.

use chrono::TimeDelta;
use jsonwebtoken::{Algorithm, Header, Validation, decode, decode_header, encode};
use protocol::id::{LoginId, UserId, WorkspaceId};
use serde::{Deserialize, Serialize};
use store::entity::{login, user};
use store::now;
use url::Url;
use uuid::Uuid;

use super::AUDIENCE;
use crate::app::SharedApp;
use crate::http::{ApiError, ApiResult, PublicCtx};
use crate::identity::sign_in::{Factors, factors_of};
use crate::mfa;
use crate::workspace::reach::{self, Reached};

/// How long an access token holds.
pub(super) const TTL: TimeDelta = TimeDelta::hours(1);
/// `typ` of access tokens: an id token is none.
const ACCESS_TYPE: &str = "at+jwt";

/// The claims of an access token.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct AccessClaims {
    iss: String,
    pub(crate) sub: UserId,
    aud: String,
    pub(crate) exp: i64,
    iat: i64,
    pub(crate) jti: Uuid,
    /// The grant.
    pub(crate) sid: LoginId,
    pub(crate) client_id: String,
    pub(crate) scope: String,
    /// Name of the workspace that it was issued for.
    pub(crate) org: String,
    /// The workspace in which the login was made: where `sid` and `sub` are.
    pub(crate) home: WorkspaceId,
    #[serde(rename = "https://alpacon.io/workspaces", skip_deserializing)]
    workspaces: Vec<Reached>,
    #[serde(rename = "https://alpacon.io/completed_mfa_methods")]
    pub(crate) completed_mfa_methods: Factors,
}

/// The claims of an id token (OpenID Connect Core §2).
#[derive(Debug, Serialize)]
struct IdClaims<'a> {
    iss: &'a str,
    sub: UserId,
    aud: &'a str,
    exp: i64,
    iat: i64,
    auth_time: i64,
    #[serde(skip_serializing_if = "str::is_empty")]
    nonce: &'a str,
    preferred_username: &'a str,
    email: &'a str,
}

/// A new access token of a grant, for the workspace of `ctx`. `login` and `user` are
/// those of the workspace in which the login was made.
pub(super) async fn access_token(
    ctx: &PublicCtx,
    login: &login::Model,
    user: &user::Model,
) -> ApiResult<String> {
    let issued = now();
    let claims = AccessClaims {
        iss: ctx.base_url.clone(),
        sub: UserId(user.id),
        aud: AUDIENCE.to_owned(),
        exp: (issued + TTL).timestamp(),
        iat: issued.timestamp(),
        jti: Uuid::now_v7(),
        sid: LoginId(login.id),
        client_id: login.client.clone(),
        scope: login.scope.clone(),
        org: ctx.workspace.name.clone(),
        home: WorkspaceId(login.workspace_id),
        workspaces: reach::reached_by(&ctx.app, WorkspaceId(login.workspace_id), UserId(user.id))
            .await?,
        completed_mfa_methods: completed_mfa_methods(login),
    };
    sign(ctx, ACCESS_TYPE, &claims)
}

/// A new id token for `client`.
pub(super) fn id_token(
    ctx: &PublicCtx,
    login: &login::Model,
    user: &user::Model,
    nonce: &str,
) -> ApiResult<String> {
    let issued = now();
    sign(
        ctx,
        "JWT",
        &IdClaims {
            iss: &ctx.base_url,
            sub: UserId(user.id),
            aud: &login.client,
            exp: (issued + TTL).timestamp(),
            iat: issued.timestamp(),
            auth_time: login.added_at.timestamp(),
            nonce,
            preferred_username: &user.username,
            email: &user.email,
        },
    )
}

fn sign(ctx: &PublicCtx, kind: &str, claims: &impl Serialize) -> ApiResult<String> {
    let signed = ctx.app.signing_keys.sign(|id, key| {
        let mut header = Header::new(Algorithm::ES256);
        header.typ = Some(kind.to_owned());
        header.kid = Some(id.to_owned());
        encode(&header, claims, key).ok()
    });
    signed.ok_or_else(|| ApiError::internal("an access token could not be signed"))
}

/// Which second factors were proved for this grant, and when: read anew for every token.
fn completed_mfa_methods(login: &login::Model) -> Factors {
    let mut factors = factors_of(&login.factors);
    factors.retain(|name, _| mfa::Method::parse(name).is_some());
    factors
}

/// The claims of an access token that we signed and that has not ended.
pub(super) async fn verify(app: &SharedApp, token: &str) -> Option<AccessClaims> {
    let header = decode_header(token).ok()?;
    let is_ours = header.alg == Algorithm::ES256
        && header.typ.as_deref() == Some(ACCESS_TYPE)
        && header.crit.is_none();
    let id = header.kid.filter(|_| is_ours)?;
    let key = app.signing_keys.verifier(app, &id).await?;
    let mut validation = Validation::new(Algorithm::ES256);
    validation.leeway = 0;
    validation.validate_nbf = true;
    validation.set_audience(&[AUDIENCE]);
    validation.set_required_spec_claims(&["exp", "aud", "iss", "sub"]);
    let claims = decode::<AccessClaims>(token, &key, &validation)
        .ok()?
        .claims;
    is_issuer(app, &claims).then_some(claims)
}

/// The issuer is the address of the workspace that the token names.
fn is_issuer(app: &SharedApp, claims: &AccessClaims) -> bool {
    let host = Url::parse(&claims.iss)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https"))
        .and_then(|url| url.host_str().map(str::to_owned));
    let workspace = host.and_then(|host| app.workspaces.by_host(&host));
    let by_url = app.config.server.public_url.as_deref() == Some(claims.iss.as_str());
    by_url || workspace.is_some_and(|workspace| workspace.name == claims.org)
}
