//! Codes of authenticator apps (RFC 6238): SHA-1, six digits, 30 seconds, as every app
//! expects them.

use totp_rs::{Builder, Secret, Totp, TotpError};

use crate::crypto::token::RandomError;

/// Bytes of a seed: 160 bits, as RFC 4226 recommends.
const SEED: usize = 20;

/// The seed of an authenticator app. It is shown once, and sealed in the database.
pub(crate) struct Seed([u8; SEED]);

impl Seed {
    pub(crate) fn generate() -> Result<Self, RandomError> {
        let mut bytes = [0; SEED];
        aws_lc_rs::rand::fill(&mut bytes).map_err(|_| RandomError)?;
        Ok(Self(bytes))
    }

    /// A seed as it was unsealed.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// What people type who cannot scan, in groups of four.
    pub(crate) fn to_text(&self) -> String {
        let text = Secret::new_stack(self.0).to_base32();
        let characters: Vec<char> = text.chars().collect();
        let groups: Vec<String> = characters
            .chunks(4)
            .map(|group| group.iter().collect())
            .collect();
        groups.join(" ")
    }

    /// What the QR code holds.
    pub(crate) fn to_url(&self, issuer: &str, account: &str) -> Result<String, TotpError> {
        // A colon separates the two in the address.
        let plain = |text: &str| text.replace(':', " ");
        self.builder()
            .with_issuer(Some(plain(issuer)))
            .with_account_name(plain(account))
            .build()?
            .to_url()
    }

    /// The time step that `code` belongs to, if it is one of now, of the step before or
    /// of the one after. `time` in seconds since 1970. The step can be taken once, see
    /// [`store::mfa::Mfa::use_step`].
    pub(crate) fn step_of(&self, code: &str, time: i64) -> Option<i64> {
        let time = u64::try_from(time).ok()?;
        let step = self.totp().check(code, time)?;
        i64::try_from(step).ok()
    }

    fn totp(&self) -> Totp {
        self.builder().build_noncompliant()
    }

    fn builder(&self) -> Builder {
        Builder::new().with_secret(Secret::new_stack(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The seed of RFC 6238, appendix B.
    fn seed() -> Seed {
        Seed::from_bytes(b"12345678901234567890").unwrap()
    }

    #[test]
    fn codes_are_those_of_the_rfc() {
        // The last six of the eight digits there.
        for (time, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(seed().step_of(code, time), Some(time / 30), "{time}");
        }
    }

    #[test]
    fn one_step_of_drift_is_taken_and_no_more() {
        let (time, code) = (1_111_111_109, "081804");
        for drift in [-30, 0, 30] {
            assert_eq!(seed().step_of(code, time + drift), Some(time / 30));
        }
        for drift in [-60, 60] {
            assert_eq!(seed().step_of(code, time + drift), None);
        }
        for wrong in ["", "81804", "0081804", "08180４", "+81804", "081 804"] {
            assert_eq!(seed().step_of(wrong, time), None, "{wrong}");
        }
    }

    #[test]
    fn the_address_names_issuer_and_account() {
        let url = seed().to_url("Alpacon: acme", "jane").unwrap();
        assert!(url.starts_with("otpauth://totp/"), "{url}");
        assert!(
            url.contains("secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"),
            "{url}"
        );
        assert!(seed().to_text().starts_with("GEZD GNBV "));
    }
}
