//! What a directory holds, measured before it is sent: how much there is to do, and
//! whether it can be done.

use std::fs::{File, FileType, Metadata};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use super::FileError;

/// Directories within directories.
const MAX_DEPTH: usize = 256;

/// What is beneath a directory, itself included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// Regular files.
    pub files: u64,
    /// Directories.
    pub directories: u64,
    /// Bytes in the files.
    pub bytes: u64,
}

/// One thing met on a walk.
#[derive(Debug)]
pub(crate) enum Entry<'a> {
    /// A directory, before what is in it. Its name ends in `/`.
    Directory { name: &'a str, mode: u32 },
    /// A regular file.
    File {
        name: &'a str,
        path: &'a Path,
        metadata: &'a Metadata,
    },
}

/// Measures `folder`.
///
/// # Errors
/// Names the first thing that cannot be sent: unreadable, a special file, a name
/// that is not UTF-8, a link that leads back to where it came from.
pub fn measure(folder: &Path) -> Result<Contents, FileError> {
    let mut contents = Contents::default();
    walk(folder, "", &mut |entry| {
        match entry {
            Entry::Directory { .. } => contents.directories += 1,
            Entry::File { metadata, .. } => {
                contents.files += 1;
                contents.bytes += metadata.len();
            }
        }
        Ok(())
    })?;
    Ok(contents)
}

/// Meets everything beneath `folder` in the order of names, under names that start
/// with `prefix`. Links are followed, as other copying programs do.
pub(crate) fn walk(
    folder: &Path,
    prefix: &str,
    visit: &mut dyn FnMut(Entry<'_>) -> Result<(), FileError>,
) -> Result<(), FileError> {
    let metadata = folder.metadata().map_err(FileError::io(folder))?;
    if !metadata.is_dir() {
        return Err(FileError::unfit(folder, "is not a directory"));
    }
    let mut name = prefix.to_owned();
    let mut walk = Walk {
        above: Vec::new(),
        visit,
    };
    walk.directory(folder, &metadata, &mut name)
}

struct Walk<'a> {
    /// Device and inode of the directories that lead here.
    above: Vec<(u64, u64)>,
    visit: &'a mut dyn FnMut(Entry<'_>) -> Result<(), FileError>,
}

impl Walk<'_> {
    fn directory(
        &mut self,
        folder: &Path,
        metadata: &Metadata,
        name: &mut String,
    ) -> Result<(), FileError> {
        let identity = (metadata.dev(), metadata.ino());
        if self.above.contains(&identity) {
            return Err(FileError::unfit(
                folder,
                "is a symbolic link to a directory that holds it",
            ));
        }
        if self.above.len() >= MAX_DEPTH {
            return Err(FileError::unfit(folder, "is nested too deeply"));
        }
        self.above.push(identity);
        if !name.is_empty() {
            (self.visit)(Entry::Directory {
                name,
                mode: metadata.mode(),
            })?;
        }
        let length = name.len();
        for child in children(folder)? {
            let path = folder.join(&child);
            let Some(text) = child.to_str() else {
                return Err(FileError::unfit(
                    path,
                    "has a name that is not UTF-8; rename it",
                ));
            };
            name.push_str(text);
            self.child(&path, name)?;
            name.truncate(length);
        }
        self.above.pop();
        Ok(())
    }

    fn child(&mut self, path: &Path, name: &mut String) -> Result<(), FileError> {
        let metadata = path.metadata().map_err(FileError::io(path))?;
        if metadata.is_dir() {
            name.push('/');
            return self.directory(path, &metadata, name);
        }
        require_regular(path, metadata.file_type())?;
        (self.visit)(Entry::File {
            name,
            path,
            metadata: &metadata,
        })
    }
}

/// Names of one directory, sorted so that two walks meet the same order.
fn children(folder: &Path) -> Result<Vec<std::ffi::OsString>, FileError> {
    let mut names = Vec::new();
    for entry in folder.read_dir().map_err(FileError::io(folder))? {
        names.push(entry.map_err(FileError::io(folder))?.file_name());
    }
    names.sort();
    Ok(names)
}

/// Opens a regular file for reading. A pipe is not waited for.
///
/// # Errors
/// When it cannot be read or is anything else.
pub fn open(path: &Path) -> Result<(File, Metadata), FileError> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let file = File::options()
        .read(true)
        .custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed())
        .open(path)
        .map_err(FileError::io(path))?;
    let metadata = file.metadata().map_err(FileError::io(path))?;
    require_regular(path, metadata.file_type())?;
    Ok((file, metadata))
}

/// Refuses what has no content to copy.
fn require_regular(path: &Path, kind: FileType) -> Result<(), FileError> {
    let reason = if kind.is_file() {
        return Ok(());
    } else if kind.is_dir() {
        "is a directory; pass -r to copy it"
    } else if kind.is_fifo() {
        "is a named pipe, which has no content to copy"
    } else if kind.is_socket() {
        "is a socket, which has no content to copy"
    } else {
        "is a device, which has no content to copy"
    };
    Err(FileError::unfit(path, reason))
}

/// The name that a folder's members start with: its own, also where it was given as
/// `.` or with a closing `/`.
///
/// # Errors
/// When it has none, as `/`, or one that is not UTF-8.
pub fn folder_name(folder: &Path) -> Result<String, FileError> {
    let whole: PathBuf = folder.canonicalize().map_err(FileError::io(folder))?;
    // As given, not as resolved, unless there is no name in what was given.
    let name = folder.file_name().or_else(|| whole.file_name());
    let Some(name) = name else {
        return Err(FileError::unfit(
            folder,
            "has no name of its own; name its contents",
        ));
    };
    match name.to_str() {
        Some(name) => Ok(name.to_owned()),
        None => Err(FileError::unfit(
            folder,
            "has a name that is not UTF-8; rename it",
        )),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn everything_is_counted_once() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("a/empty")).unwrap();
        std::fs::write(folder.path().join("a/x"), "123").unwrap();
        std::fs::write(folder.path().join("-rf\nü"), "45").unwrap();
        symlink("a/x", folder.path().join("link")).unwrap();
        let contents = measure(folder.path()).unwrap();
        assert_eq!((contents.files, contents.bytes), (3, 8));
        let mut names = Vec::new();
        walk(folder.path(), "top/", &mut |entry| {
            names.push(match entry {
                Entry::Directory { name, .. } | Entry::File { name, .. } => name.to_owned(),
            });
            Ok(())
        })
        .unwrap();
        let expected = [
            "top/",
            "top/-rf\nü",
            "top/a/",
            "top/a/empty/",
            "top/a/x",
            "top/link",
        ];
        assert_eq!(names, expected);
    }

    #[test]
    fn a_loop_is_an_error_and_not_endless() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("a")).unwrap();
        symlink("..", folder.path().join("a/up")).unwrap();
        let refused = measure(folder.path()).unwrap_err().to_string();
        assert!(refused.contains("symbolic link"), "{refused}");
    }

    #[test]
    fn what_has_no_content_is_refused_without_waiting() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        let mode = rustix::fs::Mode::from_raw_mode(0o600);
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, mode, 0).unwrap();
        assert!(open(&pipe).unwrap_err().to_string().contains("named pipe"));
        assert!(
            measure(folder.path())
                .unwrap_err()
                .to_string()
                .contains("named pipe")
        );
        assert!(open(folder.path()).unwrap_err().to_string().contains("-r"));
        assert!(
            open(Path::new("/dev/null"))
                .unwrap_err()
                .to_string()
                .contains("device")
        );
    }

    #[test]
    fn a_folder_is_called_what_it_was_given_as() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("real")).unwrap();
        symlink("real", folder.path().join("link")).unwrap();
        assert_eq!(folder_name(&folder.path().join("link")).unwrap(), "link");
        assert_eq!(folder_name(&folder.path().join("real/")).unwrap(), "real");
        assert_eq!(folder_name(&folder.path().join("real/.")).unwrap(), "real");
        assert_eq!(
            folder_name(&folder.path().join("link/..")).unwrap(),
            folder.path().file_name().unwrap().to_str().unwrap()
        );
        assert!(folder_name(Path::new("/")).is_err());
    }
}
