//! Tokens: 256 random bits behind a prefix that says what they are. Only their
//! SHA-256 is stored; a token is long enough that no slow hash is needed.

use std::fmt;

use aws_lc_rs::{digest, rand};

/// A session token of a password login.
pub(crate) const SESSION: &str = "alpss-";
/// The cookie of a browser.
pub(crate) const BROWSER: &str = "alpbs-";
/// A refresh token of an OAuth client.
pub(crate) const REFRESH: &str = "alprf-";
/// A device code.
pub(crate) const DEVICE: &str = "alpdc-";
/// An authorization code.
pub(crate) const CODE: &str = "alpac-";
/// A personal API token.
pub(crate) const PERSONAL: &str = "alpat-";
/// A service token of an application. Clients tell applications by it.
pub(crate) const SERVICE: &str = "alpst-";
/// A server's registration token.
pub(crate) const REGISTRATION: &str = "alprt-";
/// In the link of an invitation.
pub(crate) const INVITATION: &str = "alpin-";
/// In the link that lets somebody choose another password.
pub(crate) const PASSWORD_RESET: &str = "alppr-";
/// What signs notifications to a webhook.
pub(crate) const WEBHOOK: &str = "alpws-";
/// The key of a registered agent.
pub(crate) const AGENT: &str = "alpak-";
/// The credential in the URL of an event channel.
pub(crate) const CHANNEL: &str = "";

/// Characters of a token after its prefix: safe in headers, INI files and URLs.
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
/// 43 characters of 6 bits hold 256 bits.
pub(crate) const LENGTH: usize = 43;

/// A token in the clear. It is shown once and never logged.
pub(crate) struct Token(String);

impl Token {
    /// A new random token.
    pub(crate) fn generate(prefix: &str) -> Result<Self, RandomError> {
        Ok(Self(format!("{prefix}{}", random_text(LENGTH)?)))
    }

    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }

    pub(crate) fn hash(&self) -> String {
        hash(&self.0)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// The system gave no randomness.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("no randomness from the system")]
pub(crate) struct RandomError;

/// `length` random characters.
pub(crate) fn random_text(length: usize) -> Result<String, RandomError> {
    let mut bytes = vec![0; length];
    rand::fill(&mut bytes).map_err(|_| RandomError)?;
    Ok(bytes
        .iter()
        .filter_map(|byte| ALPHABET.get(usize::from(byte & 63)))
        .map(|byte| char::from(*byte))
        .collect())
}

/// `length` random letters and digits: a password that no shell or option parser
/// takes for something else.
pub(crate) fn random_password(length: usize) -> Result<String, RandomError> {
    let mut password = String::with_capacity(length);
    while password.len() < length {
        password.extend(
            random_text(length)?
                .chars()
                .filter(char::is_ascii_alphanumeric),
        );
    }
    password.truncate(length);
    Ok(password)
}

/// `length` random lowercase hex digits.
pub(crate) fn random_hex(length: usize) -> Result<String, RandomError> {
    let mut bytes = vec![0; length.div_ceil(2)];
    rand::fill(&mut bytes).map_err(|_| RandomError)?;
    Ok(chain::hex_encode(&bytes).chars().take(length).collect())
}

/// SHA-256 of a token, hex: how it is stored and looked up.
pub(crate) fn hash(token: &str) -> String {
    chain::hex_encode(digest::digest(&digest::SHA256, token.as_bytes()).as_ref())
}

/// Compares two stored hashes without telling by time where they differ.
pub(crate) fn same_hash(a: &str, b: &str) -> bool {
    use subtle::ConstantTimeEq as _;
    a.as_bytes().ct_eq(b.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_long_random_and_safe_in_headers() {
        let token = Token::generate(PERSONAL).unwrap();
        assert!(token.reveal().starts_with("alpat-"));
        assert_eq!(token.reveal().len(), 6 + LENGTH);
        let safe = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        assert!(token.reveal().chars().all(safe));
        assert_ne!(token.hash(), Token::generate(PERSONAL).unwrap().hash());
        assert!(same_hash(&token.hash(), &hash(token.reveal())));
        assert!(!format!("{token:?}").contains(token.reveal()));
        assert_eq!(random_hex(6).unwrap().len(), 6);
        let password = random_password(20).unwrap();
        assert!(password.len() == 20 && password.chars().all(|c| c.is_ascii_alphanumeric()));
    }
}
