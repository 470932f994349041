//! Ed25519 keys.

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, ParsedPublicKey};

use crate::{hex_decode, hex_encode};

/// Why a key cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not a PKCS#8 document with an Ed25519 key.
    #[error("not an Ed25519 private key in PKCS#8 form")]
    Private,
    /// Not 64 lowercase hex digits of an Ed25519 key.
    #[error("not an Ed25519 public key in hex")]
    Public,
    /// The system gave no randomness.
    #[error("cannot generate a key: no randomness from the system")]
    Generate,
}

/// A private key.
pub struct SigningKey {
    pair: Ed25519KeyPair,
    id: String,
}

impl SigningKey {
    /// A new key and its PKCS#8 document, to be stored.
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub fn generate() -> Result<(Self, Vec<u8>), KeyError> {
        let pair = Ed25519KeyPair::generate().map_err(|_| KeyError::Generate)?;
        let document = pair
            .to_pkcs8()
            .map_err(|_| KeyError::Generate)?
            .as_ref()
            .to_vec();
        Ok((Self::new(pair), document))
    }

    /// The key in a PKCS#8 document.
    ///
    /// # Errors
    /// When the document holds no Ed25519 key.
    pub fn from_pkcs8(document: &[u8]) -> Result<Self, KeyError> {
        Ed25519KeyPair::from_pkcs8(document)
            .map(Self::new)
            .map_err(|_| KeyError::Private)
    }

    fn new(pair: Ed25519KeyPair) -> Self {
        let hex = hex_encode(pair.public_key().as_ref());
        let id = hex.chars().take(16).collect();
        Self { pair, id }
    }

    /// A short name: the first 16 hex digits of the public key.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The public half in hex.
    #[must_use]
    pub fn public_hex(&self) -> String {
        hex_encode(self.pair.public_key().as_ref())
    }

    /// The public half.
    ///
    /// # Errors
    /// Never for a key made here; the library's parser says so in its type.
    pub fn public(&self) -> Result<PublicKey, KeyError> {
        PublicKey::parse(&self.public_hex())
    }

    /// A 64-byte signature.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.pair.sign(message).as_ref().to_vec()
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SigningKey")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// A public key.
#[derive(Clone, Debug)]
pub struct PublicKey {
    key: ParsedPublicKey,
    id: String,
}

impl PublicKey {
    /// The key written as 64 lowercase hex digits.
    ///
    /// # Errors
    /// When the text is anything else.
    pub fn parse(hex: &str) -> Result<Self, KeyError> {
        let mut bytes = [0; 32];
        hex_decode(hex, &mut bytes).ok_or(KeyError::Public)?;
        let key = ParsedPublicKey::new(&ED25519, bytes).map_err(|_| KeyError::Public)?;
        Ok(Self {
            key,
            id: hex.chars().take(16).collect(),
        })
    }

    /// See [`SigningKey::id`].
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Whether `signature` is this key's over `message`.
    #[must_use]
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        self.key.verify_sig(message, signature).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stored_key_signs_like_the_generated_one() {
        let (key, document) = SigningKey::generate().unwrap();
        let stored = SigningKey::from_pkcs8(&document).unwrap();
        assert_eq!(key.id(), stored.id());
        let public = PublicKey::parse(&key.public_hex()).unwrap();
        assert!(public.verifies(b"m", &stored.sign(b"m")));
        assert!(!public.verifies(b"n", &stored.sign(b"m")));
        assert!(!public.verifies(b"m", b"short"));
    }
}
