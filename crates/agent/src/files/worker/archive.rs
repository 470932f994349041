//! A zip of files and directories, written while it is sent (`agent-channels.md`
//! §4.2). Nothing of it is kept in memory but the list of its entries.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;

use rustix::fs::{AtFlags, Dir, FileType};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::failure::{Failure, shown};
use super::read::Found;
use super::rules::Rules;

/// Directories inside directories.
const MAX_DEPTH: usize = 256;
/// One read of a file, in bytes.
const READ: usize = 128 * 1024;
/// One write to the receiver, in bytes.
const WRITE: usize = 128 * 1024;
/// Fast, for the link is usually faster than thorough compression.
const LEVEL: i64 = 1;
/// Beyond it an entry needs the 64-bit form.
const LARGE: u64 = u32::MAX as u64;

/// A zip to be written.
pub(crate) struct Archive {
    found: Vec<Found>,
    rules: Rules,
}

struct Writer {
    zip: ZipWriter<zip::write::StreamWriter<BufWriter<File>>>,
    rules: Rules,
    buffer: Vec<u8>,
    left_out: u64,
}

impl Archive {
    pub(crate) fn new(found: Vec<Found>, rules: Rules) -> Self {
        Self { found, rules }
    }

    /// Canonical path of the first thing in it.
    pub(crate) fn path(&self) -> String {
        self.found.first().map(Found::shown).unwrap_or_default()
    }

    /// Name for the receiver.
    pub(crate) fn name(&self) -> String {
        match self.found.as_slice() {
            [one] => format!("{}.zip", one.name()),
            _ => "files.zip".to_owned(),
        }
    }

    /// Writes all of it. What it says is for people.
    ///
    /// # Errors
    /// When something cannot be read, or nobody reads any more.
    pub(crate) fn write(self, to: OwnedFd) -> Result<String, Failure> {
        let mut writer = Writer {
            zip: ZipWriter::new_stream(BufWriter::with_capacity(WRITE, File::from(to))),
            rules: self.rules,
            buffer: vec![0; READ],
            left_out: 0,
        };
        for found in &self.found {
            let name = found.name();
            match found.is_directory() {
                true => writer.directory(found, &name, 0)?,
                false => writer.file(found, &name)?,
            }
        }
        let stream = writer.zip.finish().map_err(|error| broken(&error))?;
        let mut buffered = stream.into_inner();
        buffered
            .flush()
            .map_err(|error| Failure::io("the archive", &error))?;
        Ok(match writer.left_out {
            0 => "sent".to_owned(),
            count => format!(
                "sent; {count} entries were left out: links to directories, devices, pipes \
                 and sockets"
            ),
        })
    }
}

impl Writer {
    fn directory(&mut self, found: &Found, name: &str, depth: usize) -> Result<(), Failure> {
        if depth > MAX_DEPTH {
            return Err(Failure::new(format!(
                "{}: more than {MAX_DEPTH} directories inside each other",
                found.shown()
            )));
        }
        let options = options(found.stat().st_mode, 0);
        self.zip
            .add_directory(format!("{name}/"), options)
            .map_err(|error| broken(&error))?;
        let directory = found.reopen()?;
        let listing = Dir::read_from(&directory).map_err(|e| Failure::of(found.shown(), e))?;
        for entry in listing {
            let entry = entry.map_err(|error| Failure::of(found.shown(), error))?;
            let entry_name = OsStr::from_bytes(entry.file_name().to_bytes());
            if entry_name == "." || entry_name == ".." {
                continue;
            }
            self.entry(&directory, entry_name, name, depth)?;
        }
        Ok(())
    }

    fn entry(
        &mut self,
        directory: &File,
        name: &OsStr,
        parent: &str,
        depth: usize,
    ) -> Result<(), Failure> {
        let path = format!("{parent}/{}", name.to_string_lossy());
        let shown = shown(&path);
        let itself = rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW)
            .map_err(|error| Failure::of(&shown, error))?;
        match FileType::from_raw_mode(itself.st_mode) {
            FileType::Directory => {
                let found = Found::below(directory, name, &shown, &self.rules)?;
                self.directory(&found, &path, depth + 1)
            }
            FileType::RegularFile => {
                let found = Found::entry(directory, name, &shown, &self.rules)?;
                self.file(&found, &path)
            }
            FileType::Symlink => {
                let target = rustix::fs::statat(directory, name, AtFlags::empty());
                let is_file = target.is_ok_and(|stat| {
                    FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile
                });
                if !is_file {
                    self.left_out += 1;
                    return Ok(());
                }
                let found = Found::entry(directory, name, &shown, &self.rules)?;
                self.file(&found, &path)
            }
            _ => {
                self.left_out += 1;
                Ok(())
            }
        }
    }

    fn file(&mut self, found: &Found, name: &str) -> Result<(), Failure> {
        let file = found.reopen()?;
        let size = u64::try_from(found.stat().st_size).unwrap_or(0);
        self.zip
            .start_file(name, options(found.stat().st_mode, size))
            .map_err(|error| broken(&error))?;
        // A file that grows is sent as long as it was.
        let mut file = file.take(if size == 0 { LARGE } else { size });
        loop {
            let count = match file.read(&mut self.buffer) {
                Ok(0) => return Ok(()),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(Failure::io(found.shown(), &error)),
            };
            self.zip
                .write_all(self.buffer.get(..count).unwrap_or_default())
                .map_err(|error| Failure::io("the archive", &error))?;
        }
    }
}

fn options(mode: u32, size: u64) -> SimpleFileOptions {
    SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .compression_level(Some(LEVEL))
        .unix_permissions(mode & 0o777)
        .large_file(size >= LARGE)
}

fn broken(error: &zip::result::ZipError) -> Failure {
    Failure::new(format!("the archive: {error}"))
}
