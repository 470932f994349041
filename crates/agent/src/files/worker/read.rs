//! What is sent: opened first, judged by where it really is, then read.

use std::ffi::OsStr;
use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use protocol::transfer::resource;
use rustix::fs::{FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use super::archive::Archive;
use super::failure::{Failure, shown};
use super::place;
use super::rules::{Rules, canonical};
use super::wire::SendRequest;

/// Something to be sent.
pub(crate) enum Outgoing {
    /// The bytes of a file.
    File {
        /// Open for reading.
        file: OwnedFd,
        /// Canonical path.
        path: PathBuf,
        /// Bytes.
        size: u64,
    },
    /// A file that says it is empty. Those of `/proc` are not; their content is made
    /// for who reads it, so the worker reads it itself.
    Unsized {
        /// Open for reading.
        file: File,
        /// Canonical path.
        path: PathBuf,
    },
    /// A zip to be written.
    Archive(Archive),
}

impl Outgoing {
    /// Opens what is asked for.
    ///
    /// # Errors
    /// When something of it does not exist or may not be read.
    pub(crate) fn open(request: &SendRequest) -> Result<Self, Failure> {
        let rules = Rules::new(&request.rules)?;
        let mut opened = Vec::with_capacity(request.paths.len());
        for path in &request.paths {
            let path = place::absolute(path, &request.home)?;
            opened.push(Found::open(&path, &rules)?);
        }
        let many = opened.len() > 1;
        let first = opened
            .first()
            .ok_or_else(|| Failure::new("invalid argument: no path is given"))?;
        if request.resource_type == resource::FILE && !many && first.is_directory() {
            return Err(Failure::of(first.shown(), Errno::ISDIR));
        }
        if request.resource_type == resource::FOLDER && !first.is_directory() {
            return Err(Failure::of(first.shown(), Errno::NOTDIR));
        }
        if many || first.is_directory() {
            return Ok(Self::Archive(Archive::new(opened, rules)));
        }
        let found = opened
            .pop()
            .ok_or_else(|| Failure::new("invalid argument: no path is given"))?;
        let file = found.reopen()?;
        let path = found.path;
        match u64::try_from(found.stat.st_size).unwrap_or(0) {
            0 => Ok(Self::Unsized { file, path }),
            size => Ok(Self::File {
                file: file.into(),
                path,
                size,
            }),
        }
    }
}

/// A file or directory that was found and may be sent.
#[derive(Debug)]
pub(crate) struct Found {
    /// Open with `O_PATH`.
    handle: OwnedFd,
    stat: Stat,
    /// Canonical.
    pub(crate) path: PathBuf,
}

impl Found {
    /// Found step by step, without following links of others.
    ///
    /// # Errors
    /// As for any path.
    pub(crate) fn at(path: &Path, rules: &Rules) -> Result<Self, Failure> {
        let (handle, _) = place::open(path)?;
        Self::judged(handle, &shown(path.as_os_str().as_bytes()), rules)
    }

    fn open(path: &Path, rules: &Rules) -> Result<Self, Failure> {
        let shown = shown(path.as_os_str().as_bytes());
        // Opening for reading can block, or set a device in motion.
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        let handle = rustix::fs::open(path, flags, Mode::empty())
            .map_err(|error| Failure::of(&shown, error))?;
        Self::judged(handle, &shown, rules)
    }

    /// The same for an entry of a directory.
    ///
    /// # Errors
    /// As for any path.
    pub(crate) fn entry(
        directory: impl AsFd,
        name: &OsStr,
        shown: &str,
        rules: &Rules,
    ) -> Result<Self, Failure> {
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        let handle = rustix::fs::openat(directory, name, flags, Mode::empty())
            .map_err(|error| Failure::of(shown, error))?;
        Self::judged(handle, shown, rules)
    }

    /// A directory inside a directory, not a link to one.
    ///
    /// # Errors
    /// As for any path.
    pub(crate) fn below(
        directory: impl AsFd,
        name: &OsStr,
        shown: &str,
        rules: &Rules,
    ) -> Result<Self, Failure> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let handle = rustix::fs::openat(directory, name, flags, Mode::empty())
            .map_err(|error| Failure::of(shown, error))?;
        Self::judged(handle, shown, rules)
    }

    fn judged(handle: OwnedFd, shown: &str, rules: &Rules) -> Result<Self, Failure> {
        let stat = rustix::fs::fstat(&handle).map_err(|error| Failure::of(shown, error))?;
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile | FileType::Directory => {}
            _ => {
                return Err(Failure::new(format!(
                    "{shown}: not a regular file; devices, pipes and sockets are not transferred"
                )));
            }
        }
        let path = canonical(&handle, shown)?;
        rules.check(&path)?;
        Ok(Self { handle, stat, path })
    }

    pub(crate) fn is_directory(&self) -> bool {
        FileType::from_raw_mode(self.stat.st_mode) == FileType::Directory
    }

    pub(crate) fn stat(&self) -> &Stat {
        &self.stat
    }

    pub(crate) fn shown(&self) -> String {
        shown(self.path.as_os_str().as_bytes())
    }

    /// Base name for the receiver.
    pub(crate) fn name(&self) -> String {
        let name = self.path.file_name().unwrap_or(OsStr::new("root"));
        name.to_string_lossy().into_owned()
    }

    /// The same file, open for reading: the one that was judged, whatever has its
    /// name by now.
    ///
    /// # Errors
    /// When it may not be read.
    pub(crate) fn reopen(&self) -> Result<File, Failure> {
        let own = format!("/proc/self/fd/{}", self.handle.as_raw_fd());
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOCTTY | OFlags::NONBLOCK;
        rustix::fs::open(own, flags, Mode::empty())
            .map(File::from)
            .map_err(|error| Failure::of(self.shown(), error))
    }
}
