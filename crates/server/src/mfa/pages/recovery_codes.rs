//! Recovery codes: how many are left, and new ones.

use askama::Template;
use axum::response::Response;
use protocol::id::UserId;

use super::{Next, RECOVERY_CODES, fresh};
use crate::http::Params;
use crate::mfa::enrolment;
use crate::pages::{Form, Frame, PageResult, SignedIn, with_next};

#[derive(Template)]
#[template(path = "recovery_codes.html")]
struct RecoveryCodesPage<'a> {
    frame: Frame,
    left: u64,
    next: &'a str,
    /// New ones: shown this once.
    codes: Vec<String>,
}

pub(super) async fn show(signed_in: SignedIn, Params(query): Params<Next>) -> PageResult<Response> {
    fresh::require(&signed_in, &with_next(RECOVERY_CODES, query.path())).await?;
    let user = UserId(signed_in.user().id);
    signed_in.render(&RecoveryCodesPage {
        frame: signed_in.frame(),
        left: signed_in.tenant().mfa().count_recovery_codes(user).await?,
        next: query.path(),
        codes: Vec::new(),
    })
}

pub(super) async fn submit(form: Form<Next>) -> PageResult<Response> {
    let signed_in = SignedIn::of(form.page)?;
    fresh::require(&signed_in, &with_next(RECOVERY_CODES, form.data.path())).await?;
    let codes = enrolment::new_recovery_codes(&signed_in, signed_in.user()).await?;
    signed_in.render(&RecoveryCodesPage {
        frame: signed_in.frame(),
        left: 0,
        next: form.data.path(),
        codes,
    })
}
