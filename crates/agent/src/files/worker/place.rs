//! From an ordered path to the directory and name that it really means.
//!
//! Every component is opened without following links; links are read and walked
//! by us. So the place cannot change under the walk, and a link that somebody
//! else put in the way is noticed: only root's and one's own are followed.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;
use rustix::process::Uid;

use super::failure::{Failure, shown};
use super::rules::canonical;

/// Links on one way.
const MAX_LINKS: usize = 40;
/// Components on one way.
const MAX_PARTS: usize = 4096;

/// Where a file goes.
#[derive(Debug)]
pub(crate) struct Place {
    /// Open with `O_PATH`.
    pub(crate) directory: OwnedFd,
    /// Never empty, `.`, `..`, or with a `/`.
    pub(crate) name: OsString,
    /// Both as a canonical path.
    pub(crate) path: PathBuf,
    /// The regular file that is there.
    pub(crate) existing: Option<Stat>,
}

/// An ordered path made absolute: `~` and relative ones start in `home`.
///
/// # Errors
/// When it is empty or holds a NUL byte.
pub(crate) fn absolute(path: &str, home: &str) -> Result<PathBuf, Failure> {
    if path.is_empty() {
        return Err(Failure::new("invalid argument: the path is empty"));
    }
    if path.contains('\0') {
        return Err(Failure::new(
            "invalid argument: a path cannot hold a NUL byte",
        ));
    }
    let home = Path::new(if home.starts_with('/') { home } else { "/" });
    let rest = match path {
        "~" => "",
        other => other.strip_prefix("~/").unwrap_or(other),
    };
    // A path keeps its trailing slash, which says that it is a directory.
    Ok(home.join(rest))
}

/// Finds the place of a file to be written.
///
/// # Errors
/// When there is no such directory, or something else than a regular file is there.
pub(crate) fn find(path: &Path, name_in_directory: &str) -> Result<Place, Failure> {
    Walk::new(path)?.finish(name_in_directory)
}

/// An entry of a directory, which need not be there and is not followed.
#[derive(Debug)]
pub(crate) struct Spot {
    /// Open with `O_PATH`.
    pub(crate) directory: OwnedFd,
    /// Never empty, `.`, `..`, or with a `/`.
    pub(crate) name: OsString,
    /// Both as a canonical path.
    pub(crate) path: PathBuf,
}

/// Finds the directory of an entry.
///
/// # Errors
/// When there is no such directory, or `path` is the root.
pub(crate) fn spot(path: &Path) -> Result<Spot, Failure> {
    let mut walk = Walk::new(path)?;
    let name = walk.parts.pop_back().filter(|name| name != "..");
    let name = name.ok_or_else(|| walk.failure(Errno::INVAL))?;
    while let Some(part) = walk.next_part()? {
        if !walk.step(&part)? {
            return Err(walk.failure(Errno::NOTDIR));
        }
    }
    let path = canonical(&walk.directory, &walk.shown)?.join(&name);
    Ok(Spot {
        directory: walk.directory,
        name,
        path,
    })
}

/// Opens whatever is at `path`, with `O_PATH`; and where it really is.
///
/// # Errors
/// When there is nothing.
pub(crate) fn open(path: &Path) -> Result<(OwnedFd, PathBuf), Failure> {
    let mut walk = Walk::new(path)?;
    while let Some(part) = walk.next_part()? {
        if walk.step(&part)? {
            continue;
        }
        if !walk.parts.is_empty() {
            return Err(walk.failure(Errno::NOTDIR));
        }
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let opened = rustix::fs::openat(&walk.directory, &part, flags, Mode::empty());
        let opened = opened.map_err(|error| walk.failure(error))?;
        let path = canonical(&opened, &walk.shown)?;
        return Ok((opened, path));
    }
    let path = canonical(&walk.directory, &walk.shown)?;
    Ok((walk.directory, path))
}

struct Walk {
    /// For messages.
    shown: String,
    directory: OwnedFd,
    /// Still to be walked.
    parts: VecDeque<OsString>,
    /// The path means a directory.
    directory_wanted: bool,
    links: usize,
    own: Uid,
}

impl Walk {
    fn new(path: &Path) -> Result<Self, Failure> {
        let bytes = path.as_os_str().as_bytes();
        let shown = shown(bytes);
        let directory = open_directory("/").map_err(|error| Failure::of("/", error))?;
        Ok(Self {
            shown,
            directory,
            parts: parts(bytes),
            directory_wanted: bytes.ends_with(b"/") || bytes.ends_with(b"/."),
            links: 0,
            own: rustix::process::geteuid(),
        })
    }

    fn finish(mut self, name_in_directory: &str) -> Result<Place, Failure> {
        loop {
            let Some(part) = self.next_part()? else {
                return self.in_directory(name_in_directory);
            };
            let is_last = self.parts.is_empty();
            let Some(stat) = self.look(&part, is_last)? else {
                if self.directory_wanted {
                    return Err(self.failure(Errno::NOENT));
                }
                return self.place(part, None);
            };
            match FileType::from_raw_mode(stat.st_mode) {
                FileType::Symlink => self.follow(&part, &stat)?,
                FileType::Directory => self.enter(&part)?,
                FileType::RegularFile if is_last && !self.directory_wanted => {
                    return self.place(part, Some(stat));
                }
                FileType::RegularFile => return Err(self.failure(Errno::NOTDIR)),
                _ if is_last => return Err(self.special()),
                _ => return Err(self.failure(Errno::NOTDIR)),
            }
        }
    }

    fn next_part(&mut self) -> Result<Option<OsString>, Failure> {
        if self.parts.len() > MAX_PARTS {
            return Err(self.failure(Errno::NAMETOOLONG));
        }
        Ok(self.parts.pop_front())
    }

    /// What has this name; none only for the last part.
    fn look(&self, part: &OsStr, is_last: bool) -> Result<Option<Stat>, Failure> {
        match rustix::fs::statat(&self.directory, part, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(stat)),
            Err(Errno::NOENT) if is_last => Ok(None),
            Err(error) => Err(self.failure(error)),
        }
    }

    /// Goes on into a directory, or to where a link leads. False: it is neither.
    fn step(&mut self, part: &OsStr) -> Result<bool, Failure> {
        let stat = self.look(part, false)?.ok_or(Errno::NOENT);
        let stat = stat.map_err(|error| self.failure(error))?;
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Symlink => self.follow(part, &stat)?,
            FileType::Directory => self.enter(part)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn enter(&mut self, part: &OsStr) -> Result<(), Failure> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let opened = rustix::fs::openat(&self.directory, part, flags, Mode::empty());
        self.directory = opened.map_err(|error| self.failure(error))?;
        Ok(())
    }

    fn follow(&mut self, part: &OsStr, link: &Stat) -> Result<(), Failure> {
        self.links += 1;
        if self.links > MAX_LINKS {
            return Err(self.failure(Errno::LOOP));
        }
        if link.st_uid != 0 && link.st_uid != self.own.as_raw() {
            return Err(Failure::new(format!(
                "{}: permission denied: the path leads through a symbolic link that belongs \
                 to another user",
                self.shown
            )));
        }
        let target = rustix::fs::readlinkat(&self.directory, part, Vec::new())
            .map_err(|error| self.failure(error))?;
        let target = target.to_bytes();
        if target.starts_with(b"/") {
            self.directory = open_directory("/").map_err(|error| self.failure(error))?;
        }
        if self.parts.is_empty() && target.ends_with(b"/") {
            self.directory_wanted = true;
        }
        for part in parts(target).into_iter().rev() {
            self.parts.push_front(part);
        }
        Ok(())
    }

    /// The path is a directory: the file goes into it, under its name.
    fn in_directory(mut self, name: &str) -> Result<Place, Failure> {
        if name.is_empty() {
            return Err(self.failure(Errno::ISDIR));
        }
        if !is_name(name) {
            return Err(Failure::new(format!(
                "{}: invalid argument: not a file name",
                shown(name)
            )));
        }
        self.directory_wanted = false;
        self.parts.push_back(OsString::from(name));
        self.finish("")
    }

    fn place(self, name: OsString, existing: Option<Stat>) -> Result<Place, Failure> {
        let path = canonical(&self.directory, &self.shown)?.join(&name);
        Ok(Place {
            directory: self.directory,
            name,
            path,
            existing,
        })
    }

    fn failure(&self, error: Errno) -> Failure {
        Failure::of(&self.shown, error)
    }

    fn special(&self) -> Failure {
        Failure::new(format!(
            "{}: not a regular file; devices, pipes and sockets are not transferred",
            self.shown
        ))
    }
}

fn open_directory(path: &str) -> Result<OwnedFd, Errno> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::fs::open(path, flags, Mode::empty())
}

/// The components, without those that say nothing. `..` stays: only the kernel
/// knows where it leads.
fn parts(path: &[u8]) -> VecDeque<OsString> {
    path.split(|byte| *byte == b'/')
        .filter(|part| !part.is_empty() && *part != b".")
        .map(|part| OsString::from_vec(part.to_vec()))
        .collect()
}

/// Whether a text can name a file in a directory.
#[must_use]
pub(crate) fn is_name(name: &str) -> bool {
    !matches!(name, "" | "." | "..") && name.len() <= 255 && !name.contains(['/', '\0'])
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn folder() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().canonicalize().unwrap();
        (folder, path)
    }

    #[test]
    fn files_and_directories_are_told_apart() {
        let (_keep, folder) = folder();
        std::fs::write(folder.join("old"), "x").unwrap();
        std::fs::create_dir(folder.join("dir")).unwrap();
        let place = find(&folder.join("old"), "n").unwrap();
        assert!(place.existing.is_some());
        assert_eq!(place.path, folder.join("old"));
        let place = find(&folder.join("new"), "n").unwrap();
        assert!(place.existing.is_none());
        assert_eq!(
            find(&folder.join("dir"), "n").unwrap().path,
            folder.join("dir/n")
        );
        let refused =
            |path: &str, name: &str| find(&folder.join(path), name).unwrap_err().to_string();
        assert!(refused("dir", "").contains("is a directory"));
        assert!(refused("none/x", "n").contains("no such file or directory"));
        assert!(refused("new/", "n").contains("no such file or directory"));
        assert!(refused("old/", "n").contains("not a directory"));
        assert!(refused("old/x", "n").contains("not a directory"));
        for name in ["..", ".", "a/b", "a\0b"] {
            assert!(refused("dir", name).contains("not a file name"), "{name:?}");
        }
        assert!(
            find(Path::new("/dev/null"), "")
                .unwrap_err()
                .0
                .contains("not a regular file")
        );
    }

    #[test]
    fn own_links_are_followed_to_their_real_place_and_circles_end() {
        let (_keep, folder) = folder();
        std::fs::create_dir(folder.join("real")).unwrap();
        symlink("real", folder.join("way")).unwrap();
        symlink("way/../real/file", folder.join("link")).unwrap();
        symlink("circle", folder.join("circle")).unwrap();
        assert_eq!(
            find(&folder.join("way/x"), "").unwrap().path,
            folder.join("real/x")
        );
        assert_eq!(
            find(&folder.join("link"), "").unwrap().path,
            folder.join("real/file")
        );
        let circle = find(&folder.join("circle"), "").unwrap_err();
        assert!(circle.0.contains("too many levels"), "{circle}");
    }

    #[test]
    fn paths_start_at_home() {
        let text = |path, home| absolute(path, home).unwrap();
        assert_eq!(text("~", "/home/a"), Path::new("/home/a"));
        assert_eq!(text("~/x", "/home/a"), Path::new("/home/a/x"));
        assert_eq!(text("x/", "/home/a").as_os_str(), "/home/a/x/");
        assert_eq!(text("/x", "/home/a"), Path::new("/x"));
        assert_eq!(text("x", "relative"), Path::new("/x"));
        assert_eq!(text("~root", "/home/a"), Path::new("/home/a/~root"));
        assert!(absolute("", "/").is_err());
        assert!(absolute("a\0", "/").is_err());
    }
}
