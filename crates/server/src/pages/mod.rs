//! Pages for people: HTML made by the server, forms that work without scripts.
//!
//! See `docs/pages.md` for how to add one. Everything a page needs comes with
//! [`PageCtx`]; who must be signed in takes [`SignedIn`]; what a form sends arrives in
//! [`Form`], which has checked where it came from.

mod assets;
mod context;
mod csrf;
mod error;
mod form;
mod frame;
mod home;
mod known_browser;
mod next;
mod policy;
mod sign_in;

pub(crate) use assets::{script_path, style_path};
pub(crate) use context::{PageCtx, SignedIn, redirect};
pub(crate) use error::{PageError, PageResult};
pub(crate) use form::{Form, Nothing};
pub(crate) use frame::Frame;
pub(crate) use next::{local_path, with_next};
pub(crate) use policy::Policy;
pub(crate) use sign_in::{SIGN_IN, respond};

use axum::Router;
use axum::routing::{get, post};

use crate::app::SharedApp;

pub(crate) fn routes() -> Router<SharedApp> {
    Router::new()
        .route("/", get(home::show))
        .route(SIGN_IN, get(sign_in::show).post(sign_in::submit))
        .route("/logout/", post(sign_in::sign_out))
        .merge(assets::routes())
}
