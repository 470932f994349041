//! Lower-case hexadecimal.

use std::fmt::Write;

/// `bytes` as lower-case hex digits.
#[must_use]
pub(crate) fn encode(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            let _written = write!(text, "{byte:02x}");
            text
        })
}

#[cfg(test)]
mod tests {
    #[test]
    fn keeps_leading_zeros() {
        assert_eq!(super::encode(&[0, 10, 255]), "000aff");
    }
}
