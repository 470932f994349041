//! The other side's zip, unpacked beneath a directory and nowhere else.
//!
//! Everything in it is a claim: names are checked and followed one by one, links and
//! special files are refused, a member that holds more than it says ends the work,
//! and so does an archive that holds more than the disk.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Arc;

use rustix::fs::Mode;
use zip::read::{Config, ZipFile};
use zip::unstable::read::ZipIterable;

use super::replace::Replacement;
use super::tree::Tree;
use super::{FileError, name, shown};

const BUFFER: usize = 128 * 1024;
/// Longest path of a member, in bytes; no system opens a longer one.
const MAX_PATH: usize = 4096;
/// Most directories within directories.
const MAX_DEPTH: usize = 256;

/// What to do with what is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// Replace it.
    Overwrite,
    /// Refuse before anything is written.
    Keep,
}

/// What was unpacked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unpacked {
    /// Regular files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// A reader with a place of its own in a shared file.
struct Place {
    file: Arc<File>,
    position: u64,
}

impl Read for Place {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read_at(buffer, self.position)?;
        self.position += count as u64;
        Ok(count)
    }
}

impl Seek for Place {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let (base, offset) = match to {
            SeekFrom::Start(position) => (position, 0),
            SeekFrom::Current(offset) => (self.position, offset),
            SeekFrom::End(offset) => (self.file.metadata()?.len(), offset),
        };
        self.position = base
            .checked_add_signed(offset)
            .ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}

/// Unpacks `archive` beneath `target`, which exists. What was complete before an
/// error stays.
///
/// # Errors
/// When it is no archive or one that must not be unpacked, checked before anything
/// is written; when a member cannot be written; when `stop` says so.
pub fn unpack(
    archive: File,
    target: &Path,
    existing: Existing,
    stop: &dyn Fn() -> bool,
) -> Result<Unpacked, FileError> {
    let archive = Arc::new(archive);
    let place = || {
        let file = archive.clone();
        BufReader::with_capacity(BUFFER, Place { file, position: 0 })
    };
    let mut zip = ZipIterable::try_new(place(), Config::default())
        .map_err(broken)?
        .enforce_header_consistency(true);
    let mut tree = Tree::open(target)?;
    check(&mut zip, target, existing)?;
    let mut members = zip
        .files_with_reader(place(), zip::read::ZipReadOptions::new())
        .map_err(broken)?;
    let mut buffer = vec![0; BUFFER];
    let mut unpacked = Unpacked::default();
    while let Some(member) = members.next() {
        if stop() {
            return Err(FileError::Abandoned);
        }
        let mut member = member.map_err(broken)?;
        let path = path_of(&member)?;
        let Some(components) = name::members(&path) else {
            return Err(escapes(&path));
        };
        if member.is_dir() {
            tree.enter(&components)?;
            continue;
        }
        let Some((file, folders)) = components.split_last() else {
            return Err(escapes(&path));
        };
        let at = target.join(&path);
        let mode = new_mode(member.unix_mode());
        let directory = tree.enter(folders)?;
        let overwrite = existing == Existing::Overwrite;
        let new = Replacement::beneath(directory, Path::new(file), &at, overwrite, mode)?;
        unpacked.bytes += copy(&mut member, &new, &mut buffer, stop)?;
        new.commit()?;
        unpacked.files += 1;
    }
    Ok(unpacked)
}

/// Everything that can be known before the first byte is written.
fn check(
    zip: &mut ZipIterable<BufReader<Place>>,
    target: &Path,
    existing: Existing,
) -> Result<(), FileError> {
    let mut total: u64 = 0;
    for member in zip.files().map_err(broken)? {
        let member = member.map_err(broken)?;
        let path = member.name().map_err(broken)?.into_owned();
        let Some(components) = name::members(&path).filter(|_| path.len() <= MAX_PATH) else {
            return Err(escapes(&path));
        };
        if components.len() > MAX_DEPTH {
            return Err(FileError::Archive(format!("{path:?} is nested too deeply")));
        }
        if member.encrypted() {
            return Err(FileError::Archive(format!("{path:?} is encrypted")));
        }
        if member.is_dir() {
            continue;
        }
        if !member.is_file() || is_special(member.unix_mode()) {
            return Err(FileError::Archive(format!(
                "{path:?} is a link or a special file"
            )));
        }
        let at = target.join(&path);
        if existing == Existing::Keep && at.symlink_metadata().is_ok() {
            return Err(FileError::unfit(at, "exists already"));
        }
        total = total.saturating_add(member.size());
    }
    require_room(target, total)
}

/// Refuses what would fill the disk: an honest archive fits, a bomb does not.
fn require_room(target: &Path, bytes: u64) -> Result<(), FileError> {
    let Ok(system) = rustix::fs::statvfs(target) else {
        return Ok(());
    };
    let free = system.f_bavail.saturating_mul(system.f_frsize);
    if bytes <= free {
        return Ok(());
    }
    Err(FileError::Archive(format!(
        "it holds {bytes} bytes, and the disk has room for {free}"
    )))
}

fn copy<D: std::os::fd::AsFd>(
    member: &mut ZipFile<'_, BufReader<Place>>,
    new: &Replacement<D>,
    buffer: &mut [u8],
    stop: &dyn Fn() -> bool,
) -> Result<u64, FileError> {
    let announced = member.size();
    let mut file = new.file();
    let mut written: u64 = 0;
    loop {
        let count = match member.read(buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) => {
                return Err(FileError::Archive(format!(
                    "{}: {error}",
                    shown(new.shown())
                )));
            }
        };
        written += count as u64;
        if written > announced {
            break;
        }
        if stop() {
            return Err(FileError::Abandoned);
        }
        file.write_all(buffer.get(..count).unwrap_or_default())
            .map_err(FileError::io(new.shown()))?;
    }
    if written == announced {
        return Ok(written);
    }
    Err(FileError::Archive(format!(
        "{} does not have the size that the archive says",
        shown(new.shown())
    )))
}

/// Whether a mode, where there is one, names something else than a regular file.
fn is_special(mode: Option<u32>) -> bool {
    const KIND: u32 = 0o170_000;
    const REGULAR: u32 = 0o100_000;
    mode.is_some_and(|mode| !matches!(mode & KIND, 0 | REGULAR))
}

/// Only who may run it is taken over, and only from what says anything.
fn new_mode(mode: Option<u32>) -> Mode {
    let executable = mode.unwrap_or_default() & 0o111;
    Mode::from_raw_mode(0o666 | executable)
}

fn path_of(member: &ZipFile<'_, BufReader<Place>>) -> Result<String, FileError> {
    Ok(member.name().map_err(broken)?.into_owned())
}

fn escapes(path: &str) -> FileError {
    FileError::Archive(format!("{path:?} would be outside of the destination"))
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn broken(error: zip::result::ZipError) -> FileError {
    FileError::Archive(error.to_string())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use proptest::prelude::*;
    use zip::write::{SimpleFileOptions, ZipWriter};

    use super::*;

    type Zip = ZipWriter<File>;

    fn archive(write: impl FnOnce(&mut Zip)) -> File {
        let mut zip = ZipWriter::new(tempfile::tempfile().unwrap());
        write(&mut zip);
        zip.finish().unwrap()
    }

    fn member(zip: &mut Zip, name: &str, content: &[u8]) {
        zip.start_file(name, SimpleFileOptions::default()).unwrap();
        zip.write_all(content).unwrap();
    }

    /// A destination with a neighbour that must stay as it is.
    struct Place {
        folder: tempfile::TempDir,
    }

    impl Place {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            std::fs::create_dir(folder.path().join("target")).unwrap();
            std::fs::write(folder.path().join("neighbour"), "safe").unwrap();
            Self { folder }
        }

        fn target(&self) -> std::path::PathBuf {
            self.folder.path().join("target")
        }

        fn unpack(&self, archive: File) -> Result<Unpacked, FileError> {
            let result = unpack(archive, &self.target(), Existing::Overwrite, &|| false);
            let neighbour = std::fs::read(self.folder.path().join("neighbour")).unwrap();
            assert_eq!(neighbour, b"safe");
            assert_eq!(std::fs::read_dir(self.folder.path()).unwrap().count(), 2);
            result
        }

        fn is_empty(&self) -> bool {
            std::fs::read_dir(self.target()).unwrap().next().is_none()
        }
    }

    #[test]
    fn what_was_packed_comes_out_again() {
        let source = tempfile::tempdir().unwrap();
        let top = source.path().join("top");
        std::fs::create_dir_all(top.join("a/empty")).unwrap();
        std::fs::write(top.join("a/-rf\nü \u{1b}[31m"), "x".repeat(300_000)).unwrap();
        std::fs::write(top.join("run.sh"), "#!").unwrap();
        std::fs::set_permissions(top.join("run.sh"), std::fs::Permissions::from_mode(0o755))
            .unwrap();
        std::fs::write(top.join("photo.jpg"), [7; 1000]).unwrap();
        let mut file = tempfile::tempfile().unwrap();
        let mut read = 0;
        crate::files::pack::pack(&top, &mut file, &mut |bytes| read += bytes).unwrap();
        assert_eq!(read, 301_002);
        let place = Place::new();
        let unpacked = place.unpack(file).unwrap();
        assert_eq!((unpacked.files, unpacked.bytes), (3, 301_002));
        let out = place.target().join("top");
        assert!(out.join("a/empty").is_dir());
        assert_eq!(
            std::fs::read(out.join("a/-rf\nü \u{1b}[31m"))
                .unwrap()
                .len(),
            300_000
        );
        let mode = |name: &str| out.join(name).metadata().unwrap().permissions().mode();
        assert_eq!(mode("run.sh") & 0o100, 0o100);
        assert_eq!(mode("photo.jpg") & 0o111, 0);
    }

    #[test]
    fn nothing_escapes_and_nothing_is_written_before_all_is_checked() {
        for name in [
            "../neighbour",
            "/neighbour",
            "a/../../neighbour",
            "..",
            "x\0y",
        ] {
            let place = Place::new();
            let zip = archive(|zip| {
                member(zip, "good", b"good");
                member(zip, name, b"evil");
            });
            assert!(place.unpack(zip).is_err(), "{name:?}");
            assert!(place.is_empty(), "{name:?}");
        }
    }

    #[test]
    fn links_are_refused_and_not_followed() {
        let place = Place::new();
        let zip = archive(|zip| {
            zip.add_symlink("out", "..", SimpleFileOptions::default())
                .unwrap();
            member(zip, "out/neighbour", b"evil");
        });
        assert!(place.unpack(zip).is_err());
        assert!(place.is_empty());
        // One that is there already: as a directory on the way, and as the file.
        symlink("..", place.target().join("out")).unwrap();
        symlink("../neighbour", place.target().join("file")).unwrap();
        for name in ["out/neighbour", "file"] {
            let zip = archive(|zip| member(zip, name, b"evil"));
            assert!(place.unpack(zip).is_err(), "{name}");
        }
    }

    #[test]
    fn what_is_there_stays_if_asked_to() {
        let place = Place::new();
        std::fs::write(place.target().join("x"), "mine").unwrap();
        let zip = archive(|zip| {
            member(zip, "a", b"new");
            member(zip, "x", b"new");
        });
        let refused = unpack(zip, &place.target(), Existing::Keep, &|| false).unwrap_err();
        assert!(refused.to_string().contains("exists already"), "{refused}");
        assert!(!place.target().join("a").exists());
        assert_eq!(std::fs::read(place.target().join("x")).unwrap(), b"mine");
    }

    #[test]
    fn an_archive_larger_than_the_disk_is_refused() {
        // A small member whose headers claim 2^60 bytes.
        let place = Place::new();
        let refused = require_room(&place.target(), 1 << 60).unwrap_err();
        assert!(refused.to_string().contains("room"), "{refused}");
    }

    #[test]
    fn no_archive_is_an_error() {
        for content in [&b""[..], b"hello", &[0; 4096]] {
            let place = Place::new();
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(content).unwrap();
            assert!(place.unpack(file).is_err());
            assert!(place.is_empty());
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_damaged_archive_never_leaves_the_target(
            flips in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
            cut in any::<prop::sample::Index>(),
            is_cut in any::<bool>(),
        ) {
            use std::io::Read as _;
            let mut zip = archive(|zip| {
                zip.add_directory("a", SimpleFileOptions::default()).unwrap();
                member(zip, "a/b", &[1; 500]);
                member(zip, "c", b"hello");
            });
            let mut bytes = Vec::new();
            zip.seek(SeekFrom::Start(0)).unwrap();
            zip.read_to_end(&mut bytes).unwrap();
            for (at, value) in flips {
                let at = at.index(bytes.len());
                bytes[at] ^= value;
            }
            if is_cut {
                bytes.truncate(cut.index(bytes.len()));
            }
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(&bytes).unwrap();
            // Whether it works or not: the neighbour is checked inside.
            let _either = Place::new().unpack(file);
        }
    }
}
