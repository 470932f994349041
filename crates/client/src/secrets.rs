//! The secrets of a login outside the configuration file, for who wants that: in the
//! kernel's keyring of the user. It is in memory only and ends with the user's last
//! process or a restart; then one logs in again.

use serde::{Deserialize, Serialize};

use crate::{Config, Error};

/// Value of [`Config::credential_store`] that puts secrets into the keyring.
pub const KEYRING: &str = "keyring";
/// Value of [`Config::credential_store`] that leaves them in the file, as the public CLI
/// does; also when it is empty.
pub const FILE: &str = "file";

/// What the configuration file does not hold then.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Secrets {
    token: String,
    access_token: String,
    refresh_token: String,
}

/// The configuration as the file shall hold it; its secrets are in the keyring now, where
/// the user wants that.
pub(crate) fn stash(config: &Config, place: &str) -> Result<Config, Error> {
    if config.credential_store != KEYRING {
        return Ok(config.clone());
    }
    let mut bare = config.clone();
    let secrets = Secrets {
        token: std::mem::take(&mut bare.token),
        access_token: std::mem::take(&mut bare.access_token),
        refresh_token: std::mem::take(&mut bare.refresh_token),
    };
    let secrets = serde_json::to_vec(&secrets).map_err(|error| unusable(&error.to_string()))?;
    keyring::store(&name(place), &secrets).map_err(|reason| unusable(&reason))?;
    Ok(bare)
}

/// Puts the secrets back into a configuration that was read. Without them in the keyring
/// nobody is logged in.
pub(crate) fn recall(mut config: Config, place: &str) -> Result<Config, Error> {
    if config.credential_store != KEYRING {
        return Ok(config);
    }
    let Some(secrets) = keyring::load(&name(place)).map_err(|reason| unusable(&reason))? else {
        return Ok(config);
    };
    let secrets: Secrets =
        serde_json::from_slice(&secrets).map_err(|_| unusable("what it holds is not ours"))?;
    config.token = secrets.token;
    config.access_token = secrets.access_token;
    config.refresh_token = secrets.refresh_token;
    Ok(config)
}

/// Forgets the secrets of a place, if there are any.
pub(crate) fn forget(place: &str) {
    keyring::delete(&name(place));
}

fn name(place: &str) -> String {
    format!("alpacon:{place}")
}

fn unusable(reason: &str) -> Error {
    Error::Login(format!(
        "the keyring of this system cannot be used ({reason}); log in with `--credential-store \
         {FILE}`"
    ))
}

#[cfg(target_os = "linux")]
mod keyring {
    use linux_keyutils::{KeyError, KeyPermissionsBuilder, KeyRing, KeyRingIdentifier, Permission};

    fn ring() -> Result<KeyRing, String> {
        KeyRing::from_special_id(KeyRingIdentifier::User, false).map_err(text)
    }

    pub(super) fn store(name: &str, secret: &[u8]) -> Result<(), String> {
        let key = ring()?.add_key(name, secret).map_err(text)?;
        // Also for processes of the user that no login session started.
        let permissions = KeyPermissionsBuilder::builder()
            .posessor(Permission::ALL)
            .user(Permission::ALL)
            .build();
        key.set_perms(permissions).map_err(text)
    }

    pub(super) fn load(name: &str) -> Result<Option<Vec<u8>>, String> {
        match ring()?.search(name) {
            Ok(key) => key.read_to_vec().map(Some).map_err(text),
            Err(KeyError::KeyDoesNotExist | KeyError::KeyExpired | KeyError::KeyRevoked) => {
                Ok(None)
            }
            Err(error) => Err(text(error)),
        }
    }

    pub(super) fn delete(name: &str) {
        if let Ok(ring) = ring()
            && let Ok(key) = ring.search(name)
        {
            // One that is gone already is gone.
            let _gone = key.invalidate();
        }
    }

    fn text(error: KeyError) -> String {
        format!("{error:?}")
    }
}

#[cfg(not(target_os = "linux"))]
mod keyring {
    const MISSING: &str = "this version knows the keyring of Linux only";

    pub(super) fn store(_name: &str, _secret: &[u8]) -> Result<(), String> {
        Err(MISSING.to_owned())
    }

    pub(super) fn load(_name: &str) -> Result<Option<Vec<u8>>, String> {
        Err(MISSING.to_owned())
    }

    pub(super) fn delete(_name: &str) {}
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use crate::ConfigStore;

    #[test]
    fn secrets_are_in_the_keyring_and_not_in_the_file() {
        let home = tempfile::tempdir().unwrap();
        let store = ConfigStore::in_home(home.path());
        let config = Config {
            workspace_url: "https://w".to_owned(),
            token: "alpss-s3cret".to_owned(),
            credential_store: KEYRING.to_owned(),
            ..Config::default()
        };
        if let Err(error) = store.save(&config) {
            // A sandbox may have no keyring; then it says so.
            assert!(
                error.to_string().contains("--credential-store file"),
                "{error}"
            );
            return;
        }
        let text = std::fs::read_to_string(store.folder().join("config.json")).unwrap();
        assert!(!text.contains("s3cret") && text.contains(KEYRING), "{text}");
        assert_eq!(store.load().unwrap(), Some(config.clone()));

        let other = tempfile::tempdir().unwrap();
        let elsewhere = ConfigStore::in_home(other.path());
        std::fs::create_dir_all(elsewhere.folder()).unwrap();
        std::fs::write(elsewhere.folder().join("config.json"), &text).unwrap();
        let copied = elsewhere.load().unwrap().unwrap();
        assert_eq!(copied.token, "", "a copied file is no login");

        store.delete().unwrap();
        std::fs::write(store.folder().join("config.json"), &text).unwrap();
        assert_eq!(store.load().unwrap().unwrap().token, "");
    }
}
