//! Writing small files so that a crash leaves the old or the new one, whole.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Replaces `path` by `bytes` with `mode`, creating its folder as 0700.
///
/// # Errors
/// When the file system refuses; the old file is then untouched.
pub(crate) fn replace(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    create_folder(folder, 0o700)?;
    let mut staged = path.as_os_str().to_owned();
    staged.push(".new");
    let staged = PathBuf::from(staged);
    match std::fs::remove_file(&staged) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let written = write_new(&staged, bytes, mode).and_then(|()| std::fs::rename(&staged, path));
    if written.is_err() {
        let _removed = std::fs::remove_file(&staged);
    }
    written?;
    File::open(folder)?.sync_all()
}

/// Creates `folder` and its parents with `mode`; an existing one is left alone.
///
/// # Errors
/// When the file system refuses.
pub(crate) fn create_folder(folder: &Path, mode: u32) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(mode).create(folder)
}

fn write_new(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn replaces_with_the_wanted_mode() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/alpamon.conf");
        replace(&path, b"one", 0o600).unwrap();
        replace(&path, b"two", 0o600).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"two");
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(!folder.path().join("deep/alpamon.conf.new").exists());
    }
}
