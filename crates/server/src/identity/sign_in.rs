//! Signing in with a browser, as a state machine.
//!
//! ```text
//!            first factor             nothing is missing
//! anonymous ──────────────▶ proceed ──────────────────────▶ signed in
//!                             │ ▲
//!        something is missing │ │ a page adds it: go_on, add_factor
//!                             ▼ │
//!                           attempt (10 minutes, bound to the browser)
//! ```
//!
//! A page proves a first factor and calls [`proceed`], which alone says what else is
//! missing: a second factor, a password of one's own. An attempt is not a
//! session: nothing but the page of what is missing reads it, a new first factor
//! replaces it whole, and the cookie changes at every step.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use protocol::id::{LoginId, UserId};
use serde_json::json;
use store::Unit;
use store::audit::{Actor, AuditRecord};
use store::entity::{sign_in_attempt, user};
use store::identity::{NewLogin, NewSignInAttempt};
use store::now;

use super::admission::admit_login;
use super::browser::{BROWSER, Browser};
use crate::crypto::token::{self, Token};
use crate::http::{ApiError, ApiResult, PublicCtx};
use crate::mfa;

/// How long the missing factor may take.
const ATTEMPT_TTL: TimeDelta = TimeDelta::minutes(10);

/// Path of the page where a password is changed before the sign-in goes on.
pub(crate) const NEW_PASSWORD: &str = "/login/new-password/";

/// Name of each factor that was proved, and when.
pub(crate) type Factors = BTreeMap<String, DateTime<Utc>>;

/// A first factor that was proved.
#[derive(Debug)]
pub(crate) struct Proof {
    pub(crate) user: user::Model,
    /// `password`, `passkey`, `oidc:<provider>`.
    pub(crate) method: String,
    /// What of it counts as multi-factor evidence; a password does not.
    pub(crate) factors: Factors,
    /// Local path to go to when done.
    pub(crate) next: String,
}

/// A sign-in that lacks a factor.
#[derive(Debug)]
pub(crate) struct Attempt {
    pub(crate) user: user::Model,
    row: sign_in_attempt::Model,
}

impl Attempt {
    /// The first factor.
    pub(crate) fn method(&self) -> &str {
        &self.row.method
    }

    /// What was proved beside it.
    pub(crate) fn factors(&self) -> Factors {
        factors_of(&self.row.factors)
    }

    /// What was proved so far.
    fn into_proof(self) -> Proof {
        Proof {
            factors: self.factors(),
            user: self.user,
            method: self.row.method,
            next: self.row.next,
        }
    }
}

/// Where a sign-in stands. The browser gets `cookie` with either.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// The page at this path asks for what is missing.
    Needs { path: &'static str, cookie: Token },
    /// Done; `next` is a local path.
    Done {
        user: UserId,
        next: String,
        cookie: Token,
    },
}

/// Goes on from a first factor.
pub(crate) async fn proceed(
    ctx: &PublicCtx,
    browser: &Browser,
    proof: Proof,
) -> ApiResult<Outcome> {
    if !proof.user.is_active {
        return Err(ApiError::unauthenticated("The account is not active."));
    }
    let missing = missing(ctx, &proof.user, &proof.method, &proof.factors).await?;
    let unit = ctx.begin().await?;
    // Whatever the browser stood for ends here: no mixture of two people.
    forget(&unit, browser).await?;
    let outcome = match missing {
        Some(path) => start_attempt(&unit, proof, path).await?,
        None => complete(ctx, &unit, browser, proof).await?,
    };
    unit.commit().await?;
    Ok(outcome)
}

/// The sign-in of this browser that lacks a factor.
pub(crate) async fn attempt(ctx: &PublicCtx, browser: &Browser) -> ApiResult<Option<Attempt>> {
    let found = ctx
        .tenant()
        .identity()
        .sign_in_attempt(&browser.binding())
        .await?;
    Ok(found
        .filter(|(_, user)| user.is_active)
        .map(|(row, user)| Attempt { user, row }))
}

/// The page of what a sign-in by `method` lacks first.
async fn missing(
    ctx: &PublicCtx,
    user: &user::Model,
    method: &str,
    factors: &Factors,
) -> ApiResult<Option<&'static str>> {
    let factor = mfa::missing_factor(ctx, user, method, factors).await?;
    // Last: whoever chooses a password here has proved everything else.
    Ok(factor.or_else(|| lacks_password(user, method)))
}

/// The page of who must change their password; the others have no password to change.
fn lacks_password(user: &user::Model, method: &str) -> Option<&'static str> {
    (user.must_change_password && method == "password").then_some(NEW_PASSWORD)
}

/// The sign-in of this browser that lacks nothing but another password.
pub(crate) async fn attempt_lacking_password(
    ctx: &PublicCtx,
    browser: &Browser,
) -> ApiResult<Option<Attempt>> {
    let Some(attempt) = attempt(ctx, browser).await? else {
        return Ok(None);
    };
    let missing = missing(ctx, &attempt.user, attempt.method(), &attempt.factors()).await?;
    Ok((missing == Some(NEW_PASSWORD)).then_some(attempt))
}

/// Goes on after the password was changed, with the attempt as it was.
pub(crate) async fn go_on(
    ctx: &PublicCtx,
    browser: &Browser,
    attempt: Attempt,
) -> ApiResult<Outcome> {
    proceed(ctx, browser, attempt.into_proof()).await
}

/// Goes on after a page proved `factor` for the attempt.
pub(crate) async fn add_factor(
    ctx: &PublicCtx,
    browser: &Browser,
    attempt: Attempt,
    factor: &str,
) -> ApiResult<Outcome> {
    let mut proof = attempt.into_proof();
    proof.factors.insert(factor.to_owned(), now());
    proceed(ctx, browser, proof).await
}

/// Ends the browser's session, whatever it stood for.
pub(crate) async fn sign_out(ctx: &PublicCtx, browser: &Browser) -> ApiResult<()> {
    let unit = ctx.begin().await?;
    forget(&unit, browser).await?;
    if let Some(session) = &browser.session {
        let description = format!("{} signed out of a browser", session.user.username);
        let mut record = record(ctx, &session.user, "delete", session.login.id, description);
        record.status_code = 204;
        unit.audit(record).await?;
    }
    unit.commit().await?;
    if let Some(session) = &browser.session {
        ctx.app.events.close_of(session.login.id);
    }
    Ok(())
}

/// The factors of a stored login or attempt.
pub(crate) fn factors_of(stored: &serde_json::Value) -> Factors {
    // What is not readable proves nothing.
    serde_json::from_value(stored.clone()).unwrap_or_default()
}

/// How factors are stored.
pub(crate) fn factors_json(factors: &Factors) -> serde_json::Value {
    factors
        .iter()
        .map(|(name, time)| (name.clone(), json!(time)))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

async fn forget(unit: &Unit, browser: &Browser) -> ApiResult<()> {
    let identity = unit.tenant().identity();
    identity.delete_sign_in_attempt(&browser.binding()).await?;
    if let Some(session) = &browser.session {
        identity.delete_login(LoginId(session.login.id)).await?;
    }
    Ok(())
}

async fn start_attempt(unit: &Unit, proof: Proof, path: &'static str) -> ApiResult<Outcome> {
    let cookie = Token::generate(token::BROWSER)?;
    unit.tenant()
        .identity()
        .create_sign_in_attempt(NewSignInAttempt {
            user: UserId(proof.user.id),
            token_hash: cookie.hash(),
            method: proof.method,
            factors: factors_json(&proof.factors),
            next: proof.next,
            expires_at: now() + ATTEMPT_TTL,
        })
        .await?;
    Ok(Outcome::Needs { path, cookie })
}

async fn complete(
    ctx: &PublicCtx,
    unit: &Unit,
    browser: &Browser,
    proof: Proof,
) -> ApiResult<Outcome> {
    let user = UserId(proof.user.id);
    // Asked inside the transaction: the account may have been locked meanwhile.
    admit_login(ctx, unit, &proof.user).await?;
    let cookie = Token::generate(token::BROWSER)?;
    let ttl = TimeDelta::seconds(ctx.workspace.settings.password_session_ttl);
    let login = unit
        .tenant()
        .identity()
        .create_login(NewLogin {
            remote_ip: ctx.ip.to_string(),
            user_agent: browser.user_agent.clone(),
            factors: factors_json(&proof.factors),
            ..NewLogin::new(user, BROWSER, cookie.hash(), now() + ttl)
        })
        .await?;
    let name = &proof.user.username;
    let description = format!("{name} signed in with a browser ({})", proof.method);
    let mut record = record(ctx, &proof.user, "create", login.id, description);
    record.data = json!({
        "method": proof.method,
        "factors": proof.factors.keys().collect::<Vec<_>>(),
    });
    unit.audit(record).await?;
    Ok(Outcome::Done {
        user,
        next: proof.next,
        cookie,
    })
}

fn record(
    ctx: &PublicCtx,
    user: &user::Model,
    action: &'static str,
    login: uuid::Uuid,
    description: String,
) -> AuditRecord {
    AuditRecord {
        actor: Actor::user(user),
        ip: ctx.ip.to_string(),
        app: "auth",
        model: "login",
        object_id: Some(login),
        action,
        status_code: 200,
        description,
        data: json!({}),
    }
}
