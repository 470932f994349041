//! A tree moved into place: whole directories at once where nothing is in the
//! way, file by file where something is.

use std::ffi::{OsStr, OsString};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use rustix::fs::{AtFlags, Dir, FileType, RenameFlags};
use rustix::io::Errno;

use super::failure::{Failure, shown};
use super::unpack::open_directory;

/// Moves what is in `from` into `to`, which is at `path`. Without `overwrite`,
/// nothing is moved if something is in the way.
///
/// # Errors
/// Names what is in the way.
pub(crate) fn merge(
    from: &OwnedFd,
    to: &OwnedFd,
    path: &Path,
    overwrite: bool,
) -> Result<(), Failure> {
    look(from, to, path, overwrite)?;
    move_into(from, to, path, overwrite)
}

/// Finds what is in the way before anything is moved.
fn look(from: &OwnedFd, to: &OwnedFd, path: &Path, overwrite: bool) -> Result<(), Failure> {
    for name in names(from)? {
        let Some(kind) = kind(to, &name, path)? else {
            continue;
        };
        let here = path.join(&name);
        let is_directory = is_directory(from, &name, path)?;
        match (is_directory, kind) {
            (true, FileType::Directory) => {
                let (inner_from, inner_to) = (below(from, &name, path)?, below(to, &name, path)?);
                look(&inner_from, &inner_to, &here, overwrite)?;
            }
            (true, _) => return Err(in_the_way(&here, Errno::NOTDIR)),
            (false, FileType::Directory) => return Err(in_the_way(&here, Errno::ISDIR)),
            (false, _) if !overwrite => return Err(in_the_way(&here, Errno::EXIST)),
            (false, _) => {}
        }
    }
    Ok(())
}

fn move_into(from: &OwnedFd, to: &OwnedFd, path: &Path, overwrite: bool) -> Result<(), Failure> {
    for name in names(from)? {
        let here = path.join(&name);
        let is_directory = is_directory(from, &name, path)?;
        if is_directory && kind(to, &name, path)?.is_some() {
            let (inner_from, inner_to) = (below(from, &name, path)?, below(to, &name, path)?);
            move_into(&inner_from, &inner_to, &here, overwrite)?;
            continue;
        }
        // A link that is in the way is replaced, never followed.
        let flags = match overwrite {
            true => RenameFlags::empty(),
            false => RenameFlags::NOREPLACE,
        };
        rustix::fs::renameat_with(from, &name, to, &name, flags)
            .map_err(|error| in_the_way(&here, error))?;
    }
    Ok(())
}

/// Removes what a directory holds, as far as that works.
pub(crate) fn remove_tree(directory: &OwnedFd) {
    for name in names(directory).unwrap_or_default() {
        if let Ok(inner) = open_directory(directory, &name) {
            remove_tree(&inner);
            let _removed = rustix::fs::unlinkat(directory, &name, AtFlags::REMOVEDIR);
        } else {
            let _removed = rustix::fs::unlinkat(directory, &name, AtFlags::empty());
        }
    }
}

fn names(directory: &OwnedFd) -> Result<Vec<OsString>, Failure> {
    let failed = |error| Failure::of("cannot list a directory", error);
    let mut names = Vec::new();
    for entry in Dir::read_from(directory).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name().to_bytes();
        if name != b"." && name != b".." {
            names.push(OsString::from_vec(name.to_vec()));
        }
    }
    Ok(names)
}

fn kind(directory: &OwnedFd, name: &OsStr, path: &Path) -> Result<Option<FileType>, Failure> {
    match rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(Some(FileType::from_raw_mode(stat.st_mode))),
        Err(Errno::NOENT) => Ok(None),
        Err(error) => Err(in_the_way(&path.join(name), error)),
    }
}

fn is_directory(directory: &OwnedFd, name: &OsStr, path: &Path) -> Result<bool, Failure> {
    Ok(kind(directory, name, path)? == Some(FileType::Directory))
}

fn below(directory: &OwnedFd, name: &OsStr, path: &Path) -> Result<OwnedFd, Failure> {
    open_directory(directory, name).map_err(|error| in_the_way(&path.join(name), error))
}

fn in_the_way(path: &Path, error: Errno) -> Failure {
    Failure::of(shown(path.as_os_str().as_bytes()), error)
}
