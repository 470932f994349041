//! New content for one name, all of it or none.
//!
//! The content goes to a hidden file beside its destination, which takes the name at
//! the end. What is there until then stays, and a reader never sees a half file.

use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Mode, OFlags};
use rustix::io::Errno;

use super::FileError;

/// Links followed to the file that is to be replaced.
const MAX_LINKS: u32 = 40;
const NEW_FILE: Mode = Mode::from_raw_mode(0o600);

/// Content on its way to a name. Dropped before [`Replacement::commit`] it leaves
/// nothing behind.
#[derive(Debug)]
pub struct Replacement<D: AsFd> {
    directory: D,
    temporary: Option<String>,
    name: PathBuf,
    file: File,
    shown: PathBuf,
    keeps_mode: Option<u32>,
    overwrite: bool,
}

impl Replacement<OwnedFd> {
    /// For the file at `path`, whose directory exists. A link is followed to the
    /// file that it names, which is then the one replaced.
    ///
    /// # Errors
    /// When the directory cannot be written, or a directory or special file is there.
    pub fn at(path: &Path, overwrite: bool) -> Result<Self, FileError> {
        let path = resolve(path)?;
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(FileError::unfit(path, "is a directory"));
        };
        let parent = match parent.as_os_str().is_empty() {
            true => Path::new("."),
            false => parent,
        };
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory =
            rustix::fs::open(parent, flags, Mode::empty()).map_err(FileError::errno(parent))?;
        Self::beneath(directory, Path::new(name), &path, overwrite, NEW_FILE)
    }
}

impl<D: AsFd> Replacement<D> {
    /// For `name` in an open directory. A link there is replaced, not followed.
    /// `shown` is its path in messages; a new file gets `mode` less the umask.
    ///
    /// # Errors
    /// When the directory cannot be written, or a directory or special file is there.
    pub fn beneath(
        directory: D,
        name: &Path,
        shown: &Path,
        overwrite: bool,
        mode: Mode,
    ) -> Result<Self, FileError> {
        let keeps_mode = existing_mode(directory.as_fd(), name, shown)?;
        if keeps_mode.is_some() && !overwrite {
            return Err(FileError::unfit(shown, "exists already"));
        }
        let temporary = format!(".alpacon-{}.tmp", uuid::Uuid::new_v4().simple());
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&directory, temporary.as_str(), flags, mode)
            .map_err(FileError::errno(shown))?;
        Ok(Self {
            directory,
            temporary: Some(temporary),
            name: name.to_owned(),
            file: file.into(),
            shown: shown.to_owned(),
            keeps_mode,
            overwrite,
        })
    }

    /// Where the content goes.
    #[must_use]
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Path in messages.
    #[must_use]
    pub fn shown(&self) -> &Path {
        &self.shown
    }

    /// Mode of the file that is replaced, which the new one keeps.
    #[must_use]
    pub fn kept_mode(&self) -> Option<u32> {
        self.keeps_mode
    }

    /// Puts the content in place.
    ///
    /// # Errors
    /// When it cannot be; nothing has changed then.
    pub fn commit(mut self) -> Result<(), FileError> {
        if let Some(mode) = self.keeps_mode {
            rustix::fs::fchmod(&self.file, Mode::from_raw_mode(mode))
                .map_err(FileError::errno(&self.shown))?;
        }
        let Some(temporary) = &self.temporary else {
            return Ok(());
        };
        let from = temporary.as_str();
        if self.overwrite {
            rustix::fs::renameat(&self.directory, from, &self.directory, &self.name)
                .map_err(FileError::errno(&self.shown))?;
        } else {
            // A link never replaces what came there meanwhile.
            let flags = AtFlags::empty();
            rustix::fs::linkat(&self.directory, from, &self.directory, &self.name, flags)
                .map_err(FileError::errno(&self.shown))?;
            return Ok(());
        }
        self.temporary = None;
        Ok(())
    }
}

impl<D: AsFd> Drop for Replacement<D> {
    fn drop(&mut self) {
        if let Some(temporary) = self.temporary.take() {
            // Nothing more can be done where it cannot be removed.
            let _left: Result<(), Errno> =
                rustix::fs::unlinkat(&self.directory, temporary.as_str(), AtFlags::empty());
        }
    }
}

/// The mode of what is at `name`. `None`: nothing, or a link, which has none to keep.
fn existing_mode(
    directory: BorrowedFd<'_>,
    name: &Path,
    shown: &Path,
) -> Result<Option<u32>, FileError> {
    let stat = match rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => stat,
        Err(Errno::NOENT) => return Ok(None),
        Err(error) => return Err(FileError::errno(shown)(error)),
    };
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => Ok(Some(stat.st_mode & 0o777)),
        FileType::Symlink => Err(FileError::unfit(
            shown,
            "is a symbolic link; it is not followed",
        )),
        FileType::Directory => Err(FileError::unfit(shown, "is a directory")),
        _ => Err(FileError::unfit(shown, "is not a regular file")),
    }
}

/// Where `path` leads if it is a link, also to what does not exist yet.
fn resolve(path: &Path) -> Result<PathBuf, FileError> {
    if path.as_os_str().as_bytes().ends_with(b"/") {
        return Err(FileError::unfit(path, "is not the name of a file"));
    }
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        match std::fs::read_link(&path) {
            Ok(target) => path = path.parent().unwrap_or(Path::new("")).join(target),
            Err(_) => return Ok(path),
        }
    }
    Err(FileError::errno(&path)(Errno::LOOP))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    fn mode(path: &Path) -> u32 {
        path.metadata().unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn the_name_changes_only_at_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        std::fs::write(&path, "old").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        let new = Replacement::at(&path, true).unwrap();
        new.file().write_all(b"new").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        new.commit().unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
        assert_eq!(mode(&path), 0o640);
        assert_eq!(names(folder.path()), ["x"]);
    }

    #[test]
    fn given_up_it_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let new = Replacement::at(&folder.path().join("x"), true).unwrap();
        new.file().write_all(b"half").unwrap();
        drop(new);
        assert!(names(folder.path()).is_empty());
    }

    #[test]
    fn new_files_are_the_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        Replacement::at(&path, true).unwrap().commit().unwrap();
        assert_eq!(mode(&path) & 0o177, 0);
    }

    #[test]
    fn without_overwriting_the_first_one_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        let late = Replacement::at(&path, false).unwrap();
        std::fs::write(&path, "first").unwrap();
        assert!(late.commit().is_err());
        assert!(Replacement::at(&path, false).is_err());
        assert_eq!(std::fs::read(&path).unwrap(), b"first");
        assert_eq!(names(folder.path()), ["x"]);
        let free = folder.path().join("y");
        Replacement::at(&free, false).unwrap().commit().unwrap();
        assert_eq!(names(folder.path()), ["x", "y"]);
    }

    #[test]
    fn links_are_followed_only_where_a_user_named_them() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("target");
        std::fs::write(&target, "old").unwrap();
        symlink("target", folder.path().join("link")).unwrap();
        let new = Replacement::at(&folder.path().join("link"), true).unwrap();
        new.file().write_all(b"new").unwrap();
        new.commit().unwrap();
        assert_eq!(std::fs::read(&target).unwrap(), b"new");
        assert!(folder.path().join("link").is_symlink());
        let directory = File::open(folder.path()).unwrap();
        let link = Path::new("link");
        let refused = Replacement::beneath(directory, link, link, true, NEW_FILE).unwrap_err();
        assert!(refused.to_string().contains("symbolic link"), "{refused}");
    }

    #[test]
    fn directories_and_loops_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        symlink("loop", folder.path().join("loop")).unwrap();
        for name in ["", "loop", "missing/x"] {
            assert!(
                Replacement::at(&folder.path().join(name), true).is_err(),
                "{name}"
            );
        }
    }
}
