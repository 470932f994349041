//! The local copy of a file that is edited: for its owner alone, and gone afterwards
//! unless it holds changes that are nowhere else.

use std::fs::{DirBuilder, Permissions};
use std::io::{ErrorKind, Read as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use client::files::FileError;
use client::files::digest::Digest;
use tempfile::TempDir;

const PRIVATE: u32 = 0o700;
const READ: usize = 128 * 1024;

/// A file in a directory of its own.
#[derive(Debug)]
pub(super) struct WorkingCopy {
    /// Root of all working copies.
    root: PathBuf,
    session: TempDir,
    path: PathBuf,
    kept: bool,
}

impl WorkingCopy {
    /// A place for the file `name` below the client's own folder, or below the
    /// system's temporary one where that cannot be written.
    pub(super) fn create(
        folder: &Path,
        server: &str,
        path: &str,
        name: &str,
    ) -> Result<Self, FileError> {
        let below = |root: PathBuf| Self::below(root, server, path, name);
        below(folder.join("edit")).or_else(|_| {
            let root = std::env::temp_dir().join("alpacon-edit");
            require_own(&root)?;
            let copy = below(root)?;
            // Another one of ours may have removed it in between; now it cannot.
            require_own(&copy.root)?;
            Ok(copy)
        })
    }

    fn below(root: PathBuf, server: &str, path: &str, name: &str) -> Result<Self, FileError> {
        let failed = |place: &Path| {
            let path = place.to_owned();
            move |source| FileError::Io { path, source }
        };
        let place = root.join(plain(server)).join(super::key(server, path));
        let mut builder = DirBuilder::new();
        builder.recursive(true).mode(PRIVATE);
        builder.create(&place).map_err(failed(&place))?;
        let session = tempfile::Builder::new()
            .prefix("session-")
            .permissions(Permissions::from_mode(PRIVATE))
            .tempdir_in(&place)
            .map_err(failed(&place))?;
        let path = session.path().join(name);
        Ok(Self {
            root,
            session,
            path,
            kept: false,
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn size(&self) -> Result<u64, FileError> {
        match self.path.metadata() {
            Ok(metadata) => Ok(metadata.len()),
            Err(source) => Err(self.failed(source)),
        }
    }

    pub(super) fn sha256(&self) -> Result<String, FileError> {
        let mut file = std::fs::File::open(&self.path).map_err(|error| self.failed(error))?;
        let mut digest = Digest::default();
        let mut buffer = vec![0; READ];
        loop {
            let count = file.read(&mut buffer).map_err(|error| self.failed(error))?;
            if count == 0 {
                return Ok(digest.finish());
            }
            digest.update(buffer.get(..count).unwrap_or_default());
        }
    }

    /// From now on it stays, also when we end.
    pub(super) fn keep(&mut self) {
        self.session.disable_cleanup(true);
        self.kept = true;
    }

    /// What was kept is needed no more.
    pub(super) fn discard(&mut self) {
        self.kept = false;
    }

    fn failed(&self, source: std::io::Error) -> FileError {
        FileError::Io {
            path: self.path.clone(),
            source,
        }
    }
}

impl Drop for WorkingCopy {
    fn drop(&mut self) {
        let session = self.session.path().to_owned();
        if !self.kept {
            // What cannot be removed is for its owner alone.
            let _gone: std::io::Result<()> = std::fs::remove_dir_all(&session);
        }
        // Empty ones go too, up to the root; those with other copies in them stay.
        let mut place = session.parent();
        while let Some(directory) = place.filter(|place| place.starts_with(&self.root)) {
            if std::fs::remove_dir(directory).is_err() {
                return;
            }
            place = directory.parent();
        }
    }
}

/// A root where everybody may make directories: it must be ours, or whoever made it
/// could put another file in the place of the one that is edited.
fn require_own(root: &Path) -> Result<(), FileError> {
    let failed = |source| FileError::Io {
        path: root.to_owned(),
        source,
    };
    match DirBuilder::new().mode(PRIVATE).create(root) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(failed(error)),
        Ok(()) | Err(_) => {}
    }
    let found = root.symlink_metadata().map_err(failed)?;
    let is_private = found.permissions().mode() & 0o077 == 0;
    if found.is_dir() && is_private && found.uid() == rustix::process::geteuid().as_raw() {
        return Ok(());
    }
    Err(FileError::Unfit {
        path: root.to_owned(),
        reason: "is not a directory for you alone; remove it, or set TMPDIR",
    })
}

/// The server's name as a name of a directory.
fn plain(server: &str) -> String {
    let name: String = server
        .chars()
        .map(|c| match c {
            'A'..='Z' | 'a'..='z' | '0'..='9' | '-' | '_' | '.' => c,
            _ => '_',
        })
        .collect();
    match name.as_str() {
        "." | ".." => "_".to_owned(),
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn create(folder: &Path) -> WorkingCopy {
        let copy = WorkingCopy::create(folder, "web 1/../x", "/etc/hosts", "hosts").unwrap();
        std::fs::write(copy.path(), "text").unwrap();
        copy
    }

    #[test]
    fn the_copy_is_the_owners_alone_and_goes_away() {
        let folder = tempfile::tempdir().unwrap();
        let copy = create(folder.path());
        let key = super::super::key("web 1/../x", "/etc/hosts");
        let expected = folder.path().join("edit/web_1_.._x").join(key);
        assert!(copy.path().starts_with(&expected), "{:?}", copy.path());
        for place in [copy.path().parent().unwrap(), &expected] {
            assert_eq!(
                place.metadata().unwrap().permissions().mode() & 0o777,
                0o700
            );
        }
        assert_eq!(copy.sha256().unwrap(), client::files::digest::of(b"text"));
        drop(copy);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_is_kept_stays_and_does_not_disturb_others() {
        let folder = tempfile::tempdir().unwrap();
        let (mut kept, other) = (create(folder.path()), create(folder.path()));
        kept.keep();
        let path = kept.path().to_owned();
        drop((kept, other));
        assert_eq!(std::fs::read(&path).unwrap(), b"text");
        let place = path.parent().unwrap().parent().unwrap();
        assert_eq!(std::fs::read_dir(place).unwrap().count(), 1);
        let mut discarded = create(folder.path());
        discarded.keep();
        discarded.discard();
        let gone = discarded.path().to_owned();
        drop(discarded);
        assert!(!gone.exists() && path.exists());
    }

    #[test]
    fn a_root_that_others_can_change_is_not_used() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("root");
        require_own(&root).unwrap();
        require_own(&root).unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&root, &link).unwrap();
        assert!(require_own(&link).is_err());
        std::fs::set_permissions(&root, Permissions::from_mode(0o777)).unwrap();
        assert!(require_own(&root).is_err());
    }

    #[test]
    fn a_home_that_cannot_be_written_is_no_obstacle() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("edit"), "a file in the way").unwrap();
        let copy = create(folder.path());
        assert!(
            copy.path()
                .starts_with(std::env::temp_dir().join("alpacon-edit"))
        );
    }
}
