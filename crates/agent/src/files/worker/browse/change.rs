//! Making, removing, renaming, and changing permissions and owners
//! (`agent-channels.md` §3.4).

use std::ffi::{OsStr, OsString};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use protocol::webftp::{Arguments, Entry};
use rustix::fs::{AtFlags, Mode, RenameFlags, Stat};
use rustix::io::Errno;
use rustix::process::{Gid, Uid};

use super::super::failure::Failure;
use super::super::place::{self, Spot};
use super::names::{find_group, find_user};
use super::tree::{self, Visit};
use super::{Session, said};

/// Names that are tried before it is given up.
const MAX_COPIES: u32 = 10_000;

impl Session {
    pub(super) fn mkd(&mut self, data: &Arguments) -> Result<Entry, Failure> {
        let spot = self.changed(&data.path)?;
        rustix::fs::mkdirat(&spot.directory, &spot.name, Mode::from_raw_mode(0o755))
            .map_err(|error| failed(&spot.path, error))?;
        Ok(said(format!("made {}", tree::text(&spot.path))))
    }

    pub(super) fn dele(&mut self, data: &Arguments) -> Result<Entry, Failure> {
        let spot = self.changed(&data.path)?;
        remove(&spot.directory, &spot.name, &spot.path)?;
        Ok(said(format!("removed {}", tree::text(&spot.path))))
    }

    pub(super) fn rmd(&mut self, data: &Arguments) -> Result<Entry, Failure> {
        let spot = self.changed(&data.path)?;
        let stat = tree::look(&spot.directory, &spot.name, &spot.path)?;
        if data.recursive && tree::is_folder(&stat) {
            self.check_tree(&spot)?;
            let inside = tree::enter(&spot.directory, &spot.name, &spot.path)?;
            tree::visit(&inside, &spot.path, &mut |visit| {
                remove(visit.directory, visit.name, &visit.path)
            })?;
        }
        remove(&spot.directory, &spot.name, &spot.path)?;
        Ok(said(format!("removed {}", tree::text(&spot.path))))
    }

    pub(super) fn mv(&mut self, data: &Arguments) -> Result<Entry, Failure> {
        let from = self.changed(&data.src)?;
        let to = self.changed(&data.dst)?;
        if data.allow_overwrite {
            self.check_move(&from, &to.path)?;
            rename(&from, &to, &to.name, RenameFlags::empty())?;
            return self.arrived(&data.dst, &to.name, "moved");
        }
        let name = Self::rename_to_free(&from, &to, &from.name, 0, &|target| {
            self.check_move(&from, target)
        })?;
        self.arrived(&data.dst, &name, "moved")
    }

    pub(super) fn chmod(&mut self, data: &Arguments) -> Result<Entry, Failure> {
        let mode = u32::from_str_radix(&data.mode, 8)
            .ok()
            .filter(|mode| *mode <= 0o7777)
            .ok_or_else(|| Failure::new("invalid argument: mode must be octal digits"))?;
        // The others are accepted and ignored.
        let mode = Mode::from_raw_mode(mode & 0o777);
        let count = self.each_of(data, &|handle, path| {
            let own = format!("/proc/self/fd/{}", handle.as_raw_fd());
            rustix::fs::chmod(own, mode).map_err(|error| failed(path, error))
        })?;
        Ok(said(format!("permissions of {count} changed")))
    }

    pub(super) fn chown(&mut self, data: &Arguments) -> Result<Entry, Failure> {
        let owner: Option<Uid> = find_user(&data.username)?;
        let group: Option<Gid> = find_group(&data.groupname)?;
        let count = self.each_of(data, &|handle, path| {
            rustix::fs::chownat(handle, c"", owner, group, AtFlags::EMPTY_PATH)
                .map_err(|error| failed(path, error))
        })?;
        Ok(said(format!("owners of {count} changed")))
    }

    /// Does something to what a request names and, if it says so, to everything
    /// inside, without links. Each is judged and changed through the same handle.
    fn each_of(
        &self,
        data: &Arguments,
        change: &dyn Fn(&OwnedFd, &Path) -> Result<(), Failure>,
    ) -> Result<u64, Failure> {
        let path = self.path(&data.path)?;
        let (handle, canonical) = place::open(&path)?;
        self.write.check(&canonical)?;
        let mut count = 1;
        let is_folder = super::list::is_directory(&handle, &tree::text(&path))?;
        if data.recursive && is_folder {
            tree::visit(&handle, &canonical, &mut |visit| {
                if tree::is_link(&visit.stat) {
                    return Ok(());
                }
                self.write.check(&visit.path)?;
                count += 1;
                change(&hold(visit)?, &visit.path)
            })?;
        }
        change(&handle, &canonical)?;
        Ok(count)
    }

    /// Where something is that is to be changed, and may be.
    pub(super) fn changed(&self, path: &str) -> Result<Spot, Failure> {
        let spot = place::spot(&self.path(path)?)?;
        self.write.check(&spot.path)?;
        Ok(spot)
    }

    /// Refuses a directory with anything inside that may not be changed.
    pub(super) fn check_tree(&self, spot: &Spot) -> Result<(), Failure> {
        if self.write.is_empty() {
            return Ok(());
        }
        Self::check_inside(spot, &|path| self.write.check(path))
    }

    /// Refuses a move of anything that may not be changed or not be where it would go,
    /// or that could be read there and not where it is.
    fn check_move(&self, from: &Spot, to: &Path) -> Result<(), Failure> {
        if self.write.is_empty() && self.read.is_empty() {
            return Ok(());
        }
        let check = |from: &Path, to: &Path| {
            self.write.check(from)?;
            self.write.check(to)?;
            match self.read.allow(to) {
                true => self.read.check(from),
                false => Ok(()),
            }
        };
        check(&from.path, to)?;
        Self::check_inside(from, &|path| {
            let below = path.strip_prefix(&from.path).unwrap_or(path);
            check(path, &to.join(below))
        })
    }

    /// Checks everything inside a directory.
    fn check_inside(
        from: &Spot,
        check: &dyn Fn(&Path) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let stat = tree::look(&from.directory, &from.name, &from.path)?;
        if !tree::is_folder(&stat) {
            return Ok(());
        }
        let inside = tree::enter(&from.directory, &from.name, &from.path)?;
        tree::visit(&inside, &from.path, &mut |visit| check(&visit.path))
    }

    /// Puts something where nothing is: under the name of `to` or, when that is taken,
    /// the first numbered one of `source`, from `number` on, that `check` allows. Which
    /// it was.
    pub(super) fn rename_to_free(
        from: &Spot,
        to: &Spot,
        source: &OsStr,
        mut number: u32,
        check: &dyn Fn(&Path) -> Result<(), Failure>,
    ) -> Result<OsString, Failure> {
        loop {
            let name = free_name(source, &to.name, number);
            check(&to.path.with_file_name(&name))?;
            match rename(from, to, &name, RenameFlags::NOREPLACE) {
                Ok(()) => return Ok(name),
                Err(_) if !tree::is_free(&to.directory, &name) && number < MAX_COPIES => {
                    number += 1;
                }
                Err(failure) => return Err(failure),
            }
        }
    }

    /// Says where something went, in the caller's words.
    pub(super) fn arrived(&self, dst: &str, name: &OsStr, how: &str) -> Result<Entry, Failure> {
        let path = self.path(dst)?.with_file_name(name);
        Ok(Entry {
            dst: path.to_string_lossy().into_owned(),
            message: format!("{how} to {}", tree::text(&path)),
            ..Entry::default()
        })
    }
}

pub(super) fn failed(path: &Path, error: Errno) -> Failure {
    Failure::of(tree::text(path), error)
}

/// Removes a file, a link, or an empty directory.
pub(super) fn remove(directory: &OwnedFd, name: &OsStr, path: &Path) -> Result<(), Failure> {
    let stat: Stat = tree::look(directory, name, path)?;
    let flags = match tree::is_folder(&stat) {
        true => AtFlags::REMOVEDIR,
        false => AtFlags::empty(),
    };
    rustix::fs::unlinkat(directory, name, flags).map_err(|error| failed(path, error))
}

pub(super) fn rename(
    from: &Spot,
    to: &Spot,
    name: &OsStr,
    flags: RenameFlags,
) -> Result<(), Failure> {
    rustix::fs::renameat_with(&from.directory, &from.name, &to.directory, name, flags)
        .map_err(|error| failed(&to.path, error))
}

/// The handle of something that is visited: what was looked at, or nothing.
fn hold(visit: &Visit<'_>) -> Result<OwnedFd, Failure> {
    use rustix::fs::OFlags;
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let handle = rustix::fs::openat(visit.directory, visit.name, flags, Mode::empty())
        .map_err(|error| failed(&visit.path, error))?;
    let stat = rustix::fs::fstat(&handle).map_err(|error| failed(&visit.path, error))?;
    if (stat.st_dev, stat.st_ino) == (visit.stat.st_dev, visit.stat.st_ino) {
        return Ok(handle);
    }
    Err(Failure::new(format!(
        "{}: it was exchanged meanwhile",
        tree::text(&visit.path)
    )))
}

/// The name that is asked for, then `STEM (N).EXTENSION` of the source.
fn free_name(source: &OsStr, wanted: &OsStr, number: u32) -> OsString {
    if number == 0 {
        return wanted.to_owned();
    }
    let bytes = source.as_bytes();
    let dot = bytes.iter().rposition(|byte| *byte == b'.');
    let (stem, extension) = bytes.split_at(dot.unwrap_or(bytes.len()));
    let mut name = stem.to_vec();
    name.extend(format!(" ({number})").into_bytes());
    name.extend(extension);
    OsString::from_vec(name)
}
