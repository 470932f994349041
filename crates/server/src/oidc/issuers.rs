//! What is known of issuers, kept for a while: one fetch at a time for each, and not
//! again at once when it failed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jsonwebtoken::jwk::Jwk;
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::Semaphore;

use super::{Claims, Fetcher, Metadata, OidcError, verify};

/// How long metadata and keys are believed.
const FRESH_FOR: Duration = Duration::from_secs(600);
/// How soon keys are fetched again because a token names an unknown one.
const REFETCH_AFTER: Duration = Duration::from_secs(10);
/// How long a failure stands.
const FAILED_FOR: Duration = Duration::from_secs(5);
/// Issuers that are remembered.
const MAX_ISSUERS: usize = 256;
/// Keys of one issuer that are looked at.
const MAX_KEYS: usize = 64;

/// What is known of one issuer.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) metadata: Metadata,
    pub(super) keys: Vec<Jwk>,
}

#[derive(Debug)]
struct Slot {
    /// Holds one fetch at a time.
    turn: Semaphore,
    state: Mutex<State>,
}

/// What was learned last, and what failed since, each with its time. A fetch that fails
/// takes nothing away: whoever shows a token with a made-up key causes one.
#[derive(Debug, Default)]
struct State {
    known: Option<(Instant, Arc<Known>)>,
    failure: Option<(Instant, OidcError)>,
}

/// All issuers that were asked.
#[derive(Debug)]
pub(crate) struct Issuers {
    fetcher: Fetcher,
    slots: Mutex<HashMap<String, Arc<Slot>>>,
}

#[derive(Deserialize)]
struct KeySet {
    keys: Vec<Value>,
}

impl Issuers {
    pub(crate) fn new(fetcher: Fetcher) -> Self {
        Self {
            fetcher,
            slots: Mutex::default(),
        }
    }

    pub(crate) fn fetcher(&self) -> &Fetcher {
        &self.fetcher
    }

    /// The metadata of an issuer that the configuration of a workspace names.
    pub(crate) async fn metadata(&self, issuer: &str) -> Result<Metadata, OidcError> {
        let known = self.known(issuer, FRESH_FOR).await?;
        Ok(known.metadata.clone())
    }

    /// Verifies a token of `issuer` for `audience`, see [`verify`]. Keys are fetched
    /// again, now and then, when the token names one that is not known.
    pub(crate) async fn verify(
        &self,
        token: &str,
        issuer: &str,
        audience: &[&str],
    ) -> Result<Claims, OidcError> {
        let known = self.known(issuer, FRESH_FOR).await?;
        let named = verify::key_id(token)?;
        let is_known = named.as_ref().is_none_or(|id| {
            let mut ids = known.keys.iter().map(|key| key.common.key_id.as_ref());
            ids.any(|known| known == Some(id))
        });
        let known = match is_known {
            true => known,
            false => self.known(issuer, REFETCH_AFTER).await?,
        };
        verify::verify(token, &known.keys, issuer, audience)
    }

    async fn known(&self, issuer: &str, max_age: Duration) -> Result<Arc<Known>, OidcError> {
        let slot = self.slot(issuer);
        if let Some(answer) = slot.remembered(max_age) {
            return answer;
        }
        let closed = OidcError::Metadata("the server stops");
        let _turn = slot.turn.acquire().await.map_err(|_| closed)?;
        // Whoever had the turn before may have fetched it.
        if let Some(answer) = slot.remembered(max_age) {
            return answer;
        }
        let fetched = self.fetch(issuer).await.map(Arc::new);
        slot.keep(&fetched);
        fetched
    }

    async fn fetch(&self, issuer: &str) -> Result<Known, OidcError> {
        self.fetcher.addresses().check(issuer)?;
        let metadata: Metadata = self.fetcher.json(&Metadata::address(issuer)).await?;
        let metadata = metadata.checked(issuer)?;
        let keys: KeySet = self.fetcher.json(&metadata.jwks_uri).await?;
        // Kinds of keys that we do not know are no obstacle to those we do.
        let keys = keys
            .keys
            .into_iter()
            .take(MAX_KEYS)
            .filter_map(|key| serde_json::from_value(key).ok())
            .collect();
        Ok(Known { metadata, keys })
    }

    fn slot(&self, issuer: &str) -> Arc<Slot> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = slots.get(issuer) {
            return slot.clone();
        }
        if slots.len() >= MAX_ISSUERS {
            slots.clear();
        }
        let slot = Arc::new(Slot::new());
        slots.insert(issuer.to_owned(), slot.clone());
        slot
    }
}

impl Slot {
    fn new() -> Self {
        Self {
            turn: Semaphore::new(1),
            state: Mutex::default(),
        }
    }

    fn remembered(&self, max_age: Duration) -> Option<Result<Arc<Known>, OidcError>> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, known)) = &state.known
            && at.elapsed() < max_age
        {
            return Some(Ok(known.clone()));
        }
        let (at, failure) = state.failure.as_ref()?;
        (at.elapsed() < FAILED_FOR).then(|| Err(failure.clone()))
    }

    fn keep(&self, fetched: &Result<Arc<Known>, OidcError>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let at = Instant::now();
        match fetched {
            Ok(known) => {
                state.known = Some((at, known.clone()));
                state.failure = None;
            }
            Err(error) => state.failure = Some((at, error.clone())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_takes_away_nothing_that_is_fresh() {
        let slot = Slot::new();
        assert!(slot.remembered(FRESH_FOR).is_none());
        let failure = OidcError::Metadata("it is broken");
        slot.keep(&Err(failure.clone()));
        assert_eq!(slot.remembered(FRESH_FOR).unwrap().unwrap_err(), failure);
        let known = Arc::new(Known {
            metadata: Metadata::default(),
            keys: Vec::new(),
        });
        slot.keep(&Ok(known));
        slot.keep(&Err(failure.clone()));
        assert!(slot.remembered(FRESH_FOR).unwrap().is_ok());
        // Whoever wants it newer hears of the failure.
        let newer = slot.remembered(Duration::ZERO);
        assert_eq!(newer.unwrap().unwrap_err(), failure);
    }
}
