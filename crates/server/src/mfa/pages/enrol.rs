//! A sign-in that has to set up a second factor first.

use askama::Template;
use axum::response::Response;

use super::fresh::Enrolling;
use super::{AUTHENTICATOR, ENROL, PASSKEYS};
use crate::mfa::{Method, enrolment};
use crate::pages::{Frame, PageCtx, PageResult};

#[derive(Template)]
#[template(path = "enrol.html")]
struct EnrolPage<'a> {
    frame: Frame,
    username: &'a str,
    authenticator: Option<&'static str>,
    passkeys: Option<&'static str>,
}

pub(super) async fn show(page: PageCtx) -> PageResult<Response> {
    let enrolling = Enrolling::of(page, ENROL).await?;
    let page = enrolling.page();
    page.render(&EnrolPage {
        frame: page.frame(),
        username: &enrolling.user().username,
        authenticator: enrolment::is_offered(page, Method::Totp).then_some(AUTHENTICATOR),
        passkeys: enrolment::is_offered(page, Method::Webauthn).then_some(PASSKEYS),
    })
}
