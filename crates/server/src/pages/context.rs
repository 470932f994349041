//! What handlers of pages take.

use std::ops::Deref;
use std::sync::Arc;

use askama::Template;
use axum::extract::FromRequestParts;
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use http::header::{self, HeaderValue};
use http::request::Parts;
use store::entity::user;

use super::error::{PageError, PageResult};
use super::policy::Policy;
use super::{Frame, SIGN_IN, csrf, known_browser, local_path, with_next};
use crate::app::SharedApp;
use crate::crypto::token::Token;
use crate::http::{ApiError, PublicCtx};
use crate::identity::browser::{Browser, Session, cookie_name};

/// A request of a browser, whoever is in front of it.
#[derive(Clone)]
pub(crate) struct PageCtx {
    public: PublicCtx,
    pub(crate) browser: Browser,
    /// The request's own path and query.
    path: String,
    /// The user whose mark the browser bears, see [`known_browser`].
    pub(crate) familiar: Option<protocol::id::UserId>,
}

/// Sends the browser to a local path, to be read by GET.
pub(crate) fn redirect(path: &str) -> PageResult<Response> {
    let location = HeaderValue::from_str(local_path(path)).map_err(ApiError::internal)?;
    let mut response = StatusCode::SEE_OTHER.into_response();
    response.headers_mut().insert(header::LOCATION, location);
    Ok(response)
}

impl Deref for PageCtx {
    type Target = PublicCtx;
    fn deref(&self) -> &PublicCtx {
        &self.public
    }
}

impl FromRequestParts<SharedApp> for PageCtx {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, app: &SharedApp) -> PageResult<Self> {
        let public = PublicCtx::from_request_parts(parts, app).await?;
        let browser = Browser::of(&public, &parts.headers).await?;
        let familiar = known_browser::read(&public, &parts.headers);
        let path = parts
            .uri
            .path_and_query()
            .map_or_else(|| "/".to_owned(), |path| path.as_str().to_owned());
        Ok(Self {
            public,
            browser,
            path,
            familiar,
        })
    }
}

impl PageCtx {
    /// What every page shows around its own content.
    pub(crate) fn frame(&self) -> Frame {
        Frame {
            workspace: self.workspace.name.clone(),
            user: self
                .browser
                .session
                .as_ref()
                .map(|session| session.user.username.clone()),
            csrf: self.csrf(),
        }
    }

    /// The request's own path and query.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// The token that forms of this browser must send.
    pub(crate) fn csrf(&self) -> String {
        csrf::token(self.browser.secret(), "")
    }

    /// A token that only this browser's form for `purpose` sends, for what must not be
    /// confirmed by a form that was made for something else.
    pub(crate) fn csrf_for(&self, purpose: &str) -> String {
        csrf::token(self.browser.secret(), purpose)
    }

    /// Whether `token` is the one of [`Self::csrf_for`].
    pub(crate) fn is_csrf_for(&self, purpose: &str, token: &str) -> bool {
        csrf::matches(self.browser.secret(), purpose, token)
    }

    /// A page.
    pub(crate) fn render(&self, template: &impl Template) -> PageResult<Response> {
        self.render_with(StatusCode::OK, &Policy::default(), template)
    }

    /// A page with another status, or with more than pages may do usually.
    pub(crate) fn render_with(
        &self,
        status: StatusCode,
        policy: &Policy,
        template: &impl Template,
    ) -> PageResult<Response> {
        let html = template.render().map_err(ApiError::internal)?;
        let mut response = (status, html).into_response();
        policy.apply(response.headers_mut(), self.hsts());
        if self.browser.is_new {
            self.set_cookie(&mut response, self.browser.secret())?;
        }
        Ok(response)
    }

    /// Gives the browser another cookie.
    pub(crate) fn replace_cookie(&self, response: &mut Response, cookie: &Token) -> PageResult<()> {
        self.set_cookie(response, cookie.reveal())
    }

    /// Takes the browser's cookie away.
    pub(crate) fn drop_cookie(&self, response: &mut Response) -> PageResult<()> {
        self.append_cookie(response, &format!("{}=; Max-Age=0", cookie_name(self)))
    }

    fn set_cookie(&self, response: &mut Response, value: &str) -> PageResult<()> {
        self.append_cookie(response, &format!("{}={value}", cookie_name(self)))
    }

    /// Adds the attributes that all our cookies have.
    pub(super) fn append_cookie(&self, response: &mut Response, cookie: &str) -> PageResult<()> {
        let secure = if self.is_secure() { "; Secure" } else { "" };
        let value = format!("{cookie}; Path=/; HttpOnly; SameSite=Lax{secure}");
        let value = HeaderValue::from_str(&value).map_err(ApiError::internal)?;
        response.headers_mut().append(header::SET_COOKIE, value);
        Ok(())
    }

    /// Only where the operator named the public address: nobody else's port on
    /// `localhost` should be told to use TLS.
    fn hsts(&self) -> bool {
        self.is_secure() && self.app.config.server.public_url.is_some()
    }
}

/// A request of a browser that somebody is signed in with. Others are sent to the
/// sign-in page and come back here.
#[derive(Clone)]
pub(crate) struct SignedIn {
    pub(crate) page: PageCtx,
    pub(crate) session: Arc<Session>,
}

impl SignedIn {
    /// Who is signed in with `page`, or where to go instead.
    pub(crate) fn of(page: PageCtx) -> PageResult<Self> {
        match page.browser.session.clone() {
            Some(session) => Ok(Self { page, session }),
            None => Err(PageError::elsewhere(redirect(&with_next(
                SIGN_IN, &page.path,
            ))?)),
        }
    }

    pub(crate) fn user(&self) -> &user::Model {
        &self.session.user
    }
}

impl Deref for SignedIn {
    type Target = PageCtx;
    fn deref(&self) -> &PageCtx {
        &self.page
    }
}

impl FromRequestParts<SharedApp> for SignedIn {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, app: &SharedApp) -> PageResult<Self> {
        Self::of(PageCtx::from_request_parts(parts, app).await?)
    }
}
