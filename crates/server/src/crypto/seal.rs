//! Sealed values: what must be read again, but not by whoever holds a copy of
//! the database. AES-256-GCM with a random nonce before the ciphertext; the
//! purpose is authenticated, so that a value sealed for one column opens in no
//! other.

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};

/// A value could not be sealed or opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SealError {
    #[error("the sealing key is not 32 bytes")]
    Key,
    #[error("a value could not be sealed")]
    Seal,
    #[error("a sealed value does not open: it was altered, or sealed with another key")]
    Open,
}

/// The key that seals.
pub(crate) struct SealingKey(RandomizedNonceKey);

impl SealingKey {
    pub(crate) fn new(bytes: &[u8]) -> Result<Self, SealError> {
        RandomizedNonceKey::new(&AES_256_GCM, bytes)
            .map(Self)
            .map_err(|_| SealError::Key)
    }

    pub(crate) fn seal(&self, purpose: &str, value: &[u8]) -> Result<Vec<u8>, SealError> {
        let mut body = value.to_vec();
        let nonce = self
            .0
            .seal_in_place_append_tag(Aad::from(purpose.as_bytes()), &mut body)
            .map_err(|_| SealError::Seal)?;
        let mut sealed = nonce.as_ref().to_vec();
        sealed.append(&mut body);
        Ok(sealed)
    }

    pub(crate) fn open(&self, purpose: &str, sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        let (nonce, body) = sealed.split_at_checked(NONCE_LEN).ok_or(SealError::Open)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| SealError::Open)?;
        let mut body = body.to_vec();
        let opened = self
            .0
            .open_in_place(nonce, Aad::from(purpose.as_bytes()), &mut body)
            .map_err(|_| SealError::Open)?;
        Ok(opened.to_vec())
    }
}

impl std::fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SealingKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sealed_values_open_only_unaltered_and_for_their_purpose() {
        let key = SealingKey::new(&[7; 32]).unwrap();
        let sealed = key.seal("env", b"secret").unwrap();
        assert_eq!(key.open("env", &sealed).unwrap(), b"secret");
        assert_eq!(key.open("other", &sealed), Err(SealError::Open));
        let mut altered = sealed.clone();
        altered[NONCE_LEN] ^= 1;
        assert_eq!(key.open("env", &altered), Err(SealError::Open));
        assert_eq!(key.open("env", b"short"), Err(SealError::Open));
        assert!(SealingKey::new(&[7; 31]).is_err());
    }
}
