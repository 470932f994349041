//! Ending logins of one's own, here and elsewhere.

use axum::response::Response;
use protocol::id::LoginId;

use super::SECURITY;
use crate::http::Id;
use crate::identity::sessions;
use crate::pages::{Form, Nothing, PageResult, SignedIn, redirect};

/// Ends one login.
pub(super) async fn end(Id(id): Id<LoginId>, form: Form<Nothing>) -> PageResult<Response> {
    let Nothing {} = form.data;
    let signed_in = SignedIn::of(form.page)?;
    sessions::end(&signed_in, signed_in.user(), id).await?;
    redirect(SECURITY)
}

/// Signs out everywhere but here.
pub(super) async fn end_all(form: Form<Nothing>) -> PageResult<Response> {
    let Nothing {} = form.data;
    let signed_in = SignedIn::of(form.page)?;
    let keep = Some(signed_in.session.login_id());
    sessions::end_all(&signed_in, signed_in.user(), keep).await?;
    redirect(SECURITY)
}
