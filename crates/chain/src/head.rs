//! Signed heads.

use crate::{Hash, PublicKey, SigningKey, hex_decode, hex_encode};

/// Precedes a head in what is signed.
const HEAD_CONTEXT: &[u8] = b"alpacon chain head v1\n";

/// The end of a chain at some moment, signed by whoever appended to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Number of the newest entry, 0 for an empty chain.
    pub seq: u64,
    /// Its hash.
    pub hash: Hash,
    /// Which key signed.
    pub key_id: String,
    /// The signature, 128 lowercase hex digits.
    pub signature: String,
}

/// Why a head proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeadError {
    /// Signed by a key the verifier does not hold.
    #[error("the head is signed by key {0}, which is not the one given")]
    ForeignKey(String),
    /// The signature is not the key's over this head.
    #[error("the signature of the head at entry {0} does not match")]
    Signature(u64),
}

impl Head {
    /// Signs the head of the chain called `chain`.
    #[must_use]
    pub fn sign(chain: &[u8], seq: u64, hash: Hash, key: &SigningKey) -> Self {
        let signature = hex_encode(&key.sign(&signing_input(chain, seq, hash)));
        Self {
            seq,
            hash,
            key_id: key.id().to_owned(),
            signature,
        }
    }

    /// Checks that `key` signed this head of the chain called `chain`.
    ///
    /// # Errors
    /// When another key did, or the signature does not match.
    pub fn verify(&self, chain: &[u8], key: &PublicKey) -> Result<(), HeadError> {
        if self.key_id != key.id() {
            return Err(HeadError::ForeignKey(self.key_id.clone()));
        }
        let mut signature = [0; 64];
        let decoded = hex_decode(&self.signature, &mut signature).is_some();
        if decoded && key.verifies(&signing_input(chain, self.seq, self.hash), &signature) {
            Ok(())
        } else {
            Err(HeadError::Signature(self.seq))
        }
    }
}

fn signing_input(chain: &[u8], seq: u64, hash: Hash) -> Vec<u8> {
    let mut input = Vec::with_capacity(HEAD_CONTEXT.len() + chain.len() + 48);
    input.extend_from_slice(HEAD_CONTEXT);
    input.extend_from_slice(&(chain.len() as u64).to_be_bytes());
    input.extend_from_slice(chain);
    input.extend_from_slice(&seq.to_be_bytes());
    input.extend_from_slice(hash.as_bytes());
    input
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_binds_chain_number_hash_and_key() {
        let (key, _) = SigningKey::generate().unwrap();
        let public = key.public().unwrap();
        let hash = Hash::entry(Hash::GENESIS, 1, b"a");
        let head = Head::sign(b"one", 1, hash, &key);
        assert_eq!(head.verify(b"one", &public), Ok(()));
        assert_eq!(head.verify(b"two", &public), Err(HeadError::Signature(1)));
        let moved = Head {
            seq: 2,
            ..head.clone()
        };
        assert_eq!(moved.verify(b"one", &public), Err(HeadError::Signature(2)));
        let (other, _) = SigningKey::generate().unwrap();
        let foreign = other.public().unwrap();
        assert!(matches!(
            head.verify(b"one", &foreign),
            Err(HeadError::ForeignKey(_))
        ));
    }
}
