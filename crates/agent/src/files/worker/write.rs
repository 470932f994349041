//! A file being received: without a name until it is whole, then put in place in
//! one step.

use std::ffi::OsString;
use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::PathBuf;

use rustix::fs::{Access, AtFlags, Gid, Mode, OFlags, RenameFlags, Stat, Uid};
use rustix::io::Errno;

use super::failure::{Failure, shown};
use super::place::{self, Place};
use super::rules::Rules;
use super::unpack;
use super::wire::ReceiveRequest;

/// Of a new file, as the usual mask leaves it.
const NEW_MODE: u32 = 0o644;
/// Attempts at a free temporary name.
const ATTEMPTS: usize = 8;

/// A file being received.
#[derive(Debug)]
pub(crate) struct Incoming {
    place: Place,
    rules: Rules,
    overwrite: bool,
    file: OwnedFd,
    /// Where the file system cannot hold files without a name.
    temporary: Option<OsString>,
}

impl Incoming {
    /// Makes a place for a file.
    ///
    /// # Errors
    /// When it may not be written there.
    pub(crate) fn open(request: &ReceiveRequest) -> Result<Self, Failure> {
        let rules = Rules::new(&request.rules)?;
        let path = place::absolute(&request.path, &request.home)?;
        let place = place::find(&path, &request.name)?;
        rules.check(&place.path)?;
        let shown = shown(place.path.as_os_str().as_encoded_bytes());
        if place.existing.is_some() {
            if !request.overwrite {
                return Err(Failure::of(&shown, Errno::EXIST));
            }
            // Replacing needs leave for the directory only; overwriting is asked of
            // the file, and that is what the user means.
            rustix::fs::accessat(
                &place.directory,
                &place.name,
                Access::WRITE_OK,
                AtFlags::EACCESS,
            )
            .map_err(|error| Failure::of(&shown, error))?;
        }
        let (file, temporary) = temporary(&place).map_err(|error| Failure::of(&shown, error))?;
        Ok(Self {
            place,
            rules,
            overwrite: request.overwrite,
            file,
            temporary,
        })
    }

    /// To be filled.
    pub(crate) fn file(&self) -> &OwnedFd {
        &self.file
    }

    /// Canonical path of the place.
    pub(crate) fn path(&self) -> &PathBuf {
        &self.place.path
    }

    /// Puts the whole file in place, or what it holds. What it says is for people.
    ///
    /// # Errors
    /// When it cannot be put there; then all is as before.
    pub(crate) fn commit(mut self, unzip: bool) -> Result<String, Failure> {
        if unzip && unpack::is_wanted(&self.place.name) {
            let file = File::from(
                self.file
                    .try_clone()
                    .map_err(|error| Failure::io("cannot read what was received", &error))?,
            );
            if let Some(message) = unpack::unpack(file, &self.place, &self.rules, self.overwrite)? {
                return Ok(message);
            }
        }
        let shown = shown(self.place.path.as_os_str().as_encoded_bytes());
        self.put().map_err(|error| Failure::of(&shown, error))?;
        Ok(format!("wrote {shown}"))
    }

    fn put(&mut self) -> Result<(), Errno> {
        take_over(&self.file, self.place.existing.as_ref())?;
        if self.place.existing.is_some() {
            // A crash leaves the old file or the new one. A new file is left to the
            // kernel's own time, as copying does everywhere.
            rustix::fs::fsync(&self.file)?;
        }
        let directory = &self.place.directory;
        let name = &self.place.name;
        let temporary = match self.temporary.take() {
            Some(temporary) => temporary,
            None if !self.overwrite => return self.link(name),
            None => {
                let temporary = random_name()?;
                self.link(&temporary)?;
                temporary
            }
        };
        let flags = match self.overwrite {
            true => RenameFlags::empty(),
            false => RenameFlags::NOREPLACE,
        };
        let renamed = rustix::fs::renameat_with(directory, &temporary, directory, name, flags);
        if let Err(error) = renamed {
            let _removed = rustix::fs::unlinkat(directory, &temporary, AtFlags::empty());
            return Err(error);
        }
        if self.place.existing.is_some() {
            sync_directory(directory);
        }
        Ok(())
    }

    /// Gives the nameless file a name, which must be free.
    fn link(&self, name: &OsString) -> Result<(), Errno> {
        let own = format!("/proc/self/fd/{}", self.file.as_raw_fd());
        rustix::fs::linkat(
            rustix::fs::CWD,
            own,
            &self.place.directory,
            name,
            AtFlags::SYMLINK_FOLLOW,
        )
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        if let Some(temporary) = &self.temporary {
            // It may never have been there; then there is nothing to remove.
            let _removed = rustix::fs::unlinkat(&self.place.directory, temporary, AtFlags::empty());
        }
    }
}

/// An empty file in the directory of `place`; with a name only where the file
/// system needs one.
fn temporary(place: &Place) -> Result<(OwnedFd, Option<OsString>), Errno> {
    let mode = Mode::from_raw_mode(0o600);
    let flags = OFlags::RDWR | OFlags::CLOEXEC;
    match rustix::fs::openat(&place.directory, ".", flags | OFlags::TMPFILE, mode) {
        Ok(file) => return Ok((file, None)),
        Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::INVAL | Errno::NOENT) => {}
        Err(error) => return Err(error),
    }
    let flags = flags | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW;
    for _ in 0..ATTEMPTS {
        let name = random_name()?;
        match rustix::fs::openat(&place.directory, &name, flags, mode) {
            Ok(file) => return Ok((file, Some(name))),
            Err(Errno::EXIST) => {}
            Err(error) => return Err(error),
        }
    }
    Err(Errno::EXIST)
}

/// A name that nobody guesses and few look at.
pub(crate) fn random_name() -> Result<OsString, Errno> {
    let token = crate::random::token().map_err(|_| Errno::IO)?;
    let short = token.get(..16).unwrap_or(&token);
    Ok(OsString::from(format!(".alpacon-{short}.part")))
}

/// Mode and owner of what is replaced, as far as this account may give them.
fn take_over(file: impl AsFd, existing: Option<&Stat>) -> Result<(), Errno> {
    let Some(old) = existing else {
        return rustix::fs::fchmod(&file, Mode::from_raw_mode(NEW_MODE));
    };
    let new = rustix::fs::fstat(&file)?;
    if (old.st_uid, old.st_gid) != (new.st_uid, new.st_gid) {
        let (uid, gid) = (Uid::from_raw(old.st_uid), Gid::from_raw(old.st_gid));
        if rustix::fs::fchown(&file, Some(uid), Some(gid)).is_err() {
            // Only root gives files away; the group is often one's own.
            let _kept = rustix::fs::fchown(&file, None, Some(gid));
        }
    }
    // Never set-user-id: what somebody put here shall not run as somebody else.
    rustix::fs::fchmod(&file, Mode::from_raw_mode(old.st_mode & 0o777))
}

/// Best effort: not every directory may be read, and not every file system syncs.
fn sync_directory(directory: impl AsFd) {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    if let Ok(open) = rustix::fs::openat(directory, ".", flags, Mode::empty()) {
        let _synced = rustix::fs::fsync(open);
    }
}
