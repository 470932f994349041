//! What we ask of OpenID Connect issuers, and how far we believe them: discovery,
//! signing keys, tokens. Serves sign-in with identity providers and the exchange of
//! CI tokens alike.

mod fetch;
mod issuers;
mod metadata;
mod verify;

use crate::egress::AddressError;

pub(crate) use fetch::Fetcher;
pub(crate) use issuers::Issuers;
pub(crate) use metadata::Metadata;
pub(crate) use verify::{Claims, access_token_hash_matches, unverified_issuer};

/// Why an issuer or its token is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum OidcError {
    /// We do not go to this address.
    #[error("the address {0}")]
    Address(#[from] AddressError),
    /// The issuer did not answer as it should; the next try may work.
    #[error("{host} {what}")]
    Unavailable { host: String, what: &'static str },
    /// What the issuer says of itself does not hold together.
    #[error("the metadata of the issuer cannot be used: {0}")]
    Metadata(&'static str),
    /// The token does not hold.
    #[error("the token {0}")]
    Token(&'static str),
    /// The issuer refused a request, with its own error code.
    #[error("the issuer refused: {0}")]
    Refused(String),
}
