//! The recording of one session: what was shown is in the file, and with it safe from the
//! end of this process, before anybody sees it.
//!
//! A recording is a folder of pieces that follow each other. A piece that is full is
//! synced to the disk, and its hash goes into the audit trail in one transaction with its
//! row. So no piece can be changed, removed or exchanged unseen.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::StatusCode;
use protocol::id::{WebshSessionId, WorkSessionId};
use serde_json::json;
use store::audit::{Actor, AuditRecord};
use store::entity::websh_session;
use store::now;
use store::websh::{NewChunk, WebshTotals};
use tokio::task::spawn_blocking;

use super::transcript::Transcript;
use super::{cast, open};
use crate::http::{ApiResult, PublicCtx};

/// A piece that is larger is finished.
const PIECE: u64 = 1024 * 1024;

/// Why something could not be recorded.
#[derive(Debug, thiserror::Error)]
pub(super) enum RecordError {
    #[error("the recording cannot be written: {0}")]
    Io(#[from] io::Error),
    #[error("the recording cannot be noted: {0}")]
    Store(String),
}

/// The recording of one session.
pub(super) struct Recorder {
    ctx: PublicCtx,
    actor: Actor,
    session: WebshSessionId,
    work_session: Option<WorkSessionId>,
    folder: PathBuf,
    file: Arc<File>,
    seq: i64,
    size: u64,
    /// Bytes that were shown before it.
    shown_before: u64,
    began: DateTime<Utc>,
    totals: WebshTotals,
    stored: WebshTotals,
    transcript: Transcript,
    /// Typed, and not yet known whether the terminal shows it: where it ends, and what.
    typed: VecDeque<(u64, Bytes)>,
}

/// Where the recording of a session lies.
pub(super) fn folder(ctx: &PublicCtx, session: WebshSessionId) -> PathBuf {
    ctx.app
        .config
        .server
        .data_dir
        .join("recordings")
        .join(session.to_string())
}

pub(super) fn piece(folder: &Path, seq: i64) -> PathBuf {
    folder.join(format!("{seq:06}.cast"))
}

impl Recorder {
    /// Begins the recording of a session, or goes on with one that was interrupted.
    pub(super) async fn open(
        ctx: PublicCtx,
        actor: Actor,
        row: &websh_session::Model,
    ) -> Result<Self, RecordError> {
        let session = WebshSessionId(row.id);
        let folder = folder(&ctx, session);
        let finished = ctx.tenant().websh().chunks(session).await;
        let finished = finished.map_err(|error| RecordError::Store(error.to_string()))?;
        let first = finished.last().map_or(0, |chunk| chunk.seq + 1);
        let began = row.added_at;
        let title = format!("{} {}", row.username, row.id);
        let (rows, cols) = (narrow(row.rows), narrow(row.cols));
        let header = cast::header(rows, cols, began.timestamp(), &title);
        let opened = {
            let folder = folder.clone();
            blocking(move || continue_in(&folder, first, &header)).await?
        };
        Ok(Self {
            ctx,
            actor,
            session,
            work_session: row.work_session_id.map(WorkSessionId),
            folder,
            file: Arc::new(opened.file),
            seq: opened.seq,
            size: opened.size,
            shown_before: opened.shown_before,
            began,
            totals: WebshTotals {
                bytes_out: signed(opened.shown),
                bytes_in: row.bytes_in,
            },
            stored: WebshTotals::default(),
            transcript: Transcript::default(),
            typed: VecDeque::new(),
        })
    }

    /// Bytes that are recorded as shown.
    pub(super) fn shown(&self) -> u64 {
        u64::try_from(self.totals.bytes_out).unwrap_or_default()
    }

    pub(super) fn totals(&self) -> WebshTotals {
        self.totals
    }

    /// Records what the terminal shows. When this returns, it may be shown.
    pub(super) async fn output(&mut self, bytes: &[u8]) -> Result<(), RecordError> {
        self.append(cast::output(self.elapsed(), bytes)).await?;
        self.totals.bytes_out += signed(bytes.len() as u64);
        self.transcript.push(bytes);
        if self.size >= PIECE {
            self.finish_piece(true).await?;
        }
        Ok(())
    }

    /// Records the terminal's size.
    pub(super) async fn resized(&mut self, rows: u16, cols: u16) -> Result<(), RecordError> {
        self.append(cast::resize(self.elapsed(), rows, cols)).await
    }

    /// Something is typed that ends at `end` of the input. It is recorded only once the
    /// agent has said that the terminal shows it.
    pub(super) fn typed(&mut self, end: u64, bytes: Bytes) {
        self.totals.bytes_in += signed(bytes.len() as u64);
        self.typed.push_back((end, bytes));
    }

    /// What was typed before `end` has reached the terminal, which showed it or did not.
    pub(super) async fn taken(&mut self, end: u64, shown: bool) -> Result<(), RecordError> {
        let mut lines = Vec::new();
        let at = self.elapsed();
        while let Some((last, bytes)) = self.typed.front_mut() {
            let start = last.saturating_sub(bytes.len() as u64);
            let count = usize::try_from(end.saturating_sub(start)).unwrap_or(usize::MAX);
            let part = bytes.split_to(count.min(bytes.len()));
            let is_whole = bytes.is_empty();
            if shown && !part.is_empty() {
                lines.extend(cast::input(at, &part));
            }
            if !is_whole {
                break;
            }
            self.typed.pop_front();
        }
        if lines.is_empty() {
            return Ok(());
        }
        self.append(lines).await
    }

    /// Nobody will say whether the terminal showed what was typed: it is not recorded.
    pub(super) fn forget_typed(&mut self) {
        self.typed.clear();
    }

    /// Stores what is new: text for searching, counts for lists.
    pub(super) async fn store(&mut self) -> Result<(), RecordError> {
        if self.stored == self.totals {
            return Ok(());
        }
        let totals = self.totals;
        let records = self.transcript.lines();
        let stored: ApiResult<()> = Box::pin(async {
            let unit = self.ctx.begin().await?;
            let websh = unit.tenant().websh();
            websh.count(self.session, totals).await?;
            websh
                .store_records(self.session, self.work_session, records.clone())
                .await?;
            Ok(unit.commit().await?)
        })
        .await;
        if let Err(error) = stored {
            self.transcript.put_back(records);
            return Err(RecordError::Store(error.detail));
        }
        self.stored = totals;
        Ok(())
    }

    /// Ends the recording.
    pub(super) async fn finish(&mut self) -> Result<(), RecordError> {
        self.transcript.finish();
        self.finish_piece(false).await
    }

    async fn append(&mut self, lines: Vec<u8>) -> Result<(), RecordError> {
        self.size += lines.len() as u64;
        let file = self.file.clone();
        blocking(move || (&*file).write_all(&lines)).await
    }

    /// Syncs the piece and notes its hash; goes on in another one.
    async fn finish_piece(&mut self, goes_on: bool) -> Result<(), RecordError> {
        let (file, path) = (self.file.clone(), piece(&self.folder, self.seq));
        let sha256 = blocking(move || {
            file.sync_all()?;
            let content = std::fs::read(path)?;
            Ok(chain::hex_encode(digest(&SHA256, &content).as_ref()))
        })
        .await?;
        let chunk = NewChunk {
            seq: self.seq,
            size: signed(self.size),
            shown: signed(self.shown() - self.shown_before),
            sha256,
        };
        let records = self.transcript.lines();
        let noted: ApiResult<()> = Box::pin(async {
            let unit = self.ctx.begin().await?;
            unit.audit(AuditRecord {
                actor: self.actor.clone(),
                ip: self.ctx.ip.to_string(),
                app: open::SOURCE,
                model: "websh_recording",
                object_id: Some(self.session.0),
                action: "record",
                status_code: StatusCode::OK.as_u16(),
                description: format!("piece {} of a recording", chunk.seq),
                data: json!({"seq": chunk.seq, "size": chunk.size, "sha256": chunk.sha256}),
            })
            .await?;
            unit.tenant()
                .websh()
                .store_chunk(self.session, self.work_session, chunk, records)
                .await?;
            Ok(unit.commit().await?)
        })
        .await;
        noted.map_err(|error| RecordError::Store(error.detail))?;
        if !goes_on {
            return Ok(());
        }
        self.seq += 1;
        self.size = 0;
        self.shown_before = self.shown();
        let path = piece(&self.folder, self.seq);
        self.file = Arc::new(blocking(move || create(&path)).await?);
        Ok(())
    }

    fn elapsed(&self) -> f64 {
        let elapsed = (now() - self.began).num_microseconds().unwrap_or_default();
        elapsed.max(0) as f64 / 1e6
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, RecordError> {
    match spawn_blocking(work).await {
        Ok(done) => Ok(done?),
        Err(_) => Err(io::Error::other("the writer broke off").into()),
    }
}

/// A recording that can be gone on with.
struct Opened {
    file: File,
    seq: i64,
    size: u64,
    /// In all pieces, and in all but the last.
    shown: u64,
    shown_before: u64,
}

/// Goes on behind the pieces before `first`: their hashes are noted, so that they stay
/// as they are.
fn continue_in(folder: &Path, first: i64, header: &[u8]) -> io::Result<Opened> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)?;
    let mut opened = None;
    let (mut shown, mut shown_before) = (0, 0);
    for seq in 0.. {
        let path = piece(folder, seq);
        let mut file = match File::options().read(true).append(true).open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => break,
            Err(error) => return Err(error),
        };
        let mut content = Vec::new();
        file.read_to_end(&mut content)?;
        // A line that was cut off was shown to nobody.
        let end = content.iter().rposition(|byte| *byte == b'\n');
        let size = end.map_or(0, |at| at + 1);
        let shown_here = cast::shown(content.get(..size).unwrap_or_default());
        if seq >= first {
            file.set_len(size as u64)?;
            shown_before = shown;
            opened = Some((file, seq, size as u64));
        }
        shown += shown_here;
    }
    let Some((file, seq, size)) = opened.filter(|(_, seq, size)| *seq > 0 || *size > 0) else {
        let mut file = create(&piece(folder, first))?;
        // Only the first piece says what the recording is.
        let header = if first == 0 { header } else { &[] };
        file.write_all(header)?;
        return Ok(Opened {
            file,
            seq: first,
            size: header.len() as u64,
            shown,
            shown_before: shown,
        });
    };
    Ok(Opened {
        file,
        seq,
        size,
        shown,
        shown_before,
    })
}

fn create(path: &Path) -> io::Result<File> {
    File::options()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(path)
}

fn narrow(size: i64) -> u16 {
    u16::try_from(size).unwrap_or(u16::MAX)
}

fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Bytes that a recording holds as shown.
pub(super) fn shown_in(folder: &Path) -> u64 {
    let mut shown = 0;
    for seq in 0.. {
        match std::fs::read(piece(folder, seq)) {
            Ok(content) => shown += cast::shown(&content),
            Err(_) => break,
        }
    }
    shown
}

/// The pieces of a recording, one after the other.
pub(super) fn pieces(folder: PathBuf) -> impl futures_util::Stream<Item = io::Result<Bytes>> {
    futures_util::stream::unfold((folder, 0), |(folder, seq)| async move {
        let path = piece(&folder, seq);
        let read = match spawn_blocking(move || std::fs::read(path)).await {
            Ok(read) => read,
            Err(_) => Err(io::Error::other("the reader broke off")),
        };
        match read {
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            read => Some((read.map(Bytes::from), (folder, seq + 1))),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &[u8] = b"{\"version\":2}\n";

    #[test]
    fn a_recording_goes_on_behind_what_is_finished() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let begun = continue_in(folder, 0, HEADER).unwrap();
        assert_eq!((begun.seq, begun.size), (0, HEADER.len() as u64));
        let line = cast::output(0.0, b"abc");
        (&begun.file).write_all(&line).unwrap();
        (&begun.file).write_all(b"[0.1,\"o\",\"cut").unwrap();
        let again = continue_in(folder, 0, HEADER).unwrap();
        assert_eq!((again.seq, again.shown, again.shown_before), (0, 3, 0));
        assert_eq!(
            again.size,
            (HEADER.len() + line.len()) as u64,
            "the cut line is gone"
        );

        // The piece is finished; the server ends before and after it begins the next.
        let finished = std::fs::read(piece(folder, 0)).unwrap();
        for _ in 0..2 {
            let next = continue_in(folder, 1, HEADER).unwrap();
            assert_eq!((next.seq, next.size), (1, 0));
            assert_eq!((next.shown, next.shown_before), (3, 3));
        }
        assert_eq!(std::fs::read(piece(folder, 0)).unwrap(), finished);
        assert_eq!(std::fs::read(piece(folder, 1)).unwrap(), b"");
    }
}
