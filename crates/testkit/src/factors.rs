//! Second factors of tests: an authenticator app and a passkey, both in software.
//!
//! The passkey says and signs whatever a test tells it to, also what no browser would.

use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::OrFail;

/// An authenticator app with one seed.
#[derive(Clone, Debug)]
pub struct AuthenticatorApp {
    seed: Vec<u8>,
}

impl AuthenticatorApp {
    /// With the seed that a page shows, in base 32.
    #[track_caller]
    #[must_use]
    pub fn new(text: &str) -> Self {
        let (mut bits, mut count, mut seed) = (0_u32, 0, Vec::new());
        for character in text.chars().filter(|c| !c.is_whitespace()) {
            let value = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
                .find(character)
                .or_fail("read a seed");
            bits = (bits << 5) | u32::try_from(value).or_fail("read a seed");
            count += 5;
            if count >= 8 {
                count -= 8;
                seed.push(u8::try_from((bits >> count) & 0xff).or_fail("read a seed"));
            }
        }
        Self { seed }
    }

    /// The code of now.
    #[must_use]
    pub fn code(&self) -> String {
        self.code_in(0)
    }

    /// The code of `steps` of 30 seconds later.
    #[track_caller]
    #[must_use]
    pub fn code_in(&self, steps: i64) -> String {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .or_fail("read the clock");
        let step = i64::try_from(now.as_secs() / 30).or_fail("read the clock") + steps;
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &self.seed);
        let tag = hmac::sign(&key, &step.to_be_bytes());
        let digest = tag.as_ref();
        let offset = usize::from(digest.last().or_fail("make a code") & 15);
        let four: [u8; 4] = digest
            .get(offset..offset + 4)
            .and_then(|bytes| bytes.try_into().ok())
            .or_fail("make a code");
        format!(
            "{:06}",
            (u32::from_be_bytes(four) & 0x7fff_ffff) % 1_000_000
        )
    }
}

/// A passkey. Its fields are what it will say the next time.
pub struct SoftPasskey {
    key: EcdsaKeyPair,
    id: [u8; 32],
    user: Vec<u8>,
    /// The origin that it says the page has.
    pub origin: String,
    /// The relying party that it signs for.
    pub rp_id: String,
    /// It verified its user, by PIN or finger.
    pub verified: bool,
    /// Counts its signatures.
    pub counter: u32,
}

impl std::fmt::Debug for SoftPasskey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SoftPasskey")
            .field("origin", &self.origin)
            .field("rp_id", &self.rp_id)
            .finish_non_exhaustive()
    }
}

impl SoftPasskey {
    /// A passkey for the page at `origin`, that was never registered.
    #[track_caller]
    #[must_use]
    pub fn new(origin: &str) -> Self {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).or_fail("make a key");
        let mut id = [0; 32];
        aws_lc_rs::rand::fill(&mut id).or_fail("make a passkey");
        let host = url::Url::parse(origin).or_fail("read an origin");
        Self {
            key,
            id,
            user: Vec::new(),
            origin: origin.to_owned(),
            rp_id: host.host_str().unwrap_or_default().to_owned(),
            verified: true,
            counter: 0,
        }
    }

    /// The answer to `options` of a registration (`navigator.credentials.create`).
    #[track_caller]
    pub fn register(&mut self, options: &Value) -> String {
        self.user = decode(options, "/publicKey/user/id");
        self.counter += 1;
        let mut data = self.data(0x41);
        data.extend([0; 16]);
        data.extend([0, 32]);
        data.extend(self.id);
        data.extend(self.cose_key());
        // {"fmt": "none", "attStmt": {}, "authData": …}
        let mut object = b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x59".to_vec();
        let length = u16::try_from(data.len()).or_fail("write an attestation");
        object.extend(length.to_be_bytes());
        object.extend(data);
        json!({
            "id": encode(&self.id),
            "rawId": encode(&self.id),
            "type": "public-key",
            "response": {
                "attestationObject": encode(&object),
                "clientDataJSON": encode(&self.client_data("webauthn.create", options)),
            },
        })
        .to_string()
    }

    /// The answer to `options` of a proof (`navigator.credentials.get`).
    #[track_caller]
    pub fn prove(&mut self, options: &Value) -> String {
        self.counter += 1;
        let data = self.data(0x01);
        let client = self.client_data("webauthn.get", options);
        let mut signed = data.clone();
        signed.extend(Sha256::digest(&client));
        let signature = self
            .key
            .sign(&SystemRandom::new(), &signed)
            .or_fail("sign an answer");
        json!({
            "id": encode(&self.id),
            "rawId": encode(&self.id),
            "type": "public-key",
            "response": {
                "authenticatorData": encode(&data),
                "clientDataJSON": encode(&client),
                "signature": encode(signature.as_ref()),
                "userHandle": encode(&self.user),
            },
        })
        .to_string()
    }

    fn data(&self, flags: u8) -> Vec<u8> {
        let mut data = Sha256::digest(self.rp_id.as_bytes()).to_vec();
        data.push(flags | if self.verified { 0x04 } else { 0 });
        data.extend(self.counter.to_be_bytes());
        data
    }

    /// EC2, ES256, P-256, x, y.
    fn cose_key(&self) -> Vec<u8> {
        let point = self.key.public_key().as_ref();
        let (x, y) = point
            .get(1..)
            .and_then(|both| both.split_at_checked(32))
            .or_fail("read a public key");
        let mut key = b"\xa5\x01\x02\x03\x26\x20\x01\x21\x58\x20".to_vec();
        key.extend(x);
        key.extend(b"\x22\x58\x20");
        key.extend(y);
        key
    }

    fn client_data(&self, kind: &str, options: &Value) -> Vec<u8> {
        let challenge = options.pointer("/publicKey/challenge");
        json!({
            "type": kind,
            "challenge": challenge.or_fail("find a challenge"),
            "origin": self.origin,
            "crossOrigin": false,
        })
        .to_string()
        .into_bytes()
    }
}

fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

#[track_caller]
fn decode(options: &Value, pointer: &str) -> Vec<u8> {
    let text = options.pointer(pointer).and_then(Value::as_str);
    URL_SAFE_NO_PAD
        .decode(text.or_fail("read the options"))
        .or_fail("read the options")
}
