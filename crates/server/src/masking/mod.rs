//! Masking of secrets in what is kept of commands: their output, and the words of the
//! programs they start. See `docs/masking.md`.
//!
//! What is stored, shown to others and exported is masked before it is stored. Whoever ran
//! the command reads its output as it was, for as long as the originals are kept sealed
//! ([`KEPT_FOR`]), unless the workspace says otherwise ([`MaskOutput`]).

mod original;
mod output;
mod words;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::TimeDelta;
use mask::Patterns;
use protocol::id::WorkspaceId;
use serde::{Deserialize, Serialize};

pub(crate) use original::Originals;
pub(crate) use output::{OpenOutputs, Piece, piece, result};
pub(crate) use words::program;

use crate::http::PublicCtx;

/// How long whoever ran a command can read what was masked.
pub(crate) const KEPT_FOR: TimeDelta = TimeDelta::hours(1);

/// Who reads output with its secrets masked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum MaskOutput {
    /// Everybody but whoever ran the command.
    #[default]
    Others,
    /// Everybody.
    Everybody,
    /// Nobody: nothing is masked.
    Nobody,
}

impl MaskOutput {
    pub(crate) const ALL: [Self; 3] = [Self::Others, Self::Everybody, Self::Nobody];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Others => "others",
            Self::Everybody => "everybody",
            Self::Nobody => "nobody",
        }
    }

    pub(crate) fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.as_str() == word)
    }
}

/// The patterns of workspaces that have some of their own, compiled.
#[derive(Default)]
pub(crate) struct OwnPatterns(Mutex<HashMap<WorkspaceId, Compiled>>);

struct Compiled {
    from: Vec<String>,
    patterns: Arc<Patterns>,
}

/// What is masked in a workspace; none where nothing is.
pub(crate) fn patterns(ctx: &PublicCtx) -> Option<Arc<Patterns>> {
    let settings = &ctx.workspace.settings;
    if settings.mask_output == MaskOutput::Nobody {
        return None;
    }
    if settings.mask_patterns.is_empty() {
        return Some(Patterns::built_in());
    }
    let own = ctx.app.own_patterns.0.lock();
    let mut own = own.unwrap_or_else(PoisonError::into_inner);
    let known = own.get(&ctx.workspace_id());
    if let Some(known) = known.filter(|known| known.from == settings.mask_patterns) {
        return Some(Arc::clone(&known.patterns));
    }
    let custom: Vec<_> = settings
        .mask_patterns
        .iter()
        .filter_map(|text| text.parse().ok())
        .collect();
    // They were checked when they were saved.
    let patterns = Patterns::with(&custom).map_or_else(|_| Patterns::built_in(), Arc::new);
    let compiled = Compiled {
        from: settings.mask_patterns.clone(),
        patterns: Arc::clone(&patterns),
    };
    own.insert(ctx.workspace_id(), compiled);
    Some(patterns)
}
