//! Audit chains as text that verifies without a database: a line of JSON for each entry,
//! and one for the signed end.

use std::io::BufRead;

use chain::{Entry, Hash, Head, PublicKey, Verifier};
use protocol::id::WorkspaceId;
use sea_orm::{
    ColumnTrait as _, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
};
use serde::{Deserialize, Serialize};

use crate::audit::{Verified, VerifyError, body};
use crate::entity::audit_record;
use crate::{Store, StoreError};

/// Rows read at a time.
const BATCH: u64 = 1000;

/// A line of an export.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
enum Line {
    /// An entry; `body` is exactly what its hash covers.
    Entry {
        seq: u64,
        previous: String,
        hash: String,
        body: String,
    },
    /// The end, signed.
    Head {
        workspace: WorkspaceId,
        name: String,
        seq: u64,
        hash: String,
        key_id: String,
        signature: String,
    },
}

/// Why a chain was not exported.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// It cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A record is not as it was written; `audit verify` says more.
    #[error("entry {0} cannot be read as it was written")]
    Corrupt(i64),
    /// The end is missing.
    #[error("the signed end of the chain is missing")]
    NoHead,
    /// The receiver does not take it.
    #[error("the export could not be written: {0}")]
    Write(#[from] std::io::Error),
}

impl Store {
    /// Writes the chain of a workspace, as it is now, line by line. Gives the number of
    /// entries.
    ///
    /// # Errors
    /// When it cannot be read or written.
    pub async fn export_audit(
        &self,
        workspace: WorkspaceId,
        name: &str,
        mut write: impl FnMut(&str) -> std::io::Result<()>,
    ) -> Result<u64, ExportError> {
        use audit_record::Column;
        // Read first: entries that are appended meanwhile are not part of it.
        let head = self.tenant(workspace).audit().head().await?;
        let head = head.ok_or(ExportError::NoHead)?;
        let corrupt = ExportError::Corrupt;
        let mut after = i64::MIN;
        loop {
            let rows = audit_record::Entity::find()
                .filter(Column::WorkspaceId.eq(workspace.0))
                .filter(Column::Seq.gt(after))
                .filter(Column::Seq.lte(head.seq))
                .order_by_asc(Column::Seq)
                .limit(BATCH)
                .all(self.read())
                .await
                .map_err(StoreError::from)?;
            let Some(last) = rows.last() else { break };
            after = last.seq;
            for row in &rows {
                let line = Line::Entry {
                    seq: u64::try_from(row.seq).map_err(|_| corrupt(row.seq))?,
                    previous: row.previous_hash.clone(),
                    hash: row.hash.clone(),
                    body: String::from_utf8(body(row)?).map_err(|_| corrupt(row.seq))?,
                };
                write(&text(&line)?)?;
            }
        }
        let seq = u64::try_from(head.seq).map_err(|_| corrupt(head.seq))?;
        write(&text(&Line::Head {
            workspace,
            name: name.to_owned(),
            seq,
            hash: head.hash,
            key_id: head.key_id,
            signature: head.signature,
        })?)?;
        Ok(seq)
    }
}

fn text(line: &Line) -> Result<String, StoreError> {
    serde_json::to_string(line).map_err(|_| StoreError::Corrupt("audit record"))
}

/// Why an export does not verify.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The chain does not hold.
    #[error(transparent)]
    Chain(#[from] VerifyError),
    /// A line is none of an export.
    #[error("line {0} is not one of an export")]
    Line(usize),
    /// Something follows the end, or nothing is the end.
    #[error("the signed end is not the last line")]
    End,
    /// The text cannot be read.
    #[error("it cannot be read: {0}")]
    Read(#[from] std::io::Error),
}

/// Verifies an export: every entry follows the one before it, and the holder of `key`
/// signed the end.
///
/// # Errors
/// The first thing that is wrong.
pub fn verify_export(source: impl BufRead, key: &PublicKey) -> Result<Verified, ImportError> {
    let mut verifier = Verifier::new(Vec::new());
    let mut lines = source.lines().enumerate();
    while let Some((index, line)) = lines.next() {
        let number = index + 1;
        let bad = || ImportError::Line(number);
        match serde_json::from_str(&line?).map_err(|_| bad())? {
            Line::Entry {
                seq,
                previous,
                hash,
                body,
            } => verifier
                .push(Entry {
                    seq,
                    previous: Hash::parse(&previous).ok_or_else(bad)?,
                    hash: Hash::parse(&hash).ok_or_else(bad)?,
                    body: body.as_bytes(),
                })
                .map_err(VerifyError::from)?,
            Line::Head {
                workspace,
                name,
                seq,
                hash,
                key_id,
                signature,
            } => {
                let head = Head {
                    seq,
                    hash: Hash::parse(&hash).ok_or_else(bad)?,
                    key_id,
                    signature,
                };
                head.verify(workspace.0.as_bytes(), key)
                    .map_err(VerifyError::from)?;
                let entries = verifier.finish(&head).map_err(VerifyError::from)?;
                if lines.next().is_some() {
                    return Err(ImportError::End);
                }
                return Ok(Verified {
                    workspace: name,
                    entries,
                    newest: None,
                    head,
                });
            }
        }
    }
    Err(ImportError::End)
}

#[cfg(test)]
mod tests {
    use chain::SigningKey;
    use proptest::prelude::*;

    use super::*;

    /// An export of these bodies, and the key that it is signed with.
    fn export(bodies: &[&str]) -> (Vec<String>, PublicKey) {
        let (key, _) = SigningKey::generate().unwrap();
        let workspace = WorkspaceId::new();
        let mut previous = Hash::GENESIS;
        let mut lines = Vec::new();
        for (seq, body) in (1..).zip(bodies) {
            let hash = Hash::entry(previous, seq, body.as_bytes());
            lines.push(Line::Entry {
                seq,
                previous: previous.to_string(),
                hash: hash.to_string(),
                body: (*body).to_owned(),
            });
            previous = hash;
        }
        let seq = u64::try_from(bodies.len()).unwrap();
        let head = Head::sign(workspace.0.as_bytes(), seq, previous, &key);
        lines.push(Line::Head {
            workspace,
            name: "acme".to_owned(),
            seq,
            hash: previous.to_string(),
            key_id: head.key_id,
            signature: head.signature,
        });
        let lines = lines.iter().map(|line| text(line).unwrap()).collect();
        (lines, key.public().unwrap())
    }

    fn verify(lines: &[String], key: &PublicKey) -> Result<Verified, ImportError> {
        verify_export(lines.join("\n").as_bytes(), key)
    }

    #[test]
    fn a_whole_export_verifies_and_no_other_does() {
        let (lines, key) = export(&["[1]", "[2]", "[3]"]);
        let verified = verify(&lines, &key).unwrap();
        assert_eq!((verified.entries, verified.workspace.as_str()), (3, "acme"));
        for without in 0..lines.len() {
            let mut cut = lines.clone();
            cut.remove(without);
            assert!(verify(&cut, &key).is_err(), "without line {without}");
        }
        for (one, other) in [(0, 1), (1, 2), (2, 3)] {
            let mut swapped = lines.clone();
            swapped.swap(one, other);
            assert!(verify(&swapped, &key).is_err(), "{one} and {other} swapped");
        }
        let mut changed = lines.clone();
        changed[1] = changed[1].replace("[2]", "[4]");
        assert!(verify(&changed, &key).is_err());
        let mut longer = lines.clone();
        longer.push(lines[0].clone());
        assert!(matches!(verify(&longer, &key), Err(ImportError::End)));
        let (_, other_key) = export(&[]);
        assert!(verify(&lines, &other_key).is_err());
        assert!(verify(&[], &key).is_err());
    }

    proptest! {
        #[test]
        fn a_changed_byte_is_found(at in any::<prop::sample::Index>(), bit in 0..7_u8) {
            let (lines, key) = export(&["[1,\"a\"]", "[2,\"b\"]"]);
            let mut bytes = lines.join("\n").into_bytes();
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            // Names and the case of ids are told, not signed; every entry is.
            let whole = verify(&lines, &key).unwrap();
            let same = |found: Verified| found.head.hash == whole.head.hash;
            prop_assert!(verify_export(bytes.as_slice(), &key).map_or(true, same));
        }
    }
}
