//! A directory as one zip, written while it is read (`rest-operations.md` §7.3): its
//! own name in front of everything, directories as entries of their own, deflate.
//!
//! Memory holds one buffer and the archive's table of contents, never a file.

use std::io::{self, BufReader, Read as _, Write};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use zip::write::{SimpleFileOptions, ZipWriter};
use zip::{CompressionMethod, result::ZipError};

use super::scan::{self, Entry};
use super::{FileError, name};

const BUFFER: usize = 128 * 1024;
/// Fast: a link is seldom slower than the level above it.
const LEVEL: i64 = 1;
/// From this size on an entry has the fields for more than 4 GiB.
const LARGE: u64 = u32::MAX as u64 / 2;
/// Endings of what is compressed already; trying again only costs time.
const COMPRESSED: [&str; 16] = [
    "7z", "br", "bz2", "gif", "gz", "jpeg", "jpg", "lz4", "mkv", "mp4", "png", "tgz", "webp", "xz",
    "zip", "zst",
];

/// Writes the archive of `folder` to `sink`. `progress` gets the bytes read.
///
/// # Errors
/// When something cannot be read, or `sink` takes no more.
pub fn pack(
    folder: &Path,
    sink: impl Write,
    progress: &mut dyn FnMut(u64),
) -> Result<(), FileError> {
    let top = scan::folder_name(folder)?;
    if !name::is_plain(&top) {
        return Err(FileError::unfit(folder, "has a name that cannot be sent"));
    }
    let mut zip = ZipWriter::new_stream(sink);
    let mut buffer = vec![0; BUFFER];
    scan::walk(folder, &format!("{top}/"), &mut |entry| match entry {
        Entry::Directory { name, mode } => {
            let options = SimpleFileOptions::default().unix_permissions(mode & 0o777);
            zip.add_directory(name.trim_end_matches('/'), options)
                .map_err(given_up)
        }
        Entry::File { name, path, .. } => file(&mut zip, name, path, &mut buffer, progress),
    })?;
    let mut sink = zip.finish().map_err(given_up)?.into_inner();
    sink.flush().map_err(|_| FileError::Abandoned)
}

fn file<W: Write + io::Seek>(
    zip: &mut ZipWriter<W>,
    name: &str,
    path: &Path,
    buffer: &mut [u8],
    progress: &mut dyn FnMut(u64),
) -> Result<(), FileError> {
    let (file, metadata) = scan::open(path)?;
    let options = SimpleFileOptions::default()
        .unix_permissions(metadata.mode() & 0o777)
        .large_file(metadata.len() >= LARGE);
    let options = match is_compressed(path) {
        true => options.compression_method(CompressionMethod::Stored),
        false => options
            .compression_method(CompressionMethod::Deflated)
            .compression_level(Some(LEVEL)),
    };
    zip.start_file(name, options).map_err(given_up)?;
    let mut source = BufReader::with_capacity(0, file);
    loop {
        let count = match source.read(buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(FileError::io(path)(error)),
        };
        let bytes = buffer.get(..count).unwrap_or_default();
        zip.write_all(bytes).map_err(|error| match error.kind() {
            // It grew while it was read.
            io::ErrorKind::InvalidData | io::ErrorKind::FileTooLarge => {
                FileError::unfit(path, "changed while it was read")
            }
            _ => FileError::Abandoned,
        })?;
        progress(count as u64);
    }
}

fn is_compressed(path: &Path) -> bool {
    path.extension()
        .and_then(|ending| ending.to_str())
        .is_some_and(|ending| {
            COMPRESSED
                .iter()
                .any(|known| ending.eq_ignore_ascii_case(known))
        })
}

/// All that can go wrong in the archive itself is that nobody takes it.
fn given_up(error: ZipError) -> FileError {
    match error {
        ZipError::Io(_) => FileError::Abandoned,
        other => FileError::Archive(other.to_string()),
    }
}
