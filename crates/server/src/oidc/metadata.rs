//! What an issuer says of itself (OpenID Connect Discovery 1.0).

use serde::Deserialize;

use super::OidcError;

/// The part of the discovery document that we use.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct Metadata {
    pub(crate) issuer: String,
    pub(crate) jwks_uri: String,
    pub(crate) authorization_endpoint: String,
    pub(crate) token_endpoint: String,
    pub(crate) userinfo_endpoint: String,
    pub(crate) token_endpoint_auth_methods_supported: Vec<String>,
    pub(crate) authorization_response_iss_parameter_supported: bool,
}

impl Metadata {
    /// Where the document of `issuer` is.
    pub(super) fn address(issuer: &str) -> String {
        format!(
            "{}/.well-known/openid-configuration",
            issuer.trim_end_matches('/')
        )
    }

    /// The document of exactly `issuer`, with what each of its uses needs.
    pub(super) fn checked(self, issuer: &str) -> Result<Self, OidcError> {
        if self.issuer != issuer {
            return Err(OidcError::Metadata(
                "it names another issuer; give the issuer exactly as the document does",
            ));
        }
        if self.jwks_uri.is_empty() {
            return Err(OidcError::Metadata("it names no signing keys"));
        }
        Ok(self)
    }

    /// Whether people can sign in with it.
    pub(crate) fn check_sign_in(&self) -> Result<(), OidcError> {
        if self.authorization_endpoint.is_empty() || self.token_endpoint.is_empty() {
            return Err(OidcError::Metadata("nobody can sign in there"));
        }
        Ok(())
    }

    /// How the client proves itself: in the header, unless the issuer takes it in the
    /// form only.
    pub(crate) fn takes_secret_in_form_only(&self) -> bool {
        let methods = &self.token_endpoint_auth_methods_supported;
        let takes = |method: &str| methods.iter().any(|known| known == method);
        takes("client_secret_post") && !takes("client_secret_basic")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_speaks_for_its_own_issuer_only() {
        let document = Metadata {
            issuer: "https://a.example".to_owned(),
            jwks_uri: "https://a.example/jwks".to_owned(),
            ..Metadata::default()
        };
        assert!(document.clone().checked("https://a.example").is_ok());
        for other in ["https://b.example", "https://a.example/", ""] {
            assert!(document.clone().checked(other).is_err(), "{other}");
        }
        assert!(Metadata::default().checked("").is_err());
        assert_eq!(
            Metadata::address("https://a.example/x/"),
            "https://a.example/x/.well-known/openid-configuration"
        );
    }
}
