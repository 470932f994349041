//! The id of this installation (`rest-identity.md` §4.2). It survives logout.

use std::path::Path;

use uuid::Uuid;

use crate::{ConfigStore, Error};

/// Reads the id, creating or replacing it where it is missing or malformed.
///
/// # Errors
/// When the file cannot be read or written.
pub fn load_or_create(store: &ConfigStore) -> Result<String, Error> {
    let path = store.folder().join("device_id");
    if let Some(id) = read(&path)? {
        return Ok(id);
    }
    store.write(&path, format!("{}\n", Uuid::new_v4()).as_bytes())?;
    // Another process may have won; what is on disk counts.
    read(&path)?.ok_or_else(|| Error::State {
        path,
        source: std::io::Error::other("the id just written is not there"),
    })
}

fn read(path: &Path) -> Result<Option<String>, Error> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) if error.kind() == std::io::ErrorKind::InvalidData => return Ok(None),
        Err(source) => {
            return Err(Error::State {
                path: path.to_owned(),
                source,
            });
        }
    };
    let id = text.trim();
    let valid =
        (8..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    Ok(valid.then(|| id.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_is_made_once_and_kept() {
        let home = tempfile::tempdir().unwrap();
        let store = ConfigStore::in_home(home.path());
        let id = load_or_create(&store).unwrap();
        assert_eq!(id.parse::<Uuid>().unwrap().get_version_num(), 4);
        assert_eq!(load_or_create(&store).unwrap(), id);
    }

    #[test]
    fn a_malformed_id_is_replaced() {
        let home = tempfile::tempdir().unwrap();
        let store = ConfigStore::in_home(home.path());
        std::fs::create_dir_all(store.folder()).unwrap();
        let path = store.folder().join("device_id");
        std::fs::write(&path, "short\n").unwrap();
        assert!(load_or_create(&store).unwrap().len() == 36);
        std::fs::write(&path, " kept-identifier \n").unwrap();
        assert_eq!(load_or_create(&store).unwrap(), "kept-identifier");
    }
}
