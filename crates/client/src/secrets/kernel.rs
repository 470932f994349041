//! The keyring of the Linux kernel: in memory, gone with the user's last process or a
//! restart.

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
        Err(KeyError::KeyDoesNotExist | KeyError::KeyExpired | KeyError::KeyRevoked) => Ok(None),
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
