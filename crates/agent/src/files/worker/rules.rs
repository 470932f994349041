//! The file rules of an order, applied to what was really opened.

use std::ffi::OsStr;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use judge::PathRules;

use super::failure::{Failure, shown};

/// Every list must allow a path; no lists allow all.
#[derive(Debug)]
pub(crate) struct Rules(Vec<PathRules>);

impl Rules {
    /// # Errors
    /// When a rule cannot be used: then nothing is allowed.
    pub(crate) fn new(lists: &protocol::transfer::PathRules) -> Result<Self, Failure> {
        lists
            .iter()
            .map(|list| PathRules::compile(list))
            .collect::<Result<_, _>>()
            .map(Self)
            .map_err(|error| Failure::new(format!("permission denied: a file rule: {error}")))
    }

    /// Whether everything is allowed.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether every list allows `path`, which must be canonical.
    pub(crate) fn allow(&self, path: &Path) -> bool {
        let text = path.to_str();
        let allows = |list: &PathRules| text.is_some_and(|text| list.allows(text).is_some());
        self.0.iter().all(allows)
    }

    /// # Errors
    /// When a list does not allow `path`, which must be canonical.
    pub(crate) fn check(&self, path: &Path) -> Result<(), Failure> {
        if self.allow(path) {
            return Ok(());
        }
        Err(Failure::new(format!(
            "permission denied: the file rules do not allow {}",
            shown(path.as_os_str().as_bytes())
        )))
    }
}

/// Where an open file really is.
///
/// # Errors
/// When the kernel cannot tell, for example because it was deleted meanwhile.
pub(crate) fn canonical(file: impl AsFd, what: &str) -> Result<PathBuf, Failure> {
    use std::os::fd::AsRawFd;
    let links = rustix::fs::fstat(&file).map_err(|error| Failure::of(what, error))?;
    let link = format!("/proc/self/fd/{}", file.as_fd().as_raw_fd());
    let path = rustix::fs::readlink(link, Vec::new()).map_err(|error| Failure::of(what, error))?;
    let path = PathBuf::from(OsStr::from_bytes(path.to_bytes()));
    let gone = || Failure::new(format!("{what}: no such file or directory"));
    if links.st_nlink == 0 || !path.is_absolute() {
        return Err(gone());
    }
    // The kernel's mark of a removed name; a living file may be called like that.
    if path.as_os_str().as_bytes().ends_with(b" (deleted)") {
        let named = rustix::fs::lstat(&path).map_err(|_| gone())?;
        if (named.st_dev, named.st_ino) != (links.st_dev, links.st_ino) {
            return Err(gone());
        }
    }
    Ok(path)
}
