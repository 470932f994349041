//! The first page: who is signed in, and the way out.

use askama::Template;
use axum::response::Response;

use super::error::PageResult;
use super::{Frame, SignedIn};

#[derive(Template)]
#[template(path = "home.html")]
struct HomePage<'a> {
    frame: Frame,
    username: &'a str,
    email: &'a str,
}

pub(super) async fn show(signed_in: SignedIn) -> PageResult<Response> {
    let user = signed_in.user();
    signed_in.render(&HomePage {
        frame: signed_in.frame(),
        username: &user.username,
        email: &user.email,
    })
}
