//! The code that people compare (RFC 8628 §6.1): eight letters that are no vowels, so
//! that they form no words, and that do not look alike. 34 bits, shown with a hyphen.

use crate::crypto::token::RandomError;

const LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
const LENGTH: usize = 8;

/// A new code, without its hyphen.
pub(super) fn generate() -> Result<String, RandomError> {
    let mut code = String::with_capacity(LENGTH);
    while code.len() < LENGTH {
        let mut byte = [0_u8];
        aws_lc_rs::rand::fill(&mut byte).map_err(|_| RandomError)?;
        let [byte] = byte;
        // 240 is the largest multiple of 20: beyond it some letters would be likelier.
        if byte < 240
            && let Some(letter) = LETTERS.get(usize::from(byte % 20))
        {
            code.push(char::from(*letter));
        }
    }
    Ok(code)
}

/// As shown: `ABCD-EFGH`.
pub(super) fn show(code: &str) -> String {
    match code.split_at_checked(LENGTH / 2) {
        Some((left, right)) => format!("{left}-{right}"),
        None => code.to_owned(),
    }
}

/// As typed by people, brought into the stored form; none when it cannot be a code.
pub(super) fn read(typed: &str) -> Option<String> {
    let code: String = typed
        .chars()
        .filter(|c| !c.is_whitespace() && *c != '-')
        .map(|c| c.to_ascii_uppercase())
        .take(LENGTH + 1)
        .collect();
    let is_code = code.len() == LENGTH && code.bytes().all(|b| LETTERS.contains(&b));
    is_code.then_some(code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn codes_are_read_as_people_type_them() {
        let code = generate().unwrap();
        assert_eq!(read(&show(&code)), Some(code.clone()));
        assert_eq!(read(&code.to_lowercase()), Some(code.clone()));
        assert_eq!(
            read(&format!(" {} {} ", &code[..4], &code[4..])),
            Some(code)
        );
        for text in ["", "ABCD-EFGH", "BCDF-GHJ", "BCDF-GHJKL", "BCDF_GHJK"] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_is_read_as_anything_but_a_code(text in any::<String>()) {
            if let Some(code) = read(&text) {
                prop_assert_eq!(code.len(), LENGTH);
                prop_assert_eq!(read(&show(&code)), Some(code));
            }
        }
    }
}
