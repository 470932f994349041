//! `cp` (`agent-channels.md` §3.4): made under a hidden name, put in place when it is
//! whole.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use protocol::webftp::{Arguments, Entry};
use rustix::fs::{AtFlags, Mode, OFlags, RenameFlags};

use super::super::failure::Failure;
use super::super::place::Spot;
use super::super::read::Found;
use super::Session;
use super::change::{failed, remove, rename};
use super::tree;

impl Session {
    pub(super) fn cp(&mut self, data: &Arguments) -> Result<Entry, Failure> {
        let source = self.path(&data.src)?;
        let found = Found::at(&source, &self.read)?;
        let to = self.changed(&data.dst)?;
        if found.is_directory() && to.path != found.path && to.path.starts_with(&found.path) {
            return Err(Failure::new(format!(
                "{}: copying a directory into itself is causing infinite recursion",
                found.shown()
            )));
        }
        let hidden = self.make(&found, &to)?;
        let placed = self.put_in_place(data, &found, &hidden, &to);
        if placed.is_err() {
            discard(&hidden);
        }
        placed
    }

    /// Copies under a hidden name beside the target; nothing is left when it fails.
    fn make(&self, found: &Found, to: &Spot) -> Result<Spot, Failure> {
        let name = hidden_name()?;
        let hidden = Spot {
            directory: rustix::io::fcntl_dupfd_cloexec(&to.directory, 0)
                .map_err(|error| failed(&to.path, error))?,
            path: to.path.with_file_name(&name),
            name,
        };
        let copy = Copy {
            session: self,
            // Judged as what it becomes, not as what it is called meanwhile.
            target: &to.path,
            source: &found.path,
        };
        let made = copy.one(found, &hidden.directory, &hidden.name, 0);
        match made {
            Ok(()) => Ok(hidden),
            Err(failure) => {
                discard(&hidden);
                Err(failure)
            }
        }
    }

    fn put_in_place(
        &self,
        data: &Arguments,
        found: &Found,
        hidden: &Spot,
        to: &Spot,
    ) -> Result<Entry, Failure> {
        let is_itself = to.path == found.path;
        if data.allow_overwrite && !is_itself {
            if found.is_directory() && !tree::is_free(&to.directory, &to.name) {
                // What is there goes with everything inside.
                self.check_tree(to)?;
                exchange(hidden, to)?;
            } else {
                rename(hidden, to, &to.name, RenameFlags::empty())?;
            }
            return self.arrived(&data.dst, &to.name, "copied");
        }
        let source = found.path.file_name().unwrap_or(&to.name);
        let name = Self::rename_to_free(hidden, to, source, u32::from(is_itself), &|target| {
            self.write.check(target)
        })?;
        self.arrived(&data.dst, &name, "copied")
    }
}

struct Copy<'a> {
    session: &'a Session,
    source: &'a Path,
    target: &'a Path,
}

impl Copy<'_> {
    fn one(
        &self,
        found: &Found,
        into: &OwnedFd,
        name: &OsStr,
        depth: usize,
    ) -> Result<(), Failure> {
        match found.is_directory() {
            true => self.folder(found, into, name, depth),
            false => file(found, into, name),
        }
    }

    fn folder(
        &self,
        found: &Found,
        into: &OwnedFd,
        name: &OsStr,
        depth: usize,
    ) -> Result<(), Failure> {
        tree::check_depth(depth, &found.path)?;
        rustix::fs::mkdirat(into, name, Mode::RWXU).map_err(|error| failed(&found.path, error))?;
        let made = tree::enter(into, name, &found.path)?;
        let handle: OwnedFd = found.reopen()?.into();
        for entry in tree::names(&handle, &found.path)? {
            let path = found.path.join(&entry);
            let below = Found::entry(&handle, &entry, &tree::text(&path), &self.session.read)?;
            let stat = tree::look(&handle, &entry, &path)?;
            if tree::is_link(&stat) && below.is_directory() {
                return Err(Failure::new(format!(
                    "{}: a link to a directory is not copied",
                    tree::text(&path)
                )));
            }
            self.session.write.check(&self.becomes(&path))?;
            self.one(&below, &made, &entry, depth + 1)?;
        }
        let mode = Mode::from_raw_mode(found.stat().st_mode & 0o777);
        rustix::fs::chmodat(into, name, mode, AtFlags::empty())
            .map_err(|error| failed(&found.path, error))
    }

    /// Where something of the source goes.
    fn becomes(&self, path: &Path) -> PathBuf {
        match path.strip_prefix(self.source) {
            Ok(below) => self.target.join(below),
            Err(_) => self.target.to_owned(),
        }
    }
}

/// Content and permissions, without set-user-id and the like.
fn file(found: &Found, into: &OwnedFd, name: &OsStr) -> Result<(), Failure> {
    let mut source = found.reopen()?;
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    let target = rustix::fs::openat(into, name, flags, Mode::RUSR | Mode::WUSR)
        .map_err(|error| failed(&found.path, error))?;
    let mut target = File::from(target);
    let copied = io::copy(&mut source, &mut target).and_then(|_| {
        let mode = std::fs::Permissions::from_mode(found.stat().st_mode & 0o777);
        target.set_permissions(mode)?;
        target.sync_all()
    });
    copied.map_err(|error| Failure::io(found.shown(), &error))
}

/// Puts a directory in the place of what is there, which is removed afterwards.
fn exchange(hidden: &Spot, to: &Spot) -> Result<(), Failure> {
    rename(hidden, to, &to.name, RenameFlags::EXCHANGE)?;
    // Under the hidden name lies now what was there.
    discard(hidden);
    Ok(())
}

/// Removes what was not put in place, as far as that is possible.
fn discard(hidden: &Spot) {
    if let Ok(inside) = tree::enter(&hidden.directory, &hidden.name, &hidden.path) {
        let _what_stays_is_hidden = tree::visit(&inside, &hidden.path, &mut |visit| {
            remove(visit.directory, visit.name, &visit.path)
        });
    }
    let _not_there = remove(&hidden.directory, &hidden.name, &hidden.path);
}

fn hidden_name() -> Result<OsString, Failure> {
    let token = crate::random::token().map_err(|error| Failure::io("a copy", &error))?;
    Ok(format!(".alpacon-copy-{token}").into())
}
