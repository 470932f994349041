//! What is remembered of a challenge until the browser answers it: sealed, bound to
//! the browser's cookie and to one purpose, taken once, void after five minutes.
//!
//! Challenges of passkeys are kept by themselves, so that each tab of a browser has its
//! own; the answer names the one it is for.

use chrono::TimeDelta;
use serde::Serialize;
use serde::de::DeserializeOwned;
use store::now;

use crate::crypto::seal::SealError;
use crate::http::{ApiError, ApiResult, PublicCtx};
use crate::identity::browser::Browser;

/// How long an answer may take.
const TTL: TimeDelta = TimeDelta::minutes(5);

/// What the answer to a challenge is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Setting up an authenticator app.
    Totp,
    /// Registering a passkey.
    Passkey,
    /// Signing in with a passkey alone.
    SignIn,
    /// A passkey as a second factor.
    Proof,
}

impl Purpose {
    fn as_str(self) -> &'static str {
        match self {
            Self::Totp => "totp",
            Self::Passkey => "passkey",
            Self::SignIn => "sign-in",
            Self::Proof => "proof",
        }
    }

    /// Under which the state of the challenge `name` is kept.
    fn key(self, name: &str) -> String {
        match name {
            "" => self.as_str().to_owned(),
            name => format!("{} {name}", self.as_str()),
        }
    }

    /// What the state is sealed for: it opens for nothing else and nobody else.
    fn seal(self, browser: &Browser) -> String {
        format!("mfa challenge {} {}", self.as_str(), browser.binding())
    }
}

/// Remembers `state` of the challenge `name`; what was remembered for the same is void.
pub(super) async fn put(
    ctx: &PublicCtx,
    browser: &Browser,
    purpose: Purpose,
    name: &str,
    state: &impl Serialize,
) -> ApiResult<()> {
    let state = serde_json::to_vec(state).map_err(ApiError::internal)?;
    let sealed = ctx
        .app
        .keys
        .sealing
        .seal(&purpose.seal(browser), &state)
        .map_err(ApiError::internal)?;
    let unit = ctx.begin().await?;
    unit.tenant()
        .mfa()
        .put_challenge(&browser.binding(), &purpose.key(name), sealed, now() + TTL)
        .await?;
    Ok(unit.commit().await?)
}

/// What was remembered, left for another try.
pub(super) async fn peek<T: DeserializeOwned>(
    ctx: &PublicCtx,
    browser: &Browser,
    purpose: Purpose,
) -> ApiResult<Option<T>> {
    let sealed = ctx
        .tenant()
        .mfa()
        .challenge(&browser.binding(), purpose.as_str())
        .await?;
    sealed
        .map(|sealed| open(ctx, browser, purpose, &sealed))
        .transpose()
}

/// What was remembered, for this one answer: right or wrong, there is no other.
pub(super) async fn take<T: DeserializeOwned>(
    ctx: &PublicCtx,
    browser: &Browser,
    purpose: Purpose,
    name: &str,
) -> ApiResult<T> {
    let unit = ctx.begin().await?;
    let sealed = unit
        .tenant()
        .mfa()
        .take_challenge(&browser.binding(), &purpose.key(name))
        .await?;
    unit.commit().await?;
    let sealed = sealed.ok_or_else(|| {
        ApiError::new(
            http::StatusCode::GONE,
            "This took too long, or was answered already. Go back, reload the page and try again.",
        )
    })?;
    open(ctx, browser, purpose, &sealed)
}

fn open<T: DeserializeOwned>(
    ctx: &PublicCtx,
    browser: &Browser,
    purpose: Purpose,
    sealed: &[u8],
) -> ApiResult<T> {
    let state: Result<_, SealError> = ctx.app.keys.sealing.open(&purpose.seal(browser), sealed);
    serde_json::from_slice(&state.map_err(ApiError::internal)?).map_err(ApiError::internal)
}
