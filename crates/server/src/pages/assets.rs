//! The files that pages refer to. They are part of the program; their names change
//! with their content, so browsers keep them for good.

use std::sync::LazyLock;

use aws_lc_rs::digest::{SHA256, digest};
use axum::Router;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use http::{HeaderValue, header};

use crate::app::SharedApp;

/// A file that pages refer to.
pub(crate) struct Asset {
    stem: &'static str,
    end: &'static str,
    kind: &'static str,
    content: &'static str,
}

/// The stylesheet.
static STYLE: Asset = Asset {
    stem: "alpacon",
    end: "css",
    kind: "text/css; charset=utf-8",
    content: include_str!("../../templates/alpacon.css"),
};

/// Asks the browser for passkeys.
static SCRIPT: Asset = Asset {
    stem: "passkey",
    end: "js",
    kind: "text/javascript; charset=utf-8",
    content: include_str!("../../templates/passkey.js"),
};

static SCRIPT_PATH: LazyLock<String> = LazyLock::new(|| SCRIPT.path());
static STYLE_PATH: LazyLock<String> = LazyLock::new(|| STYLE.path());

/// Path of the stylesheet, for `layout.html`.
pub(crate) fn style_path() -> &'static str {
    &STYLE_PATH
}

/// Path of the script that asks for passkeys, for pages whose [`super::Policy`] has
/// scripts.
pub(crate) fn script_path() -> &'static str {
    &SCRIPT_PATH
}

impl Asset {
    fn path(&self) -> String {
        let hash = chain::hex_encode(digest(&SHA256, self.content.as_bytes()).as_ref());
        let hash: String = hash.chars().take(16).collect();
        format!("/assets/{}.{hash}.{}", self.stem, self.end)
    }

    fn response(&self) -> Response {
        let mut response = self.content.into_response();
        let headers = response.headers_mut();
        for (name, value) in [
            (header::CONTENT_TYPE, self.kind),
            (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        response
    }
}

pub(super) fn routes() -> Router<SharedApp> {
    Router::new()
        .route(style_path(), get(async || STYLE.response()))
        .route(script_path(), get(async || SCRIPT.response()))
}
