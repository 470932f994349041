//! Sealed values: what must be read again, but not by whoever holds a copy of
//! the database. AES-256-GCM with a random nonce before the ciphertext; the
//! purpose is authenticated, so that a value sealed for one column opens in no
//! other.

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::{hkdf, hmac};

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

/// The key that seals, and the one derived from it that tells values apart.
pub(crate) struct SealingKey {
    seals: RandomizedNonceKey,
    fingerprints: hmac::Key,
}

impl SealingKey {
    pub(crate) fn new(bytes: &[u8]) -> Result<Self, SealError> {
        let seals = RandomizedNonceKey::new(&AES_256_GCM, bytes).map_err(|_| SealError::Key)?;
        let derived = hkdf::Salt::new(hkdf::HKDF_SHA256, &[]).extract(bytes);
        let info: [&[u8]; 1] = [b"alpacon fingerprint"];
        let fingerprints = derived
            .expand(&info, hmac::HMAC_SHA256)
            .map_err(|_| SealError::Key)?
            .into();
        Ok(Self {
            seals,
            fingerprints,
        })
    }

    /// The same for the same value, and telling nothing of it to who has not the key:
    /// not even whether a guess is right. Hex.
    pub(crate) fn fingerprint(&self, purpose: &str, value: &[u8]) -> String {
        let mut context = hmac::Context::with_key(&self.fingerprints);
        context.update(purpose.as_bytes());
        context.update(&[0]);
        context.update(value);
        chain::hex_encode(context.sign().as_ref())
    }

    pub(crate) fn seal(&self, purpose: &str, value: &[u8]) -> Result<Vec<u8>, SealError> {
        let mut body = value.to_vec();
        let nonce = self
            .seals
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
            .seals
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
    use aws_lc_rs::digest::{SHA256, digest};

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

    #[test]
    fn fingerprints_tell_values_apart_to_who_has_the_key() {
        let key = SealingKey::new(&[7; 32]).unwrap();
        let own = key.fingerprint("env", b"secret");
        assert_eq!(
            own,
            SealingKey::new(&[7; 32])
                .unwrap()
                .fingerprint("env", b"secret")
        );
        let other = SealingKey::new(&[8; 32]).unwrap();
        let unkeyed = digest(&SHA256, b"env\0secret");
        for different in [
            key.fingerprint("env", b"other"),
            key.fingerprint("other", b"secret"),
            other.fingerprint("env", b"secret"),
            chain::hex_encode(unkeyed.as_ref()),
        ] {
            assert_ne!(own, different);
        }
    }
}
