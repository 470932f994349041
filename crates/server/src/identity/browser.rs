//! The browser in front of the pages: a random cookie, and who is signed in with it.
//!
//! The cookie is random from the first visit on and replaced at every step that
//! raises what it stands for, so that nobody can plant one and wait. Only its hash is
//! stored, and only once it stands for something.

use std::fmt;
use std::sync::Arc;

use http::header::{self, HeaderMap};
use protocol::id::{LoginId, UserId};
use store::entity::{login, user};
use store::now;

use crate::crypto::token::{self, RandomError, Token};
use crate::http::{ApiResult, PublicCtx};

/// Stored as the method of its logins.
pub(crate) const BROWSER: &str = "browser";
/// Bytes of a user agent that are kept.
const MAX_USER_AGENT: usize = 200;
/// Characters of a cookie.
const COOKIE_LENGTH: usize = token::BROWSER.len() + token::LENGTH;

/// A browser, signed in or not.
#[derive(Clone)]
pub(crate) struct Browser {
    secret: Arc<str>,
    /// It does not hold the cookie yet.
    pub(crate) is_new: bool,
    pub(crate) session: Option<Arc<Session>>,
    pub(crate) user_agent: String,
}

/// Who is signed in.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) login: login::Model,
    pub(crate) user: user::Model,
}

impl Session {
    pub(crate) fn user_id(&self) -> UserId {
        UserId(self.user.id)
    }

    pub(crate) fn login_id(&self) -> LoginId {
        LoginId(self.login.id)
    }
}

impl Browser {
    /// The browser that sent `headers`.
    pub(crate) async fn of(ctx: &PublicCtx, headers: &HeaderMap) -> ApiResult<Self> {
        let user_agent = user_agent(headers);
        let Some(secret) = cookie(headers, cookie_name(ctx)).filter(|value| is_ours(value)) else {
            return Ok(Self::fresh(user_agent)?);
        };
        let session = session(ctx, secret).await?;
        Ok(Self {
            secret: secret.into(),
            is_new: false,
            session: session.map(Arc::new),
            user_agent,
        })
    }

    /// A browser that was never here.
    fn fresh(user_agent: String) -> Result<Self, RandomError> {
        Ok(Self {
            secret: Token::generate(token::BROWSER)?.reveal().into(),
            is_new: true,
            session: None,
            user_agent,
        })
    }

    /// Identifies the browser in the database: the hash of its cookie, hex. Whatever
    /// is bound to it is void as soon as the cookie is replaced.
    pub(crate) fn binding(&self) -> String {
        token::hash(&self.secret)
    }

    /// The cookie's value.
    pub(crate) fn secret(&self) -> &str {
        &self.secret
    }
}

impl fmt::Debug for Browser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Browser")
            .field("signed_in", &self.session.is_some())
            .finish_non_exhaustive()
    }
}

async fn session(ctx: &PublicCtx, secret: &str) -> ApiResult<Option<Session>> {
    let found = ctx
        .tenant()
        .identity()
        .login_by_hash(BROWSER, &token::hash(secret))
        .await?;
    Ok(found
        .filter(|(login, user)| login.expires_at > now() && user.is_active)
        .filter(|(_, user)| super::admission::require_unlocked(ctx, user).is_ok())
        .map(|(login, user)| Session { login, user }))
}

/// Only a browser that came by TLS may hold the `__Host-` name: no subdomain and no
/// plain connection can set it.
pub(crate) fn cookie_name(ctx: &PublicCtx) -> &'static str {
    if ctx.is_secure() {
        "__Host-alpacon"
    } else {
        "alpacon"
    }
}

/// The value of a cookie of a request.
pub(crate) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value)
}

fn is_ours(value: &str) -> bool {
    value.len() == COOKIE_LENGTH && value.starts_with(token::BROWSER)
}

/// What a caller says it is: printable ASCII, cut.
pub(crate) fn user_agent(headers: &HeaderMap) -> String {
    headers
        .get(header::USER_AGENT)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
        .chars()
        .take(MAX_USER_AGENT)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_are_found_by_their_whole_name() {
        let mut headers = HeaderMap::new();
        headers.append(header::COOKIE, "a=1; alpacon2=x".parse().unwrap());
        headers.append(header::COOKIE, "alpacon=y;b=2=3".parse().unwrap());
        assert_eq!(cookie(&headers, "alpacon"), Some("y"));
        assert_eq!(cookie(&headers, "b"), Some("2=3"));
        assert_eq!(cookie(&headers, "c"), None);
    }

    #[test]
    fn only_cookies_of_our_form_are_looked_up() {
        let ours = Token::generate(token::BROWSER).unwrap();
        assert!(is_ours(ours.reveal()));
        for other in ["", "alpbs-", &"x".repeat(COOKIE_LENGTH)] {
            assert!(!is_ours(other), "{other}");
        }
    }
}
