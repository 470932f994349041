//! What a sign-in needs beside its first factor. The one place that decides it.

use store::entity::user;

use super::Factors;
use crate::http::{ApiResult, PublicCtx};

/// The path of the page that asks for what is missing; none when nothing is.
/// `method` is the first factor, `factors` what was proved beside it.
///
/// Second factors are not part of this version, so nothing is.
pub(super) async fn missing_factor(
    _ctx: &PublicCtx,
    _user: &user::Model,
    _method: &str,
    _factors: &Factors,
) -> ApiResult<Option<&'static str>> {
    std::future::ready(Ok(None)).await
}
