//! The keys that access tokens are signed with: ES256, one that signs and those of
//! before, which verify until the last token they signed has ended. Private keys are
//! sealed in the database, so that all nodes sign with the same.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::{DecodingKey, EncodingKey};
use serde_json::{Value, json};
use store::oauth::NewSigningKey;
use store::{Store, now};
use tokio::sync::Mutex;
use tokio::time::Instant;
use uuid::Uuid;

use crate::app::SharedApp;
use crate::crypto::seal::SealingKey;

const ALGORITHM: &str = "ES256";
const PURPOSE: &str = "signing key";
/// A key signs for so long.
const ROTATE_AFTER: TimeDelta = TimeDelta::days(30);
/// A superseded key verifies for so long: longer than any token lives.
const KEEP_FOR: TimeDelta = TimeDelta::hours(3);
/// How often a node looks for keys of others, and whether it is time for a new one.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// An unknown key id makes a node look at once, but not more often than this.
const LOOK_AT_MOST_EVERY: Duration = Duration::from_secs(1);

/// Why there are no keys.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeyError {
    #[error("signing keys: {0}")]
    Store(#[from] store::StoreError),
    #[error("signing keys: {0}")]
    Seal(#[from] crate::crypto::seal::SealError),
    #[error("signing keys: one could not be made or read")]
    Key,
}

/// The keys as this node knows them.
pub(crate) struct SigningKeys {
    set: ArcSwap<KeySet>,
    looked: Mutex<Option<Instant>>,
}

#[derive(Default)]
struct KeySet {
    signer: Option<Signer>,
    verifiers: HashMap<String, DecodingKey>,
    public: Vec<Value>,
}

struct Signer {
    id: String,
    key: EncodingKey,
    added_at: DateTime<Utc>,
}

impl SigningKeys {
    /// Reads the keys, making the first.
    pub(crate) async fn load(store: &Store, sealing: &SealingKey) -> Result<Self, KeyError> {
        let keys = Self {
            set: ArcSwap::default(),
            looked: Mutex::new(None),
        };
        keys.read(store, sealing).await?;
        if keys.set.load().signer.is_none() {
            rotate(store, sealing).await?;
            keys.read(store, sealing).await?;
        }
        Ok(keys)
    }

    async fn read(&self, store: &Store, sealing: &SealingKey) -> Result<(), KeyError> {
        let mut set = KeySet::default();
        for row in store.signing_keys().await? {
            let id = row.id.to_string();
            let text = |name: &str| row.public_key.get(name).and_then(Value::as_str);
            let (Some(x), Some(y)) = (text("x"), text("y")) else {
                return Err(KeyError::Key);
            };
            let verifier = DecodingKey::from_ec_components(x, y).map_err(|_| KeyError::Key)?;
            set.verifiers.insert(id.clone(), verifier);
            set.public.push(row.public_key.clone());
            if let (None, Some(sealed)) = (&set.signer, &row.private_key) {
                let pkcs8 = zeroize::Zeroizing::new(sealing.open(PURPOSE, sealed)?);
                set.signer = Some(Signer {
                    id,
                    key: EncodingKey::from_ec_der(&pkcs8),
                    added_at: row.added_at,
                });
            }
        }
        self.set.store(Arc::new(set));
        Ok(())
    }

    /// Signs with the current key: calls `sign` with its id and itself.
    pub(super) fn sign<T>(&self, sign: impl FnOnce(&str, &EncodingKey) -> Option<T>) -> Option<T> {
        let set = self.set.load();
        let signer = set.signer.as_ref()?;
        sign(&signer.id, &signer.key)
    }

    /// The key with this id. An id that nobody knows may be of a key that another
    /// node made a moment ago, so the database is asked, at most once a second.
    pub(super) async fn verifier(&self, app: &SharedApp, id: &str) -> Option<DecodingKey> {
        if let Some(key) = self.set.load().verifiers.get(id) {
            return Some(key.clone());
        }
        {
            // Never held across the reading: others with unknown ids are refused.
            let mut looked = self.looked.try_lock().ok()?;
            if looked.is_some_and(|time| time.elapsed() < LOOK_AT_MOST_EVERY) {
                return None;
            }
            *looked = Some(Instant::now());
        }
        if let Err(error) = self.read(&app.store, &app.keys.sealing).await {
            tracing::error!(%error, "the signing keys could not be read");
        }
        self.set.load().verifiers.get(id).cloned()
    }

    /// JWK set (RFC 7517).
    pub(super) fn public(&self) -> Value {
        json!({"keys": self.set.load().public})
    }

    async fn look(&self, app: &SharedApp) -> Result<(), KeyError> {
        let sealing = &app.keys.sealing;
        let is_due = |set: &KeySet| {
            set.signer
                .as_ref()
                .is_none_or(|signer| now() - signer.added_at > ROTATE_AFTER)
        };
        self.read(&app.store, sealing).await?;
        if is_due(&self.set.load()) {
            rotate(&app.store, sealing).await?;
            tracing::info!("access tokens are signed with a new key");
            self.read(&app.store, sealing).await?;
        }
        app.store.delete_signing_keys(now() - KEEP_FOR).await?;
        Ok(())
    }
}

/// Makes a new key, which signs from now on.
pub(crate) async fn rotate(store: &Store, sealing: &SealingKey) -> Result<Uuid, KeyError> {
    let id = Uuid::now_v7();
    let pair =
        EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(|_| KeyError::Key)?;
    let pkcs8 = pair.to_pkcs8v1().map_err(|_| KeyError::Key)?;
    let public_key = jwk(id, pair.public_key().as_ref()).ok_or(KeyError::Key)?;
    store
        .add_signing_key(NewSigningKey {
            id,
            algorithm: ALGORITHM.to_owned(),
            public_key,
            private_key: sealing.seal(PURPOSE, pkcs8.as_ref())?,
        })
        .await?;
    Ok(id)
}

/// A public key as JWK; `point` is uncompressed.
fn jwk(id: Uuid, point: &[u8]) -> Option<Value> {
    let (x, y) = point.strip_prefix(&[4])?.split_at_checked(32)?;
    Some(json!({
        "kty": "EC",
        "crv": "P-256",
        "alg": ALGORITHM,
        "use": "sig",
        "kid": id.to_string(),
        "x": URL_SAFE_NO_PAD.encode(x),
        "y": URL_SAFE_NO_PAD.encode(y),
    }))
}

/// Looks for keys of other nodes, and makes a new one when it is time.
pub(crate) async fn run_clock(app: SharedApp) {
    let mut ticks = tokio::time::interval(LOOK_EVERY);
    loop {
        ticks.tick().await;
        if let Err(error) = app.signing_keys.look(&app).await {
            tracing::error!(%error, "the signing keys could not be looked after");
        }
    }
}
