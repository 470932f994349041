//! `list` (`agent-channels.md` §3.5).

use std::ffi::OsStr;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use chrono::{DateTime, Local, SecondsFormat};
use protocol::webftp::{Arguments, Entry, MAX_DEPTH, code_of, command, result};
use rustix::fs::{AtFlags, FileType, Stat};
use rustix::io::Errno;

use super::super::failure::Failure;
use super::super::place;
use super::super::rules::Rules;
use super::{Session, tree};

/// Entries of one listing.
const MAX_ENTRIES: usize = 20_000;

impl Session {
    pub(super) fn list(&mut self, data: &Arguments) -> Result<Entry, Failure> {
        if data.depth > MAX_DEPTH {
            return Err(Failure::new(format!(
                "depth limit exceeded: at most {MAX_DEPTH} levels"
            )));
        }
        let path = self.path(&data.path)?;
        // What cannot be read is said inside an answer that is a success: so the
        // contract has it.
        let listed = self
            .open_folder(&path)
            .and_then(|(folder, canonical, stat)| {
                let name = path.file_name().unwrap_or(OsStr::new("/"));
                let mut entry = self.entry(&folder, name, &path, &stat);
                let mut listing = Listing {
                    show_hidden: data.show_hidden,
                    left: MAX_ENTRIES,
                };
                entry.children =
                    self.children(&folder, &canonical, &path, data.depth.max(1), &mut listing)?;
                if listing.left == 0 {
                    entry.message = format!("only the first {MAX_ENTRIES} entries are shown");
                }
                Ok(entry)
            });
        Ok(listed.unwrap_or_else(|failure| broken(&path, &failure)))
    }

    fn open_folder(&self, path: &Path) -> Result<(OwnedFd, std::path::PathBuf, Stat), Failure> {
        let (handle, canonical) = place::open(path)?;
        let stat = stat(&handle, &tree::text(path))?;
        if !tree::is_folder(&stat) {
            return Err(Failure::of(tree::text(path), Errno::NOTDIR));
        }
        check_folder(&self.read, &canonical)?;
        Ok((handle, canonical, stat))
    }

    /// What is in a folder. `wire` is how the caller calls it.
    fn children(
        &mut self,
        folder: &OwnedFd,
        canonical: &Path,
        wire: &Path,
        depth: i64,
        listing: &mut Listing,
    ) -> Result<Vec<Entry>, Failure> {
        let mut children = Vec::new();
        for name in tree::names(folder, wire)? {
            if !listing.show_hidden && name.as_bytes().starts_with(b".") {
                continue;
            }
            let (real, path) = (canonical.join(&name), wire.join(&name));
            let stat = match tree::look(folder, &name, &path) {
                Ok(stat) => stat,
                Err(failure) => {
                    children.push(broken(&path, &failure));
                    continue;
                }
            };
            let is_shown = self.read.allow(&real)
                || (tree::is_folder(&stat) && check_folder(&self.read, &real).is_ok());
            if !is_shown {
                continue;
            }
            if listing.left == 0 {
                break;
            }
            listing.left -= 1;
            let mut entry = self.entry(folder, &name, &path, &stat);
            if depth > 1 && tree::is_folder(&stat) {
                let inside = tree::enter(folder, &name, &path)
                    .and_then(|inside| self.children(&inside, &real, &path, depth - 1, listing));
                match inside {
                    Ok(inside) => entry.children = inside,
                    Err(failure) => entry = broken(&path, &failure),
                }
            }
            children.push(entry);
        }
        Ok(children)
    }

    /// An entry; of a link that `folder` holds, also where it leads.
    fn entry(&mut self, folder: &OwnedFd, name: &OsStr, path: &Path, stat: &Stat) -> Entry {
        let mut entry = Entry {
            name: name.to_string_lossy().into_owned(),
            kind: "file".to_owned(),
            path: path.to_string_lossy().into_owned(),
            code: result::OK,
            size: stat.st_size,
            mod_time: time(stat),
            permission_str: permissions(stat.st_mode),
            permission_octal: format!("{:o}", stat.st_mode & 0o777),
            owner: self.names.user(stat.st_uid),
            group: self.names.group(stat.st_gid),
            ..Entry::default()
        };
        if tree::is_folder(stat) {
            "folder".clone_into(&mut entry.kind);
            entry.size = 0;
        } else if tree::is_link(stat) {
            "symlink".clone_into(&mut entry.kind);
            entry.target = rustix::fs::readlinkat(folder, name, Vec::new())
                .map(|target| target.to_string_lossy().into_owned())
                .unwrap_or_default();
            // Under rules, where it leads may be none of the caller's business.
            entry.size = match self.read.is_empty() {
                true => rustix::fs::statat(folder, name, AtFlags::empty())
                    .map_or(0, |target| target.st_size),
                false => 0,
            };
        }
        entry
    }
}

/// How a listing goes on.
struct Listing {
    show_hidden: bool,
    left: usize,
}

/// Allows a folder, or one whose content is allowed.
pub(super) fn check_folder(rules: &Rules, canonical: &Path) -> Result<(), Failure> {
    match rules.allow(&canonical.join("x")) {
        true => Ok(()),
        false => rules.check(canonical),
    }
}

pub(super) fn is_directory(handle: impl AsFd, what: &str) -> Result<bool, Failure> {
    Ok(tree::is_folder(&stat(handle, what)?))
}

fn stat(handle: impl AsFd, what: &str) -> Result<Stat, Failure> {
    rustix::fs::fstat(handle).map_err(|error| Failure::of(what, error))
}

/// An entry that cannot be looked at.
fn broken(path: &Path, failure: &Failure) -> Entry {
    let name = path.file_name().unwrap_or(OsStr::new("/"));
    Entry {
        name: name.to_string_lossy().into_owned(),
        path: path.to_string_lossy().into_owned(),
        code: code_of(command::LIST, &failure.0),
        message: failure.0.clone(),
        ..Entry::default()
    }
}

fn time(stat: &Stat) -> String {
    let nanoseconds = u32::try_from(stat.st_mtime_nsec).unwrap_or(0);
    DateTime::from_timestamp(stat.st_mtime, nanoseconds)
        .map(|time| {
            time.with_timezone(&Local)
                .to_rfc3339_opts(SecondsFormat::AutoSi, false)
        })
        .unwrap_or_default()
}

/// Ten characters, as the contract has them: anything but a directory is `-`.
fn permissions(mode: u32) -> String {
    let kind = match FileType::from_raw_mode(mode) {
        FileType::Directory => 'd',
        _ => '-',
    };
    let mut text = String::from(kind);
    // (shift of the three bits, special bit, its letter)
    for (shift, special, letter) in [(6, 0o4000, 's'), (3, 0o2000, 's'), (0, 0o1000, 't')] {
        let bits = mode >> shift;
        text.push(if bits & 4 == 0 { '-' } else { 'r' });
        text.push(if bits & 2 == 0 { '-' } else { 'w' });
        text.push(match (mode & special != 0, bits & 1 != 0) {
            (false, false) => '-',
            (false, true) => 'x',
            (true, true) => letter,
            (true, false) => letter.to_ascii_uppercase(),
        });
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permissions_read_like_those_of_ls() {
        // (mode, text)
        let table = [
            (0o040_755, "drwxr-xr-x"),
            (0o100_644, "-rw-r--r--"),
            (0o120_777, "-rwxrwxrwx"),
            (0o104_755, "-rwsr-xr-x"),
            (0o102_644, "-rw-r-Sr--"),
            (0o041_777, "drwxrwxrwt"),
            (0o041_776, "drwxrwxrwT"),
        ];
        for (mode, text) in table {
            assert_eq!(permissions(mode), text, "{mode:o}");
        }
    }
}
