//! What a form sends, after checking that it was one of ours.

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts as _, Request};
use http::{HeaderMap, StatusCode, header};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::PageCtx;
use super::csrf;
use super::error::{PageError, PageResult};
use crate::app::SharedApp;
use crate::http::PublicCtx;

/// Bytes of a form.
const LIMIT: usize = 16 * 1024;
/// Name of the field of `csrf.html`.
const TOKEN: &str = "csrf";

/// A form that this browser got from us, and what is in it.
pub(crate) struct Form<T> {
    pub(crate) page: PageCtx,
    pub(crate) data: T,
}

/// What a form without fields of its own sends.
#[derive(Deserialize)]
pub(crate) struct Nothing {}

impl<T: DeserializeOwned> FromRequest<SharedApp> for Form<T> {
    type Rejection = PageError;

    async fn from_request(request: Request, app: &SharedApp) -> PageResult<Self> {
        let (mut parts, body) = request.into_parts();
        let page = PageCtx::from_request_parts(&mut parts, app).await?;
        check_origin(&page, &parts.headers)?;
        let is_form = parts
            .headers
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.split(';').next())
            .is_some_and(|kind| {
                kind.trim()
                    .eq_ignore_ascii_case("application/x-www-form-urlencoded")
            });
        if !is_form {
            return Err(PageError::refused(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "This address takes forms only.",
            ));
        }
        let bytes = read(Request::from_parts(parts, body), app).await?;
        let presented = form_urlencoded::parse(&bytes)
            .find(|(name, _)| name == TOKEN)
            .map(|(_, value)| value.into_owned());
        let is_ours =
            presented.is_some_and(|presented| csrf::matches(page.browser.secret(), "", &presented));
        if page.browser.is_new || !is_ours {
            return Err(PageError::refused(
                StatusCode::FORBIDDEN,
                "This form is no longer valid. Go back, reload the page and try again; \
                 the browser must accept cookies of this site.",
            ));
        }
        let data = decode(&bytes)?;
        Ok(Self { page, data })
    }
}

async fn read(request: Request, app: &SharedApp) -> PageResult<Bytes> {
    let bytes = Bytes::from_request(request, app)
        .await
        .map_err(|_| PageError::refused(StatusCode::BAD_REQUEST, "The form could not be read."))?;
    if bytes.len() > LIMIT {
        return Err(PageError::refused(
            StatusCode::PAYLOAD_TOO_LARGE,
            "The form is too large.",
        ));
    }
    Ok(bytes)
}

fn decode<T: DeserializeOwned>(bytes: &[u8]) -> PageResult<T> {
    let holds_nul = form_urlencoded::parse(bytes)
        .any(|(name, value)| name.contains('\0') || value.contains('\0'));
    if holds_nul {
        return Err(PageError::refused(
            StatusCode::BAD_REQUEST,
            "The form holds a NUL character.",
        ));
    }
    serde_urlencoded::from_bytes(bytes).map_err(|_| {
        PageError::refused(
            StatusCode::BAD_REQUEST,
            "The form is not complete. Go back, reload the page and try again.",
        )
    })
}

/// Browsers say where a form comes from. Ours must be the page of this very server.
pub(crate) fn check_origin(ctx: &PublicCtx, headers: &HeaderMap) -> PageResult<()> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let site = text("sec-fetch-site");
    let origin = text("origin");
    let is_own_site = site.is_none_or(|site| site == "same-origin" || site == "none");
    let is_own_origin = origin.is_some_and(|origin| origin == ctx.base_url);
    if is_own_site && is_own_origin {
        return Ok(());
    }
    Err(PageError::refused(
        StatusCode::FORBIDDEN,
        "This form came from another site and was not accepted.",
    ))
}
