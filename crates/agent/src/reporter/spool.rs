//! Reports on disk, so that the end of a command survives an outage of the
//! server and a crash of the agent.
//!
//! One file per report, `<sequence>-<kind>.json`, 0600. A file is written before
//! the report is first sent, but only flushed to the medium when sending failed:
//! the page cache already survives the agent, and a flush costs more than a
//! whole short command. A file that a power cut left incomplete is dropped.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::report::CommandReport;
use crate::config::file::create_folder;

/// All reports together, in bytes.
const MAX_BYTES: u64 = 64 * 1024 * 1024;
/// Output may use this much; the rest is for ends.
const MAX_CHUNK_BYTES: u64 = 32 * 1024 * 1024;
/// All reports together.
const MAX_FILES: usize = 20_000;
/// Output may use this many; the rest is for ends.
const MAX_CHUNK_FILES: usize = 10_000;
/// The longest file a replay reads: a capped result, escaped by JSON.
const MAX_FILE_BYTES: u64 = 8 * 1024 * 1024;

/// Names a report in the spool.
pub(crate) type SpoolId = u64;

/// Why a report was not kept.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SpoolError {
    /// The bound is reached.
    #[error("the spool is full")]
    Full,
    /// The file system refused.
    #[error("the spool cannot be written: {0}")]
    Io(#[from] io::Error),
    /// It cannot be expressed or read as JSON.
    #[error("the spool holds something unreadable: {0}")]
    Json(#[from] serde_json::Error),
}

/// The folder and what it holds.
#[derive(Debug)]
pub(crate) struct Spool {
    folder: PathBuf,
    held: BTreeMap<SpoolId, Held>,
    bytes: u64,
    chunk_bytes: u64,
    chunk_files: usize,
    next: SpoolId,
}

/// A report left from an earlier run; its body stays on disk until it is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Leftover {
    /// Its name.
    pub(crate) id: SpoolId,
    /// The command it is about.
    pub(crate) command: String,
    /// It is the command's end.
    pub(crate) is_final: bool,
}

#[derive(Clone, Copy, Debug)]
struct Held {
    bytes: u64,
    is_final: bool,
}

impl Spool {
    /// Opens the spool in `folder` and returns the reports left from before, in
    /// their order.
    ///
    /// # Errors
    /// When the folder cannot be created or listed.
    pub(crate) fn open(folder: &Path) -> io::Result<(Self, Vec<Leftover>)> {
        create_folder(folder, 0o700)?;
        let mut spool = Self {
            folder: folder.to_owned(),
            held: BTreeMap::new(),
            bytes: 0,
            chunk_bytes: 0,
            chunk_files: 0,
            next: 0,
        };
        let mut found = BTreeMap::new();
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            let Some((id, is_final)) = entry.file_name().to_str().and_then(parse_name) else {
                continue;
            };
            found.insert(id, (is_final, entry.metadata()?.len()));
        }
        let mut left = Vec::new();
        for (id, (is_final, bytes)) in found {
            spool.next = spool.next.max(id + 1);
            match spool.read(id, is_final, bytes) {
                Ok(report) => {
                    spool.hold(id, Held { bytes, is_final });
                    left.push(Leftover {
                        id,
                        command: report.command,
                        is_final,
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, id, "dropping an unreadable report from the spool");
                    let _removed = std::fs::remove_file(spool.path(id, is_final));
                }
            }
        }
        Ok((spool, left))
    }

    /// Keeps `report`.
    ///
    /// # Errors
    /// When the bound is reached or the file system refuses.
    pub(crate) fn put(&mut self, report: &CommandReport) -> Result<SpoolId, SpoolError> {
        let text = serde_json::to_vec(report)?;
        let held = Held {
            bytes: text.len() as u64,
            is_final: report.is_final(),
        };
        if !self.has_room(held) {
            return Err(SpoolError::Full);
        }
        let id = self.next;
        self.next += 1;
        let path = self.path(id, held.is_final);
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)?;
        if let Err(error) = file.write_all(&text) {
            let _removed = std::fs::remove_file(&path);
            return Err(error.into());
        }
        self.hold(id, held);
        Ok(id)
    }

    /// Reads a report back.
    ///
    /// # Errors
    /// When it is gone or damaged.
    pub(crate) fn load(&self, id: SpoolId) -> Result<CommandReport, SpoolError> {
        let held = self
            .held
            .get(&id)
            .ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
        self.read(id, held.is_final, held.bytes)
    }

    /// Forgets a report that arrived.
    pub(crate) fn remove(&mut self, id: SpoolId) {
        let Some(held) = self.held.remove(&id) else {
            return;
        };
        self.bytes -= held.bytes;
        if !held.is_final {
            self.chunk_bytes -= held.bytes;
            self.chunk_files -= 1;
        }
        if let Err(error) = std::fs::remove_file(self.path(id, held.is_final)) {
            tracing::warn!(%error, id, "cannot remove a delivered report from the spool");
        }
    }

    /// The file of a report, to be flushed to the medium by the caller.
    ///
    /// # Errors
    /// When it is gone.
    pub(crate) fn file(&self, id: SpoolId) -> io::Result<File> {
        let held = self.held.get(&id).ok_or(io::ErrorKind::NotFound)?;
        File::open(self.path(id, held.is_final))
    }

    fn has_room(&self, new: Held) -> bool {
        let fits = self.bytes + new.bytes <= MAX_BYTES && self.held.len() < MAX_FILES;
        fits && (new.is_final
            || (self.chunk_bytes + new.bytes <= MAX_CHUNK_BYTES
                && self.chunk_files < MAX_CHUNK_FILES))
    }

    fn hold(&mut self, id: SpoolId, held: Held) {
        self.bytes += held.bytes;
        if !held.is_final {
            self.chunk_bytes += held.bytes;
            self.chunk_files += 1;
        }
        self.held.insert(id, held);
    }

    fn read(&self, id: SpoolId, is_final: bool, bytes: u64) -> Result<CommandReport, SpoolError> {
        if bytes > MAX_FILE_BYTES {
            return Err(io::Error::from(io::ErrorKind::FileTooLarge).into());
        }
        let text = std::fs::read(self.path(id, is_final))?;
        Ok(serde_json::from_slice(&text)?)
    }

    fn path(&self, id: SpoolId, is_final: bool) -> PathBuf {
        let kind = if is_final { "end" } else { "output" };
        self.folder.join(format!("{id:020}-{kind}.json"))
    }
}

fn parse_name(name: &str) -> Option<(SpoolId, bool)> {
    let (id, kind) = name.strip_suffix(".json")?.split_once('-')?;
    let is_final = match kind {
        "end" => true,
        "output" => false,
        _ => return None,
    };
    Some((id.parse().ok()?, is_final))
}

#[cfg(test)]
mod tests {
    use protocol::agent::Fin;

    use super::super::report::News;
    use super::*;

    fn fin(command: &str) -> CommandReport {
        CommandReport {
            command: command.into(),
            news: News::Fin(Fin {
                result: "out".into(),
                ..Fin::default()
            }),
        }
    }

    fn chunk(content: String) -> CommandReport {
        CommandReport {
            command: "c".into(),
            news: News::Chunk { seq: 0, content },
        }
    }

    #[test]
    fn a_restart_gives_the_reports_back_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let (mut spool, left) = Spool::open(folder.path()).unwrap();
        assert!(left.is_empty());
        let first = spool.put(&fin("a")).unwrap();
        spool.put(&chunk("x".into())).unwrap();
        spool.put(&fin("b")).unwrap();
        spool.remove(first);
        drop(spool);

        let (mut spool, left) = Spool::open(folder.path()).unwrap();
        let reports: Vec<_> = left
            .iter()
            .map(|leftover| spool.load(leftover.id).unwrap())
            .collect();
        assert_eq!(reports, [chunk("x".into()), fin("b")]);
        assert!(spool.put(&fin("c")).unwrap() > left[1].id);
    }

    #[test]
    fn a_damaged_file_is_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let torn = folder.path().join(format!("{:020}-end.json", 7));
        std::fs::write(&torn, "{\"command\":").unwrap();
        std::fs::write(folder.path().join("README"), "mine").unwrap();
        let (_spool, left) = Spool::open(folder.path()).unwrap();
        assert!(left.is_empty());
        assert!(!torn.exists());
        assert!(folder.path().join("README").exists());
    }

    #[test]
    fn output_leaves_room_for_ends() {
        let folder = tempfile::tempdir().unwrap();
        let (mut spool, _) = Spool::open(folder.path()).unwrap();
        let big = chunk("x".repeat(4 * 1024 * 1024));
        let kept = (0..20).take_while(|_| spool.put(&big).is_ok()).count();
        assert!(kept < 8, "{kept}");
        assert!(matches!(spool.put(&big), Err(SpoolError::Full)));
        let id = spool.put(&fin("a")).unwrap();
        assert_eq!(spool.load(id).unwrap(), fin("a"));
    }
}
