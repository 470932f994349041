//! Text in pieces.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use crate::patterns::Patterns;
use crate::plain::{Control, Plain};
use crate::scan::{self, Rest, Text};

/// What stands for a secret.
pub const PLACEHOLDER: &str = "[masked]";

/// What of the text before is kept, to know a name or a prefix that lies across pieces.
const CONTEXT: usize = 256;

/// Masks a text that comes in pieces.
#[derive(Clone, Debug)]
pub struct Masker {
    patterns: Arc<Patterns>,
    control: Control,
    /// The end of the text before, without secrets and control sequences.
    context: String,
    /// The text before ended in a secret.
    open: Option<Rest>,
}

impl Masker {
    /// For a new text.
    #[must_use]
    pub fn new(patterns: Arc<Patterns>) -> Self {
        Self {
            patterns,
            control: Control::default(),
            context: String::new(),
            open: None,
        }
    }

    /// The next piece with its secrets masked. A secret that began in an earlier piece
    /// is left out of this one; its placeholder is there already.
    pub fn push<'t>(&mut self, piece: &'t str) -> Cow<'t, str> {
        self.take(piece, true)
    }

    fn take<'t>(&mut self, piece: &'t str, goes_on: bool) -> Cow<'t, str> {
        let plain = Plain::of(piece, &mut self.control);
        let continued = self.continued(&plain.text);
        let mut secrets: Vec<(Range<usize>, bool)> = Vec::new();
        if continued > 0 {
            secrets.push((0..continued, false));
        }
        if self.open.is_none() {
            let rest = plain.text.get(continued..).unwrap_or("");
            self.search(rest, continued, goes_on, &mut secrets);
        }
        if secrets.is_empty() {
            return Cow::Borrowed(piece);
        }
        Cow::Owned(rewrite(piece, &plain, &secrets))
    }

    /// How much of the text belongs to a secret that is open.
    fn continued(&mut self, text: &str) -> usize {
        let Some(rest) = self.open else { return 0 };
        let length = rest.length(text);
        self.open = match rest {
            _ if length < text.len() => None,
            Rest::Key(left) => Some(Rest::Key(left - length)),
            rest => Some(rest),
        };
        length
    }

    /// Finds the secrets of a text that begins at `offset` of the piece.
    fn search(
        &mut self,
        text: &str,
        offset: usize,
        goes_on: bool,
        secrets: &mut Vec<(Range<usize>, bool)>,
    ) {
        let known = self.context.len();
        self.context.push_str(text);
        let all = &self.context;
        let searched = Text { text: all, goes_on };
        let mut done = 0;
        for hit in self.patterns.search.find_overlapping_iter(all) {
            let Some(anchor) = self.patterns.anchors.get(hit.pattern().as_usize()) else {
                continue;
            };
            // What stands in a secret is masked with it.
            if hit.end() <= done {
                continue;
            }
            let Some((found, rest)) = scan::secret(searched, anchor, hit.range()) else {
                continue;
            };
            let found = found.start.max(known)..found.end;
            if found.is_empty() {
                continue;
            }
            if found.end == all.len() {
                self.open = Some(rest);
            }
            done = done.max(found.end);
            let own = found.start - known + offset..found.end - known + offset;
            match secrets.last_mut() {
                Some((last, _)) if own.start <= last.end => last.end = last.end.max(own.end),
                _ => secrets.push((own, true)),
            }
        }
        // What was masked must not be kept, and is no context.
        let kept = self.context.len().saturating_sub(CONTEXT).max(done);
        let kept = self.context.ceil_char_boundary(kept);
        self.context.drain(..kept);
    }
}

/// The piece with a placeholder for each secret that begins in it. Control sequences
/// inside secrets stay: they may end a colour.
fn rewrite(piece: &str, plain: &Plain, secrets: &[(Range<usize>, bool)]) -> String {
    let mut text = String::with_capacity(piece.len());
    let mut next = 0;
    for (secret, is_begin) in secrets {
        for (index, at) in secret.clone().map(|index| (index, plain.at(index))) {
            text.push_str(piece.get(next..at).unwrap_or(""));
            if index == secret.start && *is_begin {
                text.push_str(PLACEHOLDER);
            }
            next = at + 1;
        }
    }
    text.push_str(piece.get(next..).unwrap_or(""));
    text
}

/// A whole text with its secrets masked.
#[must_use]
pub fn mask<'t>(patterns: &Arc<Patterns>, text: &'t str) -> Cow<'t, str> {
    Masker::new(Arc::clone(patterns)).take(text, false)
}
