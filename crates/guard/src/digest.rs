//! SHA-256 of program files, remembered while a file stays the same.

use std::collections::HashMap;
use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use aws_lc_rs::digest::{Context, SHA256};

/// Most files remembered.
const CAPACITY: usize = 1_024;
const CHUNK: usize = 64 * 1024;

/// A file, whatever its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct FileId {
    pub(crate) device: u64,
    pub(crate) inode: u64,
}

/// A file and the state of its contents. The change time is part of it because,
/// unlike the modification time, its owner cannot set it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Version {
    file: FileId,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

/// Digests of files that have been read.
#[derive(Debug, Default)]
pub(crate) struct Digests {
    known: HashMap<Version, String>,
}

impl FileId {
    pub(crate) fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
        }
    }
}

impl Version {
    fn of(metadata: &Metadata) -> Self {
        Self {
            file: FileId::of(metadata),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

impl Digests {
    /// The digest in lowercase hex of the file that `path` leads to, which
    /// `metadata` describes. `None` where it cannot be read.
    pub(crate) fn of(&mut self, path: &Path, metadata: &Metadata) -> Option<String> {
        if let Some(known) = self.known.get(&Version::of(metadata)) {
            return Some(known.clone());
        }
        let mut file = File::open(path).ok()?;
        let version = Version::of(&file.metadata().ok()?);
        let digest = digest(&mut file).ok()?;
        if self.known.len() >= CAPACITY {
            self.known.clear();
        }
        self.known.insert(version, digest.clone());
        Some(digest)
    }
}

fn digest(file: &mut File) -> io::Result<String> {
    let mut context = Context::new(&SHA256);
    let mut buffer = vec![0; CHUNK];
    loop {
        let count = file.read(&mut buffer)?;
        if count == 0 {
            break;
        }
        context.update(buffer.get(..count).unwrap_or_default());
    }
    let bytes = context.finish();
    Ok(bytes
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follows_changes_of_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("program");
        let mut digests = Digests::default();
        let mut of = |text: &str| {
            std::fs::write(&path, text).unwrap();
            digests
                .of(&path, &std::fs::metadata(&path).unwrap())
                .unwrap()
        };
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(of("abc"), abc);
        assert_ne!(of("abcd"), abc);
        assert_eq!(of("abc"), abc);
    }

    #[test]
    fn a_missing_file_has_none() {
        let metadata = std::fs::metadata("/").unwrap();
        assert_eq!(
            Digests::default().of(Path::new("/nonexistent"), &metadata),
            None
        );
    }
}
