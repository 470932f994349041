//! The ways to prove a second factor, as settings, logins and tokens name them.

/// A way to prove a second factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    /// A code of an authenticator app (RFC 6238).
    Totp,
    /// A passkey (WebAuthn), with user verification.
    Webauthn,
    /// A code that stands in for a lost factor.
    RecoveryCode,
}

impl Method {
    const ALL: [Self; 3] = [Self::Totp, Self::Webauthn, Self::RecoveryCode];

    /// Methods that a workspace may allow or not. Recovery codes stand in for whatever
    /// is allowed.
    pub(crate) const CHOICES: [&'static str; 3] = ["totp", "webauthn", "otp"];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Totp => "totp",
            Self::Webauthn => "webauthn",
            Self::RecoveryCode => "recovery_code",
        }
    }

    /// `otp` is what older clients call `totp`.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        match name {
            "otp" => Some(Self::Totp),
            name => Self::ALL.into_iter().find(|method| method.as_str() == name),
        }
    }

    /// The names of the methods that `words` name, each once.
    pub(crate) fn canonical(words: &[&str]) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for method in words.iter().filter_map(|word| Self::parse(word)) {
            let name = method.as_str();
            if !names.iter().any(|known| known == name) {
                names.push(name.to_owned());
            }
        }
        names
    }

    /// For people.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Totp => "authenticator app",
            Self::Webauthn => "passkey",
            Self::RecoveryCode => "recovery code",
        }
    }
}
