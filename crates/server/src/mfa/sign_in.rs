//! What a sign-in needs beside its first factor.

use http::StatusCode;
use protocol::code;
use protocol::id::UserId;
use store::entity::{login, user};
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
    let mut factors = Factors::new();
    if !otp.is_empty() && !enrolled.is_empty() {
        let usable = policy::usable(settings, PASSWORD, &enrolled);
        let who = acquaintance(ctx, Some(user), None).await?;
        let method = proof::prove(ctx, user, &usable, Presented::Code(otp), who).await?;
        factors.insert(method.as_str().to_owned(), now());
    }
    match policy::missing(settings, PASSWORD, &enrolled, &factors) {
        Missing::Nothing => Ok(factors),
        Missing::Proof => Err(ApiError::new(
            StatusCode::UNAUTHORIZED,
            "This account has a second factor: send the code of the authenticator app, or log \
             in with the browser.",
        )
        .code(code::AUTH_MFA_REQUIRED, "login")),
        Missing::Enrolment => Err(ApiError::forbidden(format!(
            "This workspace requires a second factor; sign in with the browser to set one up: \
             {}/login/",
            ctx.base_url
        ))),
    }
}
