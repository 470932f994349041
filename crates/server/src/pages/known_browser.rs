//! The mark of a browser that somebody signed in with before.
//!
//! It only chooses the bucket that wrong passwords are counted in (see
//! `identity::guesses`): whoever guesses from elsewhere cannot lock this browser out.
//! It is sealed with the server's key, names the user and stays after signing out.

use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use http::HeaderMap;
use protocol::id::UserId;
use store::now;

use super::PageCtx;
use super::error::PageResult;
use crate::http::{ApiError, PublicCtx};
use crate::identity::browser::cookie;

const PURPOSE: &str = "known browser";
const LIFETIME: TimeDelta = TimeDelta::days(180);

fn name(ctx: &PublicCtx) -> &'static str {
    if ctx.is_secure() {
        "__Host-alpacon-known"
    } else {
        "alpacon-known"
    }
}

/// The user whose mark the browser bears.
pub(super) fn read(ctx: &PublicCtx, headers: &HeaderMap) -> Option<UserId> {
    let sealed = URL_SAFE_NO_PAD.decode(cookie(headers, name(ctx))?).ok()?;
    let opened = ctx.app.keys.sealing.open(PURPOSE, &sealed).ok()?;
    let text = String::from_utf8(opened).ok()?;
    let (user, ends) = text.split_once(' ')?;
    (ends.parse::<i64>().ok()? > now().timestamp()).then_some(user.parse().ok()?)
}

/// Marks the browser as one of `user`.
pub(super) fn mark(page: &PageCtx, response: &mut Response, user: UserId) -> PageResult<()> {
    let ends = (now() + LIFETIME).timestamp();
    let sealed = page
        .app
        .keys
        .sealing
        .seal(PURPOSE, format!("{user} {ends}").as_bytes())
        .map_err(ApiError::internal)?;
    let value = URL_SAFE_NO_PAD.encode(sealed);
    let age = LIFETIME.num_seconds();
    page.append_cookie(response, &format!("{}={value}; Max-Age={age}", name(page)))
}
