//! Verification of signed orders (`protocol::order`).

use std::collections::HashSet;

use aws_lc_rs::digest;
use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use protocol::order::{Order, SignedOrder, signing_input};

use crate::config::PinnedKey;

/// Orders per connection, after which it must be replaced: its nonces are kept
/// for as long as it lives.
const MAX_NONCES: usize = 65_536;
/// Longest payload, in bytes.
const MAX_PAYLOAD: usize = 8 * 1024 * 1024;
/// Bytes of an Ed25519 signature.
const SIGNATURE_SIZE: usize = 64;

/// Why an order is refused; the text is what the server is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Rejection {
    /// A key is pinned, and nothing is signed.
    #[error("unsigned_command")]
    Unsigned,
    /// Signed by a key other than the pinned one.
    #[error("key_unavailable")]
    UnknownKey,
    /// Not the form of a signed order.
    #[error("invalid_signature")]
    Malformed,
    /// The payload is not what was signed.
    #[error("signature_mismatch")]
    Mismatch,
    /// Its time to start has passed.
    #[error("stale_order")]
    Stale,
    /// It was carried out before.
    #[error("replayed_order")]
    Replayed,
    /// Meant for another server or another connection.
    #[error("foreign_order")]
    Foreign,
}

/// One backhaul connection, to which orders are bound.
#[derive(Debug)]
pub(crate) struct Channel {
    value: String,
    /// Hashes of the nonces seen, so that a long one costs no more memory.
    nonces: HashSet<u128>,
}

impl Channel {
    /// A channel that the server knows by `value`.
    #[must_use]
    pub(crate) fn new(value: String) -> Self {
        Self {
            value,
            nonces: HashSet::new(),
        }
    }

    /// No further order can be told from a replay; connect anew.
    #[must_use]
    pub(crate) fn is_exhausted(&self) -> bool {
        self.nonces.len() >= MAX_NONCES
    }

    fn admit(&mut self, nonce: &str) -> Result<(), Rejection> {
        if nonce.is_empty() {
            return Err(Rejection::Malformed);
        }
        if self.is_exhausted() {
            return Err(Rejection::Stale);
        }
        let hash = digest::digest(&digest::SHA256, nonce.as_bytes());
        let short = hash
            .as_ref()
            .first_chunk()
            .map(|bytes| u128::from_be_bytes(*bytes))
            .ok_or(Rejection::Malformed)?;
        if self.nonces.insert(short) {
            Ok(())
        } else {
            Err(Rejection::Replayed)
        }
    }
}

/// Knows the pinned key and who we are.
#[derive(Clone, Debug)]
pub(crate) struct Verifier {
    key: PinnedKey,
    server: String,
}

impl Verifier {
    /// Verifies for the server with this id.
    #[must_use]
    pub(crate) fn new(key: PinnedKey, server: String) -> Self {
        Self { key, server }
    }

    /// Gives what may be acted upon. Nothing outside the signed payload counts.
    ///
    /// # Errors
    /// When anything about the order is not in order.
    pub(crate) fn verify(
        &self,
        signed: Option<&SignedOrder>,
        channel: &mut Channel,
    ) -> Result<Order, Rejection> {
        let signed = signed.ok_or(Rejection::Unsigned)?;
        if signed.signature.is_empty() || signed.payload.is_empty() {
            return Err(Rejection::Unsigned);
        }
        if signed.key_id != self.key.key_id {
            return Err(Rejection::UnknownKey);
        }
        if signed.payload.len() > MAX_PAYLOAD {
            return Err(Rejection::Malformed);
        }
        let signature = STANDARD
            .decode(&signed.signature)
            .ok()
            .filter(|bytes| bytes.len() == SIGNATURE_SIZE)
            .ok_or(Rejection::Malformed)?;
        UnparsedPublicKey::new(&ED25519, self.key.public_key)
            .verify(&signing_input(&signed.payload), &signature)
            .map_err(|_| Rejection::Mismatch)?;
        let order: Order =
            serde_json::from_str(&signed.payload).map_err(|_| Rejection::Malformed)?;
        if order.server.to_string() != self.server || order.channel != channel.value {
            return Err(Rejection::Foreign);
        }
        if order.valid_for_ms == 0 {
            return Err(Rejection::Stale);
        }
        channel.admit(&order.nonce)?;
        Ok(order)
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
    use proptest::prelude::*;
    use protocol::id::{CommandId, ServerId};

    use super::*;

    struct Signer {
        pair: Ed25519KeyPair,
        server: ServerId,
    }

    impl Signer {
        fn new() -> Self {
            Self {
                pair: Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap(),
                server: ServerId::new(),
            }
        }

        fn verifier(&self) -> Verifier {
            let public_key = self.pair.public_key().as_ref().try_into().unwrap();
            let key = PinnedKey {
                key_id: "k1".into(),
                public_key,
            };
            Verifier::new(key, self.server.to_string())
        }

        fn order(&self) -> Order {
            Order {
                server: self.server,
                id: CommandId::new(),
                shell: "system".into(),
                line: "true".into(),
                channel: "c1".into(),
                nonce: "n1".into(),
                valid_for_ms: 1000,
                ..Order::default()
            }
        }

        fn sign(&self, order: &Order) -> SignedOrder {
            let payload = serde_json::to_string(order).unwrap();
            let signature = self.pair.sign(&signing_input(&payload));
            SignedOrder {
                signature: STANDARD.encode(signature.as_ref()),
                payload,
                key_id: "k1".into(),
            }
        }
    }

    fn verify(signer: &Signer, signed: &SignedOrder) -> Result<Order, Rejection> {
        let mut channel = Channel::new("c1".into());
        signer.verifier().verify(Some(signed), &mut channel)
    }

    #[test]
    fn accepts_once() {
        let signer = Signer::new();
        let signed = signer.sign(&signer.order());
        let mut channel = Channel::new("c1".into());
        let verifier = signer.verifier();
        let order = verifier.verify(Some(&signed), &mut channel).unwrap();
        assert_eq!(order.line, "true");
        assert_eq!(
            verifier.verify(Some(&signed), &mut channel),
            Err(Rejection::Replayed)
        );
        assert_eq!(
            verifier.verify(None, &mut channel),
            Err(Rejection::Unsigned)
        );
    }

    #[test]
    fn names_what_is_wrong() {
        let signer = Signer::new();
        let good = signer.sign(&signer.order());
        let mut altered = good.clone();
        altered.payload = altered.payload.replace("true", "rm -rf /");
        assert_eq!(verify(&signer, &altered), Err(Rejection::Mismatch));
        let mut other_key = good.clone();
        other_key.key_id = "k2".into();
        assert_eq!(verify(&signer, &other_key), Err(Rejection::UnknownKey));
        let mut garbled = good.clone();
        garbled.signature = "AAAA".into();
        assert_eq!(verify(&signer, &garbled), Err(Rejection::Malformed));
        let mut empty = good;
        empty.signature.clear();
        assert_eq!(verify(&signer, &empty), Err(Rejection::Unsigned));
    }

    #[test]
    fn is_bound_to_server_channel_and_time() {
        let signer = Signer::new();
        let mut order = signer.order();
        order.server = ServerId::new();
        assert_eq!(
            verify(&signer, &signer.sign(&order)),
            Err(Rejection::Foreign)
        );
        let mut order = signer.order();
        order.channel = "c2".into();
        assert_eq!(
            verify(&signer, &signer.sign(&order)),
            Err(Rejection::Foreign)
        );
        let mut order = signer.order();
        order.valid_for_ms = 0;
        assert_eq!(verify(&signer, &signer.sign(&order)), Err(Rejection::Stale));
        let mut order = signer.order();
        order.nonce.clear();
        assert_eq!(
            verify(&signer, &signer.sign(&order)),
            Err(Rejection::Malformed)
        );
    }

    #[test]
    fn the_bare_payload_is_not_what_is_signed() {
        let signer = Signer::new();
        let mut signed = signer.sign(&signer.order());
        let signature = signer.pair.sign(signed.payload.as_bytes());
        signed.signature = STANDARD.encode(signature.as_ref());
        assert_eq!(verify(&signer, &signed), Err(Rejection::Mismatch));
    }

    proptest! {
        #[test]
        fn any_changed_byte_is_noticed(at in 0usize..400, change in 1u8..128) {
            let signer = Signer::new();
            let mut signed = signer.sign(&signer.order());
            let mut bytes = signed.payload.into_bytes();
            let at = at % bytes.len();
            bytes[at] = (bytes[at] ^ change) & 0x7f;
            signed.payload = String::from_utf8(bytes).unwrap();
            prop_assert!(verify(&signer, &signed).is_err());
        }
    }
}
