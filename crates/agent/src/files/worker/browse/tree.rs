//! What is in directories, reached through open ones and never through links.

use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat};

use super::super::failure::{Failure, shown};

/// Directories inside directories.
const MAX_DEPTH: usize = 256;

/// The names in a directory that is open with `O_PATH`, sorted.
pub(super) fn names(directory: &OwnedFd, path: &Path) -> Result<Vec<OsString>, Failure> {
    let failed = |error| Failure::of(text(path), error);
    let own = format!("/proc/self/fd/{}", directory.as_raw_fd());
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let opened = rustix::fs::open(own, flags, Mode::empty()).map_err(failed)?;
    let mut names = Vec::new();
    for entry in Dir::read_from(opened).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name().to_bytes().to_vec();
        if name != b"." && name != b".." {
            names.push(OsString::from_vec(name));
        }
    }
    names.sort();
    Ok(names)
}

/// What a name in a directory stands for; a link for itself.
pub(super) fn look(directory: impl AsFd, name: &OsStr, path: &Path) -> Result<Stat, Failure> {
    rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW)
        .map_err(|error| Failure::of(text(path), error))
}

/// Whether a name in a directory stands for nothing.
pub(super) fn is_free(directory: impl AsFd, name: &OsStr) -> bool {
    let found = rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW);
    matches!(found, Err(rustix::io::Errno::NOENT))
}

/// Opens a directory in a directory, not a link to one, with `O_PATH`.
pub(super) fn enter(directory: impl AsFd, name: &OsStr, path: &Path) -> Result<OwnedFd, Failure> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::openat(directory, name, flags, Mode::empty())
        .map_err(|error| Failure::of(text(path), error))
}

pub(super) fn is_folder(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::Directory
}

pub(super) fn is_link(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::Symlink
}

/// A path for messages.
pub(super) fn text(path: &Path) -> String {
    shown(path.as_os_str().as_bytes())
}

/// One thing that is visited.
pub(super) struct Visit<'a> {
    /// Open with `O_PATH`.
    pub(super) directory: &'a OwnedFd,
    pub(super) name: &'a OsStr,
    pub(super) path: PathBuf,
    pub(super) stat: Stat,
}

/// Visits everything inside a directory; what is in a directory comes before it.
pub(super) fn visit(
    directory: &OwnedFd,
    path: &Path,
    each: &mut impl FnMut(&Visit<'_>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    deeper(directory, path, 0, each)
}

/// Refuses a directory inside too many others.
pub(super) fn check_depth(depth: usize, path: &Path) -> Result<(), Failure> {
    if depth > MAX_DEPTH {
        return Err(Failure::new(format!(
            "{}: more than {MAX_DEPTH} directories inside each other",
            text(path)
        )));
    }
    Ok(())
}

fn deeper(
    directory: &OwnedFd,
    path: &Path,
    depth: usize,
    each: &mut impl FnMut(&Visit<'_>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    check_depth(depth, path)?;
    for name in names(directory, path)? {
        let path = path.join(&name);
        let stat = look(directory, &name, &path)?;
        if is_folder(&stat) {
            let inside = enter(directory, &name, &path)?;
            deeper(&inside, &path, depth + 1, each)?;
        }
        each(&Visit {
            directory,
            name: &name,
            path,
            stat,
        })?;
    }
    Ok(())
}
