//! Proving a second factor: codes and passkeys.

use chrono::Utc;
use http::StatusCode;
use protocol::id::{FactorId, UserId};
use serde_json::json;
use store::Unit;
use store::entity::{mfa_factor, user};

use super::totp::Seed;
use super::{Method, passkey, policy, record, recovery};
use crate::http::{ApiError, ApiResult, PublicCtx};
use crate::identity::browser::Browser;
use crate::identity::guesses::{Acquaintance, Guesses, Pace};

/// Longest text that is looked at.
const MAX_CODE: usize = 64;
/// Wrong codes in a row before one has to wait, and for how long. Three codes of a
/// million are right at any time: a stranger who knows the password needs years.
const PACE: Pace = Pace::new(10, std::time::Duration::from_secs(180));

/// The buckets of wrong codes: each user has one for places nobody knows and others for
/// those that the user came from before, see [`Guesses`].
pub(crate) struct Codes(Guesses);

impl Codes {
    pub(crate) fn new() -> Self {
        Self(Guesses::new(PACE))
    }

    pub(crate) fn sweep(&self) {
        self.0.sweep();
    }
}

/// What was presented.
pub(super) enum Presented<'a> {
    /// Of an authenticator app, or a recovery code.
    Code(&'a str),
    /// A passkey's answer.
    Passkey(&'a Browser, &'a str),
}

/// Checks a factor of `user` against those they may use. Every time step, recovery code
/// and challenge is taken once.
pub(super) async fn prove(
    ctx: &PublicCtx,
    user: &user::Model,
    usable: &[&mfa_factor::Model],
    presented: Presented<'_>,
    who: Acquaintance,
) -> ApiResult<Method> {
    match presented {
        Presented::Code(code) => prove_code(ctx, user, usable, code, who).await,
        Presented::Passkey(browser, answer) => {
            if passkey::of_here(ctx, usable.iter().copied()).is_empty() {
                return Err(ApiError::conflict("No passkey can be used here."));
            }
            passkey::finish_proof(ctx, browser, user, answer).await?;
            Ok(Method::Webauthn)
        }
    }
}

async fn prove_code(
    ctx: &PublicCtx,
    user: &user::Model,
    usable: &[&mfa_factor::Model],
    typed: &str,
    who: Acquaintance,
) -> ApiResult<Method> {
    let code: String = typed
        .chars()
        .filter(|c| !c.is_whitespace() && *c != '-')
        .take(MAX_CODE)
        .collect();
    if code.is_empty() {
        return Err(ApiError::missing("mfa", "code"));
    }
    let guess = ctx.app.codes.0.take(
        ctx.workspace_id(),
        &user.id.to_string(),
        who,
        "Too many wrong codes for this account; wait, or use a passkey.",
    )?;
    let unit = ctx.begin().await?;
    let Some(method) = take_code(ctx, &unit, user, usable, &code).await? else {
        drop(unit);
        record::failure(ctx, user, None).await;
        return Err(ApiError::new(
            StatusCode::UNAUTHORIZED,
            "The code is not right, or was used already. Wait for the next one and try again.",
        ));
    };
    if method == Method::RecoveryCode {
        let left = unit
            .tenant()
            .mfa()
            .count_recovery_codes(UserId(user.id))
            .await?;
        let description = format!("{} used a recovery code, {left} are left", user.username);
        let data = json!({"method": method.as_str(), "left": left});
        unit.audit(record::change(ctx, user, "use", None, description, data))
            .await?;
    }
    unit.commit().await?;
    ctx.app.codes.0.give_back(&guess);
    Ok(method)
}

async fn take_code(
    ctx: &PublicCtx,
    unit: &Unit,
    user: &user::Model,
    usable: &[&mfa_factor::Model],
    code: &str,
) -> ApiResult<Option<Method>> {
    let apps = usable
        .iter()
        .filter(|row| policy::kind(row) == Method::Totp);
    for row in apps {
        let id = FactorId(row.id);
        let seed = open_seed(ctx, row)?;
        if let Some(step) = seed.step_of(code, Utc::now().timestamp())
            && unit.tenant().mfa().use_step(id, step).await?
        {
            return Ok(Some(Method::Totp));
        }
    }
    let Some(hash) = recovery::hash(code) else {
        return Ok(None);
    };
    let taken = unit
        .tenant()
        .mfa()
        .use_recovery_code(UserId(user.id), &hash)
        .await?;
    Ok(taken.then_some(Method::RecoveryCode))
}

/// What a seed is sealed for: it opens for no other user.
pub(super) fn seed_purpose(user: UserId) -> String {
    format!("totp seed {user}")
}

fn open_seed(ctx: &PublicCtx, row: &mfa_factor::Model) -> ApiResult<Seed> {
    let sealed = row.secret.as_deref().unwrap_or_default();
    let bytes = ctx
        .app
        .keys
        .sealing
        .open(&seed_purpose(UserId(row.user_id)), sealed)
        .map_err(ApiError::internal)?;
    Seed::from_bytes(&bytes).ok_or_else(|| ApiError::internal("a stored seed has another length"))
}
