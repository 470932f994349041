//! The token that shows that a form was made for the browser that sends it.
//!
//! HMAC-SHA256 of the form's purpose under the browser's cookie: nothing is stored,
//! who does not know the cookie cannot make one, and the cookie does not follow from it.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use subtle::ConstantTimeEq as _;

/// The token of forms for `purpose`; the empty one is that of all ordinary forms.
pub(super) fn token(secret: &str, purpose: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let mut context = hmac::Context::with_key(&key);
    context.update(b"alpacon form\0");
    context.update(purpose.as_bytes());
    URL_SAFE_NO_PAD.encode(context.sign())
}

/// Whether `presented` is the token, compared in constant time.
pub(super) fn matches(secret: &str, purpose: &str, presented: &str) -> bool {
    token(secret, purpose)
        .as_bytes()
        .ct_eq(presented.as_bytes())
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_belong_to_one_browser_and_one_purpose() {
        let token = token("cookie", "");
        assert!(matches("cookie", "", &token));
        assert!(!matches("other", "", &token));
        assert!(!matches("cookie", "device", &token));
        assert!(!matches("cookie", "", ""));
        assert!(!token.contains("cookie"));
    }
}
