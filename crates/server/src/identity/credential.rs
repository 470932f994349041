//! The `Authorization` header (`rest-identity.md` §3).

use std::fmt;

use http::header::{AUTHORIZATION, HeaderMap};

use crate::http::{ApiError, ApiResult};

/// Longest header that is looked at.
const MAX_LENGTH: usize = 8192;

/// A credential as presented, unverified.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Credential {
    /// `Bearer <access token>`.
    Bearer(String),
    /// `token="<key>"`: session, API, service and registration tokens.
    Token(String),
    /// `id="<server>", key="<key>"`: a registered agent.
    Agent { id: String, key: String },
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bearer(_) => "Bearer(…)",
            Self::Token(_) => "Token(…)",
            Self::Agent { .. } => "Agent(…)",
        })
    }
}

impl Credential {
    /// For metrics.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Bearer(_) => "bearer",
            Self::Token(_) => "token",
            Self::Agent { .. } => "agent",
        }
    }

    /// The credential of a request.
    pub(crate) fn of(headers: &HeaderMap) -> ApiResult<Self> {
        let missing = || {
            ApiError::unauthenticated("Authentication credentials were not provided. Log in first.")
        };
        let value = headers.get(AUTHORIZATION).ok_or_else(missing)?;
        value
            .to_str()
            .ok()
            .filter(|text| text.len() <= MAX_LENGTH)
            .and_then(Self::parse)
            .ok_or_else(|| ApiError::unauthenticated("The Authorization header is not readable."))
    }

    fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Some((scheme, token)) = text.split_once(' ')
            && scheme.eq_ignore_ascii_case("bearer")
        {
            return Some(Self::Bearer(token.trim().to_owned()))
                .filter(|_| !token.trim().is_empty());
        }
        let (mut token, mut id, mut key) = (None, None, None);
        for pair in text.split(',') {
            let (name, value) = pair.split_once('=')?;
            let value = value.trim();
            let value = value
                .strip_prefix('"')
                .and_then(|value| value.strip_suffix('"'))
                .unwrap_or(value)
                .to_owned();
            let slot = match name.trim() {
                "token" => &mut token,
                "id" => &mut id,
                "key" => &mut key,
                _ => return None,
            };
            if value.is_empty() || slot.replace(value).is_some() {
                return None;
            }
        }
        match (token, id, key) {
            (Some(token), None, None) => Some(Self::Token(token)),
            (None, Some(id), Some(key)) => Some(Self::Agent { id, key }),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_form() {
        let token = Some(Credential::Token("k".into()));
        assert_eq!(Credential::parse("token=\"k\""), token);
        assert_eq!(Credential::parse("token=k"), token);
        assert_eq!(
            Credential::parse("Bearer a.b.c"),
            Some(Credential::Bearer("a.b.c".into()))
        );
        assert_eq!(
            Credential::parse("id=\"i\", key=\"k\""),
            Some(Credential::Agent {
                id: "i".into(),
                key: "k".into()
            })
        );
    }

    #[test]
    fn refuses_mixtures_and_repeats() {
        for text in [
            "",
            "token",
            "token=",
            "token=\"\"",
            "Bearer ",
            "id=\"i\"",
            "key=\"k\"",
            "token=a, token=b",
            "token=a, id=b, key=c",
            "id=a, id=b, key=c",
            "user=x",
        ] {
            assert_eq!(Credential::parse(text), None, "{text}");
        }
    }
}
