//! What a sign-in needs beside its first factor. The one place that decides it.

use store::entity::user;

use super::Factors;
use crate::http::{ApiResult, PublicCtx};
use crate::mfa;

/// The path of the page that asks for what is missing; none when nothing is.
/// `method` is the first factor, `factors` what was proved beside it.
pub(super) async fn missing_factor(
    ctx: &PublicCtx,
    user: &user::Model,
    method: &str,
    factors: &Factors,
) -> ApiResult<Option<&'static str>> {
    mfa::missing_factor(ctx, user, method, factors).await
}
