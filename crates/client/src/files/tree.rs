//! A directory and what is beneath it, reached without following a symbolic link.

use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use super::FileError;

const OPEN: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);
/// Less the umask.
const NEW_DIRECTORY: Mode = Mode::from_raw_mode(0o755);

/// An open directory with the way to the one entered last, which is likely to be
/// entered next.
#[derive(Debug)]
pub struct Tree {
    root: OwnedFd,
    path: PathBuf,
    entered: Vec<(String, OwnedFd)>,
}

impl Tree {
    /// Opens the directory at `path`. Here links are followed: the user named it.
    ///
    /// # Errors
    /// When it is no directory or cannot be opened.
    pub fn open(path: &Path) -> Result<Self, FileError> {
        let root = rustix::fs::open(path, OPEN.difference(OFlags::NOFOLLOW), Mode::empty())
            .map_err(FileError::errno(path))?;
        Ok(Self {
            root,
            path: path.to_owned(),
            entered: Vec::new(),
        })
    }

    /// The directory at `components`, created where it is missing.
    ///
    /// # Errors
    /// When something else is in the way, such as a link, or the system refuses.
    pub fn enter(&mut self, components: &[&str]) -> Result<BorrowedFd<'_>, FileError> {
        let common = self
            .entered
            .iter()
            .zip(components)
            .take_while(|((known, _), wanted)| known == *wanted)
            .count();
        self.entered.truncate(common);
        for name in components.get(common..).unwrap_or_default() {
            let next =
                open_or_create(self.current(), name).map_err(|error| self.refusal(name, error))?;
            self.entered.push(((*name).to_owned(), next));
        }
        Ok(self.current())
    }

    fn current(&self) -> BorrowedFd<'_> {
        self.entered
            .last()
            .map_or(self.root.as_fd(), |(_, directory)| directory.as_fd())
    }

    fn refusal(&self, name: &str, error: Errno) -> FileError {
        let mut path = self.path.clone();
        path.extend(self.entered.iter().map(|(name, _)| name));
        path.push(name);
        match error {
            Errno::LOOP | Errno::NOTDIR => FileError::unfit(
                path,
                "is in the way: a directory is needed, and links are not followed",
            ),
            error => FileError::errno(path)(error),
        }
    }
}

fn open_or_create(parent: BorrowedFd<'_>, name: &str) -> Result<OwnedFd, Errno> {
    match rustix::fs::openat(parent, name, OPEN, Mode::empty()) {
        Err(Errno::NOENT) => {}
        result => return result,
    }
    match rustix::fs::mkdirat(parent, name, NEW_DIRECTORY) {
        Ok(()) | Err(Errno::EXIST) => {}
        Err(error) => return Err(error),
    }
    rustix::fs::openat(parent, name, OPEN, Mode::empty())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn directories_are_made_on_the_way() {
        let folder = tempfile::tempdir().unwrap();
        let mut tree = Tree::open(folder.path()).unwrap();
        tree.enter(&["a", "b"]).unwrap();
        tree.enter(&["a", "c"]).unwrap();
        tree.enter(&[]).unwrap();
        assert!(folder.path().join("a/b").is_dir() && folder.path().join("a/c").is_dir());
    }

    #[test]
    fn no_link_leads_out() {
        let (folder, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        symlink(outside.path(), folder.path().join("a")).unwrap();
        let mut tree = Tree::open(folder.path()).unwrap();
        let refused = tree.enter(&["a", "b"]).unwrap_err().to_string();
        assert!(refused.contains("links are not followed"), "{refused}");
        assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 0);
    }
}
