//! Proof key for code exchange (RFC 7636), S256 only: the plain method proves nothing
//! to whoever saw the request.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use subtle::ConstantTimeEq as _;

/// The only method.
pub(super) const METHOD: &str = "S256";

/// Whether `challenge` can be one: 43 characters of base64url.
pub(super) fn is_challenge(challenge: &str) -> bool {
    URL_SAFE_NO_PAD
        .decode(challenge)
        .is_ok_and(|bytes| bytes.len() == 32)
}

/// The challenge of a verifier.
pub(crate) fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()))
}

/// Whether `verifier` belongs to `challenge`.
pub(super) fn verifies(challenge: &str, verifier: &str) -> bool {
    let is_verifier = (43..=128).contains(&verifier.len())
        && verifier
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b));
    let computed = self::challenge(verifier);
    let same: bool = computed.as_bytes().ct_eq(challenge.as_bytes()).into();
    is_verifier && same
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 7636, appendix B.
    #[test]
    fn the_verifier_of_the_standard_verifies() {
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
        assert!(is_challenge(challenge));
        assert!(verifies(challenge, verifier));
        assert!(!verifies(challenge, challenge), "the plain method");
        assert!(!verifies(challenge, &verifier[1..]));
        assert!(!verifies("", ""));
        for wrong in ["", "short", &"a".repeat(44), &format!("{challenge}=")] {
            assert!(!is_challenge(wrong), "{wrong}");
        }
    }
}
