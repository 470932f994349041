//! The keys of a deployment: files beside the data, never in the database.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chain::SigningKey;

use super::seal::SealingKey;

/// Why the keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeyFileError {
    #[error("key file {path}: {source}")]
    Io {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("key file {path}: {reason}")]
    Content { path: PathBuf, reason: String },
    #[error("key file {path} can be read by others (mode {mode:o}); run: chmod 600 {path}")]
    Mode { path: PathBuf, mode: u32 },
}

/// Bytes of a secret.
const SECRET: usize = 32;

/// The keys of a deployment.
pub(crate) struct Keys {
    /// Signs audit heads.
    pub(crate) audit: Arc<SigningKey>,
    /// Signs orders to agents.
    pub(crate) orders: SigningKey,
    /// Signs questions to external judges.
    pub(crate) judge: SigningKey,
    /// Seals values in the database.
    pub(crate) sealing: SealingKey,
    /// Signs links to transferred content.
    pub(crate) links: zeroize::Zeroizing<Vec<u8>>,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys(…)")
    }
}

impl Keys {
    /// Reads the keys in `folder`, making those that do not exist yet.
    pub(crate) fn load_or_create(folder: &Path) -> Result<Self, KeyFileError> {
        fs::create_dir_all(folder)
            .and_then(|()| fs::set_permissions(folder, fs::Permissions::from_mode(0o700)))
            .map_err(|source| KeyFileError::Io {
                path: folder.to_owned(),
                source,
            })?;
        Ok(Self {
            audit: Arc::new(signing_key(&folder.join("audit.key"))?),
            orders: signing_key(&folder.join("orders.key"))?,
            judge: signing_key(&folder.join("judge.key"))?,
            sealing: sealing_key(&folder.join("sealing.key"))?,
            links: zeroize::Zeroizing::new(secret(&folder.join("links.key"))?),
        })
    }
}

fn signing_key(path: &Path) -> Result<SigningKey, KeyFileError> {
    let content = |reason: chain::KeyError| KeyFileError::Content {
        path: path.to_owned(),
        reason: reason.to_string(),
    };
    match read(path)? {
        Some(document) => SigningKey::from_pkcs8(&document).map_err(content),
        None => {
            let (key, document) = SigningKey::generate().map_err(content)?;
            create(path, &document)?;
            Ok(key)
        }
    }
}

fn sealing_key(path: &Path) -> Result<SealingKey, KeyFileError> {
    SealingKey::new(&secret(path)?).map_err(|error| content(path, error.to_string()))
}

/// Random bytes that are made once.
fn secret(path: &Path) -> Result<Vec<u8>, KeyFileError> {
    let bytes = match read(path)? {
        Some(bytes) => bytes,
        None => {
            let mut bytes = vec![0; SECRET];
            aws_lc_rs::rand::fill(&mut bytes)
                .map_err(|_| content(path, "no randomness from the system".to_owned()))?;
            create(path, &bytes)?;
            bytes
        }
    };
    if bytes.len() == SECRET {
        return Ok(bytes);
    }
    Err(content(path, format!("it must hold {SECRET} bytes")))
}

fn content(path: &Path, reason: String) -> KeyFileError {
    KeyFileError::Content {
        path: path.to_owned(),
        reason,
    }
}

fn read(path: &Path) -> Result<Option<Vec<u8>>, KeyFileError> {
    let io = |source| KeyFileError::Io {
        path: path.to_owned(),
        source,
    };
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io(error)),
    };
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(KeyFileError::Mode {
            path: path.to_owned(),
            mode,
        });
    }
    fs::read(path).map(Some).map_err(io)
}

fn create(path: &Path, bytes: &[u8]) -> Result<(), KeyFileError> {
    let io = |source| KeyFileError::Io {
        path: path.to_owned(),
        source,
    };
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(io)?;
    file.write_all(bytes)
        .and_then(|()| file.sync_all())
        .map_err(io)
}
