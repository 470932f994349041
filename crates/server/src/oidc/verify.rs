//! Tokens of issuers: signature and claims (OpenID Connect Core 1.0 §3.1.3.7,
//! RFC 8725).

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::{Map, Value};
use subtle::ConstantTimeEq as _;

use super::OidcError;

/// Longest token.
const MAX_TOKEN: usize = 16 * 1024;
/// How far clocks may differ, seconds.
const LEEWAY: u64 = 60;

/// Signatures that are believed. None of them is made with a secret that an issuer
/// shares with somebody, which is where confusions of algorithms come from.
const ALGORITHMS: [Algorithm; 9] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];

/// The claims of a token that holds.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Claims(pub(crate) Map<String, Value>);

impl Claims {
    /// A claim that is a text. One with control characters is none: neither databases
    /// nor logs take every character.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        let text = self.0.get(name)?.as_str()?;
        (!text.chars().any(char::is_control)).then_some(text)
    }

    /// A claim that is a time, seconds since 1970.
    pub(crate) fn seconds(&self, name: &str) -> Option<i64> {
        let value = self.0.get(name)?;
        // Some issuers write fractions.
        #[expect(clippy::cast_possible_truncation, reason = "saturates")]
        value
            .as_i64()
            .or_else(|| value.as_f64().map(|seconds| seconds as i64))
    }

    /// The texts of a claim that is a text or a list.
    pub(crate) fn texts(&self, name: &str) -> Vec<&str> {
        match self.0.get(name) {
            Some(Value::String(text)) => vec![text],
            Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        }
    }
}

/// The issuer that a token claims to be from: only to look up whether we trust it.
pub(crate) fn unverified_issuer(token: &str) -> Result<String, OidcError> {
    check_size(token)?;
    let unreadable = || OidcError::Token("is not readable");
    let payload = token.split('.').nth(1).ok_or_else(unreadable)?;
    let payload = URL_SAFE_NO_PAD.decode(payload).map_err(|_| unreadable())?;
    let claims: Map<String, Value> = serde_json::from_slice(&payload).map_err(|_| unreadable())?;
    let issuer = claims.get("iss").and_then(Value::as_str);
    issuer
        .map(str::to_owned)
        .ok_or(OidcError::Token("names no issuer"))
}

/// The key that a token names.
pub(super) fn key_id(token: &str) -> Result<Option<String>, OidcError> {
    check_size(token)?;
    let header = decode_header(token).map_err(|_| OidcError::Token("is not readable"))?;
    Ok(header.kid)
}

/// The claims of a token, if one of `keys` signed it for `issuer` and one of
/// `audience`, and it is in force now.
pub(crate) fn verify(
    token: &str,
    keys: &[Jwk],
    issuer: &str,
    audience: &[&str],
) -> Result<Claims, OidcError> {
    check_size(token)?;
    let header = decode_header(token).map_err(|_| OidcError::Token("is not readable"))?;
    let algorithm = header.alg;
    if !ALGORITHMS.contains(&algorithm) {
        return Err(OidcError::Token("is signed in a way that we do not accept"));
    }
    let key = choose(keys, header.kid.as_deref(), algorithm)?;
    let mut validation = Validation::new(algorithm);
    validation.algorithms = vec![algorithm];
    validation.leeway = LEEWAY;
    validation.validate_nbf = true;
    validation.set_audience(audience);
    validation.set_issuer(&[issuer]);
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    let decoded = decode::<Map<String, Value>>(token, &key, &validation)
        .map_err(|error| OidcError::Token(reason(error.kind())))?;
    let claims = Claims(decoded.claims);
    let latest = chrono::Utc::now().timestamp() + i64::try_from(LEEWAY).unwrap_or(0);
    if claims.seconds("iat").is_none_or(|issued| issued > latest) {
        return Err(OidcError::Token(
            "says nothing usable of when it was issued",
        ));
    }
    if claims.text("sub").is_none_or(str::is_empty) {
        return Err(OidcError::Token("names nobody"));
    }
    Ok(claims)
}

/// Whether the claim `at_hash` belongs to an access token (OpenID Connect Core
/// §3.1.3.6). `algorithm`: of the ID token.
pub(crate) fn access_token_hash_matches(id_token: &str, access_token: &str, hash: &str) -> bool {
    let Ok(header) = decode_header(id_token) else {
        return false;
    };
    let algorithm = match header.alg {
        Algorithm::RS256 | Algorithm::PS256 | Algorithm::ES256 => &digest::SHA256,
        Algorithm::RS384 | Algorithm::PS384 | Algorithm::ES384 => &digest::SHA384,
        _ => &digest::SHA512,
    };
    let whole = digest::digest(algorithm, access_token.as_bytes());
    let whole = whole.as_ref();
    let half = whole.get(..whole.len() / 2).unwrap_or_default();
    let expected = URL_SAFE_NO_PAD.encode(half);
    expected.as_bytes().ct_eq(hash.as_bytes()).into()
}

fn check_size(token: &str) -> Result<(), OidcError> {
    match token.len() {
        0 => Err(OidcError::Token("is missing")),
        1..=MAX_TOKEN => Ok(()),
        _ => Err(OidcError::Token("is too long")),
    }
}

/// The one key that may have made the signature: by its id, or the only one that fits.
fn choose(keys: &[Jwk], id: Option<&str>, algorithm: Algorithm) -> Result<DecodingKey, OidcError> {
    let usable: Vec<DecodingKey> = keys
        .iter()
        .filter(|key| id.is_none_or(|id| key.common.key_id.as_deref() == Some(id)))
        .filter(|key| {
            matches!(
                key.common.public_key_use,
                None | Some(PublicKeyUse::Signature)
            )
        })
        .filter(|key| {
            let declared = key.common.key_algorithm;
            declared.is_none_or(|declared| {
                declared.to_string().parse::<Algorithm>().ok() == Some(algorithm)
            })
        })
        .filter_map(|key| DecodingKey::from_jwk(key).ok())
        .filter(|key| key.family() == algorithm.family())
        .collect();
    let mut usable = usable.into_iter();
    match (usable.next(), usable.next()) {
        (Some(key), None) => Ok(key),
        (None, _) => Err(OidcError::Token(
            "is signed with a key that its issuer does not have",
        )),
        (Some(_), Some(_)) => Err(OidcError::Token("does not say which key signed it")),
    }
}

fn reason(kind: &jsonwebtoken::errors::ErrorKind) -> &'static str {
    use jsonwebtoken::errors::ErrorKind;
    match kind {
        ErrorKind::ExpiredSignature => "has expired",
        ErrorKind::ImmatureSignature => "is not in force yet",
        ErrorKind::InvalidAudience => "is for another audience",
        ErrorKind::InvalidIssuer => "is from another issuer",
        ErrorKind::InvalidSignature => "is not signed by its issuer",
        ErrorKind::MissingRequiredClaim(_) => "lacks a claim that it must have",
        _ => "is not readable",
    }
}
