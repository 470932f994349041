//! Passwords: Argon2id, computed off the async threads and two at a time.

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use tokio::sync::Semaphore;

/// Hashes computed at once; each takes 19 MiB and a core.
const CONCURRENCY: usize = 2;
static SLOTS: Semaphore = Semaphore::const_new(CONCURRENCY);

/// What a user without a password is checked against, so that the answer takes
/// as long as for a user with one.
const DECOY: &str = "$argon2id$v=19$m=19456,t=2,p=1$c29tZSBmaXhlZCBzYWx0$\
    G7aR3OVyfLp8nGdZ5w8NfC0V9VpXoUl7VtNnXmYk3tM";

/// The password could not be hashed.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the password could not be hashed")]
pub(crate) struct PasswordError;

/// The PHC string to be stored.
pub(crate) async fn hash(password: String) -> Result<String, PasswordError> {
    let _slot = SLOTS.acquire().await.map_err(|_| PasswordError)?;
    tokio::task::spawn_blocking(move || {
        Argon2::default()
            .hash_password(password.as_bytes())
            .map(|hash| hash.to_string())
            .map_err(|_| PasswordError)
    })
    .await
    .map_err(|_| PasswordError)?
}

/// Whether `password` is the one behind `stored`. Without a stored one the same
/// work is done and the answer is no.
pub(crate) async fn verify(password: String, stored: Option<String>) -> bool {
    let Ok(_slot) = SLOTS.acquire().await else {
        return false;
    };
    let known = stored.is_some();
    let stored = stored.unwrap_or_else(|| DECOY.to_owned());
    let matches = tokio::task::spawn_blocking(move || {
        PasswordHash::new(&stored).is_ok_and(|hash| {
            Argon2::default()
                .verify_password(password.as_bytes(), &hash)
                .is_ok()
        })
    })
    .await
    .unwrap_or(false);
    known && matches
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_right_password_verifies() {
        let stored = hash("right".to_owned()).await.unwrap();
        assert!(stored.starts_with("$argon2id$"));
        assert!(verify("right".to_owned(), Some(stored.clone())).await);
        assert!(!verify("wrong".to_owned(), Some(stored)).await);
        assert!(!verify("right".to_owned(), None).await);
        assert!(PasswordHash::new(DECOY).is_ok());
    }
}
