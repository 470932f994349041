//! Output of commands: pieces come one after the other, but may come twice, in another
//! order, or to another node.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use mask::{Masker, Patterns, mask};
use protocol::agent::Fin;
use protocol::id::CommandId;
use store::{Unit, masking::RESULT};

use super::original::seal;
use super::{Originals, patterns};
use crate::http::{AgentCtx, ApiResult};

/// Commands whose output is followed at once; more are read anew from the database.
const MAX_OPEN: usize = 10_000;
/// One that says nothing for so long is read anew, too.
const IDLE: Duration = Duration::from_secs(300);
/// Pieces before and after one that are read to know its surroundings.
const SURROUNDINGS: i64 = 16;

/// How far the output of running commands was masked.
#[derive(Default)]
pub(crate) struct OpenOutputs(Mutex<HashMap<CommandId, Open>>);

struct Open {
    /// The piece that comes next.
    next: i64,
    masker: Masker,
    used: Instant,
}

impl OpenOutputs {
    /// Takes the masker whose next piece is `seq`.
    fn take(&self, id: CommandId, seq: i64) -> Option<Masker> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match open.get(&id) {
            Some(known) if known.next == seq => open.remove(&id).map(|known| known.masker),
            _ => None,
        }
    }

    fn put(&self, id: CommandId, next: i64, masker: Masker) {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if open.len() < MAX_OPEN {
            let used = Instant::now();
            open.insert(id, Open { next, masker, used });
        }
    }

    /// Forgets a command that is over.
    pub(crate) fn end(&self, id: CommandId) {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        open.remove(&id);
    }

    /// Forgets those that say nothing.
    pub(crate) fn sweep(&self) {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|_, known| known.used.elapsed() < IDLE);
    }
}

/// A piece as it is stored.
pub(crate) struct Piece {
    /// Secrets masked.
    pub(crate) shown: String,
    /// It differs from what came.
    pub(crate) is_masked: bool,
}

/// Masks and stores a piece of output. None: it is there already.
///
/// # Errors
/// When the database cannot be used.
pub(crate) async fn piece(
    ctx: &AgentCtx,
    unit: &Unit,
    id: CommandId,
    seq: i64,
    content: &str,
) -> ApiResult<Option<Piece>> {
    let length = i64::try_from(content.chars().count()).unwrap_or(i64::MAX);
    let commands = unit.tenant().commands();
    let Some(patterns) = patterns(ctx) else {
        let is_new = commands.add_chunk(id, seq, content, length).await?;
        return Ok(is_new.then(|| Piece {
            shown: content.to_owned(),
            is_masked: false,
        }));
    };
    let known = ctx.app.open_outputs.take(id, seq);
    let is_in_order = known.is_some() || seq == 0;
    let mut masker = match known {
        Some(masker) => masker,
        None => before(ctx, unit, id, seq, &patterns).await?,
    };
    let shown = masker.push(content).into_owned();
    if !commands.add_chunk(id, seq, &shown, length).await? {
        return Ok(None);
    }
    let is_masked = shown != content;
    if is_masked {
        let sealed = seal(ctx, id, content)?;
        unit.tenant().masked().keep(id, seq, sealed).await?;
    }
    let next = match is_in_order {
        true => seq + 1,
        false => after(ctx, unit, id, seq + 1, &mut masker).await?,
    };
    ctx.app.open_outputs.put(id, next, masker);
    Ok(Some(Piece { shown, is_masked }))
}

/// A masker that has seen what stands before a piece.
async fn before(
    ctx: &AgentCtx,
    unit: &Unit,
    id: CommandId,
    seq: i64,
    patterns: &Arc<Patterns>,
) -> ApiResult<Masker> {
    let mut masker = Masker::new(Arc::clone(patterns));
    let from = (seq - SURROUNDINGS).max(0);
    if from == seq {
        return Ok(masker);
    }
    let commands = unit.tenant().commands();
    let rows = commands.chunks_from(id, from, limit(seq - from)).await?;
    let originals = Originals::read(ctx, unit.tenant(), id, from, seq).await?;
    // Only what stands right before it matters.
    let mut next = seq;
    let mut pieces = Vec::new();
    for row in rows.into_iter().rev().filter(|row| row.seq < seq) {
        if row.seq + 1 != next {
            break;
        }
        next = row.seq;
        pieces.push(originals.of(row.seq, row.content));
    }
    for piece in pieces.iter().rev() {
        masker.push(piece);
    }
    Ok(masker)
}

/// Masks again what came too early; a secret may begin before it. Gives the number of the
/// piece that is to come.
async fn after(
    ctx: &AgentCtx,
    unit: &Unit,
    id: CommandId,
    from: i64,
    masker: &mut Masker,
) -> ApiResult<i64> {
    let commands = unit.tenant().commands();
    let rows = commands.chunks_from(id, from, limit(SURROUNDINGS)).await?;
    let originals = Originals::read(ctx, unit.tenant(), id, from, from + SURROUNDINGS).await?;
    let mut next = from;
    for row in rows {
        if row.seq != next {
            break;
        }
        let original = originals.of(row.seq, row.content.clone());
        let shown = masker.push(&original);
        if shown != row.content {
            commands.replace_chunk(id, row.seq, &shown).await?;
            let sealed = seal(ctx, id, &original)?;
            unit.tenant().masked().keep(id, row.seq, sealed).await?;
        }
        next += 1;
    }
    Ok(next)
}

fn limit(pieces: i64) -> u64 {
    u64::try_from(pieces).unwrap_or(0)
}

/// Masks the result of a command and keeps what it was.
///
/// # Errors
/// When the database cannot be used.
pub(crate) async fn result(ctx: &AgentCtx, unit: &Unit, id: CommandId, fin: Fin) -> ApiResult<Fin> {
    let Some(patterns) = patterns(ctx) else {
        return Ok(fin);
    };
    let shown = mask(&patterns, &fin.result).into_owned();
    if shown == fin.result {
        return Ok(fin);
    }
    let sealed = seal(ctx, id, &fin.result)?;
    unit.tenant().masked().keep(id, RESULT, sealed).await?;
    Ok(Fin {
        result: shown,
        ..fin
    })
}
