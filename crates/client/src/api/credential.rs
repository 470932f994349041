//! What proves who we are (`rest-identity.md` §3).

use http::HeaderValue;

use crate::Error;

/// What proves who we are.
#[derive(Clone, PartialEq, Eq)]
pub enum Credential {
    /// Nothing.
    None,
    /// OAuth access token of a browser login.
    Bearer(String),
    /// Session token of a password login, personal or service token.
    Token(String),
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Bearer(_) => "Bearer(…)",
            Self::Token(_) => "Token(…)",
        })
    }
}

impl Credential {
    pub(super) fn header(&self) -> Result<Option<HeaderValue>, Error> {
        let text = match self {
            Self::None => return Ok(None),
            Self::Bearer(token) => format!("Bearer {token}"),
            Self::Token(token) => format!("token=\"{token}\""),
        };
        let mut value = HeaderValue::from_str(&text)
            .map_err(|_| Error::Login("the token holds characters that no token has".to_owned()))?;
        value.set_sensitive(true);
        Ok(Some(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_takes_the_public_forms() {
        let header = |credential: Credential| credential.header().unwrap().unwrap();
        assert_eq!(header(Credential::Bearer("a".into())), "Bearer a");
        assert_eq!(header(Credential::Token("a".into())), "token=\"a\"");
        assert!(Credential::Token("a\nb".into()).header().is_err());
    }

    #[test]
    fn credentials_never_show_in_debug_output() {
        assert!(!format!("{:?}", Credential::Bearer("s3cret".into())).contains("s3cret"));
    }
}
