//! The secrets of a login outside the configuration file, for who wants that: in the
//! keyring of the kernel or of the desktop.

#[cfg(target_os = "linux")]
mod desktop;
#[cfg(target_os = "linux")]
mod kernel;

use serde::{Deserialize, Serialize};

use crate::{Config, Error};

/// Value of [`Config::credential_store`] that puts secrets into the keyring of the Linux
/// kernel.
pub const KEYRING: &str = "keyring";
/// Value of [`Config::credential_store`] that puts secrets into the keyring of the desktop
/// (freedesktop.org Secret Service), which keeps them over a restart.
pub const SECRET_SERVICE: &str = "secret-service";
/// Value of [`Config::credential_store`] that leaves them in the file, as the public CLI
/// does; also when it is empty.
pub const FILE: &str = "file";

/// A place for secrets outside the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Keyring {
    Kernel,
    Desktop,
}

impl Keyring {
    /// The one that a configuration names; none for the file.
    fn of(store: &str) -> Option<Self> {
        match store {
            KEYRING => Some(Self::Kernel),
            SECRET_SERVICE => Some(Self::Desktop),
            _ => None,
        }
    }
}

#[cfg(target_os = "linux")]
impl Keyring {
    fn store(self, name: &str, secret: &[u8]) -> Result<(), String> {
        match self {
            Self::Kernel => kernel::store(name, secret),
            Self::Desktop => desktop::store(name, secret),
        }
    }

    fn load(self, name: &str) -> Result<Option<Vec<u8>>, String> {
        match self {
            Self::Kernel => kernel::load(name),
            Self::Desktop => desktop::load(name),
        }
    }

    fn delete(self, name: &str) {
        match self {
            Self::Kernel => kernel::delete(name),
            Self::Desktop => desktop::delete(name),
        }
    }
}

#[cfg(not(target_os = "linux"))]
impl Keyring {
    const MISSING: &str = "this version knows the keyrings of Linux only";

    fn store(self, _name: &str, _secret: &[u8]) -> Result<(), String> {
        Err(Self::MISSING.to_owned())
    }

    fn load(self, _name: &str) -> Result<Option<Vec<u8>>, String> {
        Err(Self::MISSING.to_owned())
    }

    fn delete(self, _name: &str) {}
}

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
    let Some(keyring) = Keyring::of(&config.credential_store) else {
        return Ok(config.clone());
    };
    let mut bare = config.clone();
    let secrets = Secrets {
        token: std::mem::take(&mut bare.token),
        access_token: std::mem::take(&mut bare.access_token),
        refresh_token: std::mem::take(&mut bare.refresh_token),
    };
    let secrets = serde_json::to_vec(&secrets).map_err(|error| unusable(&error.to_string()))?;
    keyring
        .store(&name(place), &secrets)
        .map_err(|reason| unusable(&reason))?;
    Ok(bare)
}

/// Puts the secrets back into a configuration that was read. Without them in the keyring
/// nobody is logged in.
pub(crate) fn recall(mut config: Config, place: &str) -> Result<Config, Error> {
    let Some(keyring) = Keyring::of(&config.credential_store) else {
        return Ok(config);
    };
    let found = keyring
        .load(&name(place))
        .map_err(|reason| unusable(&reason))?;
    let Some(secrets) = found else {
        return Ok(config);
    };
    let secrets: Secrets =
        serde_json::from_slice(&secrets).map_err(|_| unusable("what it holds is not ours"))?;
    config.token = secrets.token;
    config.access_token = secrets.access_token;
    config.refresh_token = secrets.refresh_token;
    Ok(config)
}

/// Forgets the secrets of a place in what a configuration names as `store`, if there are
/// any.
pub(crate) fn forget(place: &str, store: &str) {
    if let Some(keyring) = Keyring::of(store) {
        keyring.delete(&name(place));
    }
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
