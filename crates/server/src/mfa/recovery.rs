//! Recovery codes: 80 random bits each, so that their SHA-256 can be stored, and
//! letters and digits that nobody mistakes for each other.

use crate::crypto::token::{self, RandomError};

/// Codes of a user.
pub(crate) const COUNT: usize = 10;
/// Characters of a code, of 5 bits each.
const LENGTH: usize = 16;
/// Crockford's base 32: no I, L, O or U.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// New codes, as they are shown, once.
pub(crate) fn generate() -> Result<Vec<String>, RandomError> {
    (0..COUNT).map(|_| code()).collect()
}

fn code() -> Result<String, RandomError> {
    let mut bytes = [0; LENGTH];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| RandomError)?;
    let characters: Vec<char> = bytes
        .iter()
        .filter_map(|byte| ALPHABET.get(usize::from(byte & 31)))
        .map(|byte| char::from(*byte))
        .collect();
    let groups: Vec<String> = characters
        .chunks(4)
        .map(|group| group.iter().collect())
        .collect();
    Ok(groups.join("-"))
}

/// How a code is stored, whatever way it was typed; none for what is no code.
pub(crate) fn hash(typed: &str) -> Option<String> {
    let mut plain = String::with_capacity(LENGTH);
    for character in typed.chars().filter(|c| !c.is_whitespace() && *c != '-') {
        let character = match character.to_ascii_lowercase() {
            'o' => '0',
            'i' | 'l' => '1',
            other => other,
        };
        let byte = u8::try_from(character).ok()?;
        if !ALPHABET.contains(&byte) || plain.len() == LENGTH {
            return None;
        }
        plain.push(character);
    }
    (plain.len() == LENGTH).then(|| token::hash(&plain))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn codes_are_different_and_hash_however_they_are_typed() {
        let codes = generate().unwrap();
        assert_eq!(codes.len(), COUNT);
        let mut hashes: Vec<_> = codes.iter().map(|code| hash(code).unwrap()).collect();
        let first = codes.first().unwrap();
        for typed in [
            first.to_uppercase(),
            first.replace('-', " "),
            first.replace('-', ""),
            format!("  {}\n", first.replace('1', "l").replace('0', "O")),
        ] {
            assert_eq!(hash(&typed).as_ref(), hashes.first(), "{typed}");
        }
        hashes.sort();
        hashes.dedup();
        assert_eq!(hashes.len(), COUNT);
    }

    proptest! {
        #[test]
        fn what_is_no_code_has_no_hash(text in ".{0,40}") {
            let known = text.chars().filter(char::is_ascii_alphanumeric).count();
            prop_assert!(known == LENGTH || hash(&text).is_none());
        }
    }
}
