//! A received zip, unpacked beside itself (`agent-channels.md` §4.3).
//!
//! All of it is unpacked into a hidden directory first; only when that worked is
//! it moved into place. Names that lead elsewhere, links, and archives that are
//! far larger inside than outside are refused before anything is written.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;

use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;
use zip::ZipReadOptions;
use zip::read::{Config, ZipFileEntry};
use zip::unstable::read::ZipIterable;

use super::failure::{Failure, shown};
use super::merge;
use super::place::{Place, is_name};
use super::rules::Rules;
use super::window::Window;
use super::write::random_name;

/// Archives that are what they are: never unpacked.
const KEPT: [&str; 13] = [
    ".jar", ".war", ".ear", ".apk", ".xpi", ".vsix", ".crx", ".egg", ".whl", ".appx", ".msix",
    ".ipk", ".nupkg",
];
const KEPT_TOO: &str = ".kmz";
/// Entries of one archive.
const MAX_ENTRIES: usize = 1_000_000;
/// Directories inside directories.
const MAX_DEPTH: usize = 256;
/// Up to this size the inside may be as large as it likes.
const SMALL: u64 = 256 * 1024 * 1024;
/// Beyond it, at most so many times the outside.
const MAX_RATIO: u64 = 200;
/// One read, in bytes.
const READ: usize = 128 * 1024;

/// Whether a file of this name may be unpacked at all.
#[must_use]
pub(crate) fn is_wanted(name: &OsStr) -> bool {
    let name = name.to_string_lossy().to_lowercase();
    !KEPT
        .iter()
        .chain(std::iter::once(&KEPT_TOO))
        .any(|ending| name.ends_with(ending))
}

/// Unpacks `file` into the directory of `place`. `None`: it is no zip.
///
/// # Errors
/// When the archive is refused or cannot be unpacked; then all is as before.
pub(crate) fn unpack(
    file: File,
    place: &Place,
    rules: &Rules,
    overwrite: bool,
) -> Result<Option<String>, Failure> {
    let outside = file.metadata().map_or(0, |data| data.len());
    let file = Arc::new(file);
    let directory = Window::new(file.clone());
    let Ok(mut archive) = ZipIterable::try_new(directory, Config::default()) else {
        return Ok(None);
    };
    let parent = place.path.parent().unwrap_or(Path::new("/"));
    check(&mut archive, outside, parent, rules)?;
    let staging = Staging::make(&place.directory)?;
    let files = extract(&mut archive, Window::new(file), &staging.opened)?;
    merge::merge(&staging.opened, &place.directory, parent, overwrite)?;
    Ok(Some(format!(
        "unpacked {files} files into {}",
        shown(parent.as_os_str().as_encoded_bytes())
    )))
}

/// Reads the list of entries piece by piece: it may be long.
type Zip = ZipIterable<Window>;

/// Refuses what must not be unpacked, before anything is.
fn check(archive: &mut Zip, outside: u64, parent: &Path, rules: &Rules) -> Result<(), Failure> {
    if archive.len() > MAX_ENTRIES {
        return Err(Failure::new(format!(
            "the archive has more than {MAX_ENTRIES} entries"
        )));
    }
    let mut inside: u64 = 0;
    for entry in archive.files().map_err(|e| broken(&e))? {
        let entry = entry.map_err(|e| broken(&e))?;
        let name = name_of(&entry)?;
        let parts = parts(&name)?;
        if entry.is_symlink() {
            return Err(Failure::new(format!(
                "the archive is refused: {} is a symbolic link",
                shown(&name)
            )));
        }
        if !entry.is_dir() {
            rules.check(&parent.join(parts.join("/")))?;
        }
        inside = inside.saturating_add(entry.size());
    }
    let most = SMALL.max(outside.saturating_mul(MAX_RATIO));
    if inside > most {
        return Err(Failure::new(format!(
            "the archive is refused: {inside} bytes from {outside} look like an archive bomb"
        )));
    }
    Ok(())
}

fn name_of(entry: &ZipFileEntry<'_>) -> Result<String, Failure> {
    match entry.name() {
        Ok(name) => Ok(name.into_owned()),
        Err(error) => Err(broken(&error)),
    }
}

/// The components of an entry's name; every one an ordinary name.
fn parts(name: &str) -> Result<Vec<&str>, Failure> {
    let parts: Vec<&str> = name.strip_suffix('/').unwrap_or(name).split('/').collect();
    if parts.len() <= MAX_DEPTH && parts.iter().all(|part| is_name(part)) {
        return Ok(parts);
    }
    Err(Failure::new(format!(
        "the archive is refused: {} leads out of its directory",
        shown(name)
    )))
}

fn extract(archive: &mut Zip, mut body: Window, staging: &OwnedFd) -> Result<u64, Failure> {
    let mut buffer = vec![0; READ];
    let mut files = 0;
    // Most entries lie where the one before them lay.
    let mut last: Option<(String, OwnedFd)> = None;
    for entry in archive.files().map_err(|e| broken(&e))? {
        let entry = entry.map_err(|e| broken(&e))?;
        let name = name_of(&entry)?;
        let parts = parts(&name)?;
        let Some((file_name, folders)) = parts.split_last() else {
            continue;
        };
        if entry.is_dir() {
            make_directories(staging, &parts)?;
            continue;
        }
        let folder = folders.join("/");
        if last.as_ref().is_none_or(|(known, _)| *known != folder) {
            last = Some((folder, make_directories(staging, folders)?));
        }
        let Some((_, directory)) = &last else {
            continue;
        };
        let mode = entry
            .unix_mode()
            .map_or(0o644, |mode| (mode & 0o777) | 0o600);
        let size = entry.size();
        let mut content = entry
            .with_reader(&mut body, ZipReadOptions::new())
            .map_err(|e| broken(&e))?;
        write_entry(directory, file_name, mode, size, &mut content, &mut buffer)
            .map_err(|error| Failure::io(shown(&name), &error))?;
        files += 1;
    }
    Ok(files)
}

fn write_entry(
    directory: &OwnedFd,
    name: &str,
    mode: u32,
    size: u64,
    entry: &mut impl Read,
    buffer: &mut [u8],
) -> io::Result<()> {
    // The same name twice in an archive is refused by the second one.
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut file = File::from(rustix::fs::openat(
        directory,
        name,
        flags,
        Mode::from_raw_mode(mode),
    )?);
    let mut written: u64 = 0;
    loop {
        let count = entry.read(buffer)?;
        if count == 0 {
            break;
        }
        written += count as u64;
        if written > size {
            return Err(io::Error::other("larger than the archive says"));
        }
        file.write_all(buffer.get(..count).unwrap_or_default())?;
    }
    if written < size {
        return Err(io::Error::other("smaller than the archive says"));
    }
    Ok(())
}

/// Opens the last of nested directories, making those that are not there.
fn make_directories(staging: &OwnedFd, parts: &[&str]) -> Result<OwnedFd, Failure> {
    let mut directory = staging
        .try_clone()
        .map_err(|error| Failure::io("the archive", &error))?;
    for part in parts {
        match rustix::fs::mkdirat(&directory, *part, Mode::from_raw_mode(0o755)) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(Failure::of(shown(part), error)),
        }
        directory = open_directory(&directory, OsStr::new(part))
            .map_err(|e| Failure::of(shown(part), e))?;
    }
    Ok(directory)
}

/// A directory that is no link.
pub(crate) fn open_directory(parent: impl AsFd, name: &OsStr) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::openat(parent, name, flags, Mode::empty())
}

/// The hidden directory; removed with all it still holds.
struct Staging<'a> {
    parent: &'a OwnedFd,
    name: std::ffi::OsString,
    opened: OwnedFd,
}

impl<'a> Staging<'a> {
    fn make(parent: &'a OwnedFd) -> Result<Self, Failure> {
        let failed = |error| Failure::of("cannot unpack there", error);
        let name = random_name().map_err(failed)?;
        rustix::fs::mkdirat(parent, &name, Mode::from_raw_mode(0o700)).map_err(failed)?;
        let opened = open_directory(parent, &name).map_err(failed)?;
        Ok(Self {
            parent,
            name,
            opened,
        })
    }
}

impl Drop for Staging<'_> {
    fn drop(&mut self) {
        merge::remove_tree(&self.opened);
        let _removed = rustix::fs::unlinkat(self.parent, &self.name, AtFlags::REMOVEDIR);
    }
}

fn broken(error: &zip::result::ZipError) -> Failure {
    Failure::new(format!("the archive cannot be read: {error}"))
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Seek as _, SeekFrom};
    use std::path::PathBuf;

    use proptest::prelude::*;
    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::super::place;
    use super::*;

    type Entries<'a> = &'a [(&'a str, &'a [u8])];

    fn archive(entries: Entries<'_>) -> Vec<u8> {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, content) in entries {
            zip.start_file(*name, SimpleFileOptions::default()).unwrap();
            zip.write_all(content).unwrap();
        }
        zip.finish().unwrap().into_inner()
    }

    /// Unpacks beside `folder/in/x.zip`; also gives what `folder` holds then.
    fn attempt(zip: &[u8]) -> (Result<Option<String>, Failure>, Vec<PathBuf>) {
        let folder = tempfile::tempdir().unwrap();
        let inside = folder.path().canonicalize().unwrap().join("in");
        std::fs::create_dir(&inside).unwrap();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(zip).unwrap();
        file.seek(SeekFrom::Start(0)).unwrap();
        let place = place::find(&inside.join("x.zip"), "").unwrap();
        let rules = Rules::new(&Vec::new()).unwrap();
        let outcome = unpack(file, &place, &rules, true);
        let mut found = Vec::new();
        let mut folders = vec![folder.path().to_owned()];
        while let Some(next) = folders.pop() {
            for entry in std::fs::read_dir(next).unwrap().flatten() {
                if entry.path().is_dir() {
                    folders.push(entry.path());
                } else {
                    found.push(entry.path());
                }
            }
        }
        (outcome, found)
    }

    #[test]
    fn names_that_lead_out_are_refused_before_anything_is_written() {
        for name in [
            "../evil",
            "a/../../evil",
            "/etc/evil",
            "a//b",
            "./a",
            "a/..",
            "..",
            "a/./b",
            "nul\0byte",
        ] {
            let zip = archive(&[("fine", b"1"), (name, b"2")]);
            let (outcome, found) = attempt(&zip);
            assert!(outcome.is_err(), "{name:?} was taken");
            assert!(found.is_empty(), "{name:?} left {found:?}");
        }
    }

    #[test]
    fn links_are_refused() {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        let options = SimpleFileOptions::default();
        zip.add_symlink("link", "/etc", options).unwrap();
        zip.start_file("link/passwd", options).unwrap();
        let (outcome, found) = attempt(&zip.finish().unwrap().into_inner());
        assert!(outcome.unwrap_err().0.contains("symbolic link"));
        assert!(found.is_empty());
    }

    #[test]
    fn bombs_are_refused() {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        zip.start_file("zeros", SimpleFileOptions::default())
            .unwrap();
        let zeros = vec![0; 1024 * 1024];
        for _ in 0..300 {
            zip.write_all(&zeros).unwrap();
        }
        let bomb = zip.finish().unwrap().into_inner();
        assert!(bomb.len() < 1024 * 1024);
        let (outcome, found) = attempt(&bomb);
        assert!(outcome.unwrap_err().0.contains("archive bomb"));
        assert!(found.is_empty());
    }

    #[test]
    fn an_archive_that_lies_about_a_size_is_refused() {
        let mut zip = archive(&[("file", &[b'x'; 100_000])]);
        // The uncompressed size in the central directory.
        let at = zip.windows(4).rposition(|w| w == b"PK\x01\x02").unwrap() + 24;
        zip[at..at + 4].copy_from_slice(&10_u32.to_le_bytes());
        let (outcome, found) = attempt(&zip);
        assert!(outcome.is_err());
        assert!(found.is_empty(), "{found:?}");
    }

    #[test]
    fn what_is_no_zip_stays_and_some_zips_are_not_for_unpacking() {
        assert!(attempt(b"plain text").0.unwrap().is_none());
        assert!(attempt(b"").0.unwrap().is_none());
        assert!(!is_wanted(OsStr::new("app.JAR")) && !is_wanted(OsStr::new("map.kmz")));
        assert!(is_wanted(OsStr::new("tree.zip")) && is_wanted(OsStr::new("anything")));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_damaged_archive_leaves_nothing_half(at in 0_usize..600, byte: u8, cut in 0_usize..600) {
            let whole = archive(&[("a/one", &[1; 100]), ("two", &[2; 100])]);
            let mut zip = whole.clone();
            let length = zip.len();
            zip[at % length] = byte;
            zip.truncate(length - cut % length);
            let (outcome, found) = attempt(&zip);
            match outcome {
                Ok(Some(_)) => prop_assert!(!found.is_empty() || cut > 0 || zip != whole),
                Ok(None) | Err(_) => prop_assert!(found.is_empty(), "{:?}", found),
            }
        }

        #[test]
        fn no_name_leads_out(name in "[a./\\\\\n-]{1,12}") {
            let zip = archive(&[(&name, b"x")]);
            let (_, found) = attempt(&zip);
            for path in found {
                let inside = path.components().any(|part| part.as_os_str() == "in");
                prop_assert!(inside, "{:?}", path);
            }
        }
    }
}
