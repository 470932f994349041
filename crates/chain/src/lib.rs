//! The hash chain behind the audit trail and, later, recordings.
//!
//! A chain is a sequence of entries numbered from 1. Each entry's hash covers
//! the hash before it, its number and its body, so that changing one bit,
//! dropping, inserting or reordering an entry breaks every hash after it. What a
//! chain of hashes alone cannot show is that its end was cut off; so its newest
//! hash is signed ([`Head`]), and signed heads are kept in more than one place.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod head;
mod key;
mod verify;

pub use head::{Head, HeadError};
pub use key::{KeyError, PublicKey, SigningKey};
pub use verify::{Entry, Fault, Verifier};

use std::fmt;

use aws_lc_rs::digest;

/// Precedes every entry in its hash, so that a hash made here means nothing elsewhere.
const ENTRY_CONTEXT: &[u8] = b"alpacon chain entry v1\n";

/// A SHA-256 hash of a chain.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hash([u8; 32]);

impl Hash {
    /// The hash before the first entry.
    pub const GENESIS: Self = Self([0; 32]);

    /// The hash of entry `seq` with `body`, which follows `previous`.
    #[must_use]
    pub fn entry(previous: Self, seq: u64, body: &[u8]) -> Self {
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(ENTRY_CONTEXT);
        context.update(&previous.0);
        context.update(&seq.to_be_bytes());
        context.update(&(body.len() as u64).to_be_bytes());
        context.update(body);
        let mut bytes = [0; 32];
        bytes.copy_from_slice(context.finish().as_ref());
        Self(bytes)
    }

    /// The hash written as 64 lowercase hex digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        hex_decode(text, &mut bytes)?;
        Some(Self(bytes))
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex_encode(&self.0))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hash({self})")
    }
}

/// Lowercase hex.
#[must_use]
pub fn hex_encode(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}

/// Decodes exactly `out.len()` bytes of lowercase hex. Upper case is refused, so
/// that a stored hash has one spelling and a flipped bit cannot hide in it. `None`
/// when it is anything else.
#[must_use]
pub fn hex_decode(text: &str, out: &mut [u8]) -> Option<()> {
    if text.len() != out.len() * 2 {
        return None;
    }
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    for (slot, pair) in out.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let [high, low] = pair else { return None };
        *slot = digit(*high)? << 4 | digit(*low)?;
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_depend_on_every_input() {
        let base = Hash::entry(Hash::GENESIS, 1, b"a");
        assert_ne!(base, Hash::entry(base, 1, b"a"));
        assert_ne!(base, Hash::entry(Hash::GENESIS, 2, b"a"));
        assert_ne!(base, Hash::entry(Hash::GENESIS, 1, b"b"));
        assert_eq!(base, Hash::entry(Hash::GENESIS, 1, b"a"));
    }

    #[test]
    fn text_form_has_one_spelling() {
        let hash = Hash::entry(Hash::GENESIS, 1, b"a");
        assert_eq!(Hash::parse(&hash.to_string()), Some(hash));
        assert_eq!(Hash::parse(&hash.to_string().to_uppercase()), None);
        assert_eq!(Hash::parse("00"), None);
    }
}
