//! Signed heads kept outside the database.
//!
//! Whoever can rewrite the database can put an old, honestly signed head back and
//! drop what came after it. A copy of newer heads in a file of the data folder,
//! or wherever that file is shipped to, gives this away.

use std::collections::HashMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::time::Duration;

use chain::{Hash, Head};
use protocol::id::WorkspaceId;
use serde::{Deserialize, Serialize};
use tokio::time::{MissedTickBehavior, interval};

use crate::app::SharedApp;

/// How often heads are kept.
const INTERVAL: Duration = Duration::from_secs(60);

/// One kept head, a line of the file.
#[derive(Debug, Serialize, Deserialize)]
struct Line {
    workspace: WorkspaceId,
    seq: u64,
    hash: String,
    key_id: String,
    signature: String,
}

/// The file of kept heads.
#[derive(Clone, Debug)]
pub(crate) struct Checkpoints(pub(crate) PathBuf);

/// Why kept heads cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CheckpointError {
    #[error("{path}: {source}")]
    Io {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("{path}, line {line}: not a kept head")]
    Line { path: PathBuf, line: usize },
}

impl Checkpoints {
    /// The kept heads of each workspace. No file: none.
    pub(crate) fn read(&self) -> Result<HashMap<WorkspaceId, Vec<Head>>, CheckpointError> {
        let io = |source| CheckpointError::Io {
            path: self.0.clone(),
            source,
        };
        let file = match fs::File::open(&self.0) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(HashMap::new()),
            Err(error) => return Err(io(error)),
        };
        let mut heads: HashMap<WorkspaceId, Vec<Head>> = HashMap::new();
        for (index, text) in BufReader::new(file).lines().enumerate() {
            let bad = || CheckpointError::Line {
                path: self.0.clone(),
                line: index + 1,
            };
            let line: Line = serde_json::from_str(&text.map_err(io)?).map_err(|_| bad())?;
            heads.entry(line.workspace).or_default().push(Head {
                seq: line.seq,
                hash: Hash::parse(&line.hash).ok_or_else(bad)?,
                key_id: line.key_id,
                signature: line.signature,
            });
        }
        Ok(heads)
    }

    fn append(&self, line: &Line) -> Result<(), std::io::Error> {
        let mut text = serde_json::to_string(line)?;
        text.push('\n');
        let mut file = fs::OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(&self.0)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()
    }
}

/// Keeps the head of every workspace that grew, until the server drains.
pub(crate) async fn run(app: SharedApp, checkpoints: Checkpoints) {
    let mut kept: HashMap<WorkspaceId, i64> = HashMap::new();
    let mut ticks = interval(INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        for workspace in app.workspaces.all() {
            let head = match app.store.tenant(workspace.id).audit().head().await {
                Ok(Some(head)) => head,
                Ok(None) => continue,
                Err(error) => {
                    tracing::warn!(%error, "the audit head could not be read");
                    continue;
                }
            };
            if head.seq == 0 || kept.get(&workspace.id) == Some(&head.seq) {
                continue;
            }
            let line = Line {
                workspace: workspace.id,
                seq: u64::try_from(head.seq).unwrap_or_default(),
                hash: head.hash,
                key_id: head.key_id,
                signature: head.signature,
            };
            let file = checkpoints.clone();
            let written = tokio::task::spawn_blocking(move || file.append(&line)).await;
            match written {
                Ok(Ok(())) => {
                    kept.insert(workspace.id, head.seq);
                }
                Ok(Err(error)) => tracing::error!(%error, "an audit head could not be kept"),
                Err(error) => tracing::error!(%error, "an audit head could not be kept"),
            }
        }
    }
}
