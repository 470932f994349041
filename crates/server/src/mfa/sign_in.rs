//! What a sign-in needs beside its first factor.

use http::StatusCode;
use protocol::code;
use protocol::id::UserId;
use store::entity::{login, mfa_factor, user};
use store::now;

use super::pages::{ENROL, SECOND_FACTOR};
use super::policy::{self, Missing};
use super::proof::{self, Presented};
use crate::http::{ApiError, ApiResult, PublicCtx};
use crate::identity::acquaintance;
use crate::identity::sign_in::{Factors, factors_of};

/// What is not a passkey is a first factor like this one.
const PASSWORD: &str = "password";

/// The page that asks for what a sign-in in a browser still needs.
pub(crate) async fn missing_factor(
    ctx: &PublicCtx,
    user: &user::Model,
    method: &str,
    factors: &Factors,
) -> ApiResult<Option<&'static str>> {
    let enrolled = ctx.tenant().mfa().factors(UserId(user.id)).await?;
    let settings = &ctx.workspace.settings;
    Ok(
        match policy::missing(settings, method, &enrolled, factors) {
            Missing::Nothing => None,
            Missing::Proof => Some(SECOND_FACTOR),
            Missing::Enrolment => Some(ENROL),
        },
    )
}

/// Whether a login of another workspace proved what this one asks of `user`, its user
/// here.
pub(crate) async fn suffices_here(
    ctx: &PublicCtx,
    user: &user::Model,
    login: &login::Model,
) -> ApiResult<bool> {
    let enrolled = ctx.tenant().mfa().factors(UserId(user.id)).await?;
    let mut proved = factors_of(&login.factors);
    // Whom another workspace believes is no word here.
    proved.remove(policy::FEDERATED);
    let settings = &ctx.workspace.settings;
    Ok(policy::missing(settings, PASSWORD, &enrolled, &proved) == Missing::Nothing)
}

/// What a login by password over the API proves beside it with `otp`; refused where a
/// second factor is needed and not there.
pub(crate) async fn check_login(
    ctx: &PublicCtx,
    user: &user::Model,
    otp: &str,
) -> ApiResult<Factors> {
    let enrolled = ctx.tenant().mfa().factors(UserId(user.id)).await?;
    let settings = &ctx.workspace.settings;
    let factors = prove_code(ctx, user, &enrolled, otp).await?;
    match policy::missing(settings, PASSWORD, &enrolled, &factors) {
        Missing::Nothing => Ok(factors),
        Missing::Proof => Err(lacks_code("login")),
        Missing::Enrolment => Err(ApiError::forbidden(format!(
            "This workspace requires a second factor; sign in with the browser to set one up: \
             {}/login/",
            ctx.base_url
        ))),
    }
}

/// Refuses a change of the password over the API by who has a second factor and does not
/// prove it with `otp`: a password alone must not be enough to keep its owner out.
pub(crate) async fn check_password_change(
    ctx: &PublicCtx,
    user: &user::Model,
    otp: &str,
) -> ApiResult<()> {
    let enrolled = ctx.tenant().mfa().factors(UserId(user.id)).await?;
    let proved = prove_code(ctx, user, &enrolled, otp).await?;
    if proved.is_empty() && !enrolled.is_empty() {
        return Err(lacks_code("password"));
    }
    Ok(())
}

/// What a code proves; nothing where there is none, or no factor to prove.
async fn prove_code(
    ctx: &PublicCtx,
    user: &user::Model,
    enrolled: &[mfa_factor::Model],
    otp: &str,
) -> ApiResult<Factors> {
    if otp.is_empty() || enrolled.is_empty() {
        return Ok(Factors::new());
    }
    let usable = policy::usable(&ctx.workspace.settings, PASSWORD, enrolled);
    let who = acquaintance(ctx, Some(user), None).await?;
    let method = proof::prove(ctx, user, &usable, Presented::Code(otp), who).await?;
    Ok(Factors::from([(method.as_str().to_owned(), now())]))
}

fn lacks_code(source: &'static str) -> ApiError {
    ApiError::new(
        StatusCode::UNAUTHORIZED,
        "This account has a second factor: send the code of the authenticator app, or use the \
         browser.",
    )
    .code(code::AUTH_MFA_REQUIRED, source)
}
