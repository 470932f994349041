//! Puts output in order (`realtime-client.md` §2.7). Does no I/O.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::commands::Chunk;

/// Chunk numbers remembered as skipped, in total.
const MAX_REMEMBERED: u64 = 100_000;
/// Fetches in a row without progress after which a gap is given up.
const MAX_FRUITLESS: u32 = 11;

/// What is shown and what is missing.
#[derive(Debug, Default)]
pub(super) struct Assembler {
    /// The first chunk not yet shown.
    next: i64,
    shown_any: bool,
    fruitless: u32,
    skipped: Vec<RangeInclusive<i64>>,
    remembered: u64,
}

/// Where a live chunk belongs.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Shown before.
    Duplicate,
    /// The next one.
    Next,
    /// Chunks up to this one are missing.
    AfterGap(i64),
}

impl Assembler {
    /// The first chunk not yet shown.
    pub(super) fn next(&self) -> i64 {
        self.next
    }

    /// Whether anything was shown.
    pub(super) fn has_shown(&self) -> bool {
        self.shown_any
    }

    pub(super) fn place(&self, seq: i64) -> Place {
        match seq.cmp(&self.next) {
            std::cmp::Ordering::Less => Place::Duplicate,
            std::cmp::Ordering::Equal => Place::Next,
            std::cmp::Ordering::Greater => Place::AfterGap(seq - 1),
        }
    }

    /// Takes the chunks that continue the output; the rest is dropped and comes
    /// with a later fetch.
    pub(super) fn continue_with(&mut self, chunks: Vec<Chunk>) -> Vec<String> {
        let mut texts = Vec::new();
        for chunk in chunks {
            match self.place(chunk.seq) {
                Place::Duplicate => {}
                Place::Next => {
                    self.show(chunk.seq);
                    texts.push(chunk.content);
                }
                Place::AfterGap(_) => break,
            }
        }
        texts
    }

    /// Takes all chunks, holes or not; gives them and the number missing.
    pub(super) fn take_all(&mut self, chunks: Vec<Chunk>) -> (Vec<String>, u64) {
        let mut texts = Vec::new();
        let mut missing = 0;
        for chunk in chunks {
            match self.place(chunk.seq) {
                Place::Duplicate => continue,
                Place::Next => {}
                Place::AfterGap(last) => missing += self.skip(last),
            }
            self.show(chunk.seq);
            texts.push(chunk.content);
        }
        (texts, missing)
    }

    /// Notes a fetch that closed no gap. `true`: give the gap up.
    pub(super) fn fruitless(&mut self, answered: bool) -> bool {
        self.fruitless += 1;
        answered && self.fruitless >= MAX_FRUITLESS
    }

    /// How long to leave an open gap alone.
    pub(super) fn gap_pause(&self) -> Duration {
        let doublings = self.fruitless.saturating_sub(1).min(8);
        Duration::from_millis(300 << doublings).min(Duration::from_secs(5))
    }

    /// Gives up everything up to `last`; returns how many chunks that is.
    pub(super) fn skip(&mut self, last: i64) -> u64 {
        let width = u64::try_from(last - self.next + 1).unwrap_or(0);
        if self.remembered + width <= MAX_REMEMBERED {
            self.remembered += width;
            self.skipped.push(self.next..=last);
        }
        self.next = last + 1;
        self.fruitless = 0;
        width
    }

    /// The range around everything skipped.
    pub(super) fn skipped_range(&self) -> Option<(i64, i64)> {
        let first = self.skipped.first()?.start();
        let last = self.skipped.last()?.end();
        Some((*first, *last))
    }

    /// Of `chunks`, those that were skipped.
    pub(super) fn late(&self, chunks: Vec<Chunk>) -> Vec<String> {
        chunks
            .into_iter()
            .filter(|chunk| self.skipped.iter().any(|range| range.contains(&chunk.seq)))
            .map(|chunk| chunk.content)
            .collect()
    }

    fn show(&mut self, seq: i64) {
        self.next = seq + 1;
        self.shown_any = true;
        self.fruitless = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn chunk(seq: i64) -> Chunk {
        Chunk {
            seq,
            content: format!("{seq};"),
        }
    }

    #[test]
    fn output_continues_only_without_a_gap() {
        let mut output = Assembler::default();
        assert_eq!(
            output.continue_with(vec![chunk(0), chunk(1), chunk(3)]),
            ["0;", "1;"]
        );
        assert_eq!(output.place(1), Place::Duplicate);
        assert_eq!(output.place(2), Place::Next);
        assert_eq!(output.place(4), Place::AfterGap(3));
    }

    #[test]
    fn a_gap_is_given_up_after_eleven_answers_without_it() {
        let mut output = Assembler::default();
        for _ in 0..10 {
            assert!(!output.fruitless(true));
        }
        assert!(!output.fruitless(false), "a failed fetch never skips");
        assert!(output.fruitless(true));
        assert_eq!(output.skip(2), 3);
        assert_eq!(output.place(3), Place::Next);
        assert_eq!(output.skipped_range(), Some((0, 2)));
        assert_eq!(output.late(vec![chunk(1), chunk(3)]), ["1;"]);
    }

    #[test]
    fn pauses_double_to_five_seconds() {
        let mut output = Assembler::default();
        let mut pauses = Vec::new();
        for _ in 0..6 {
            output.fruitless(true);
            pauses.push(output.gap_pause().as_millis());
        }
        assert_eq!(pauses, [300, 600, 1200, 2400, 4800, 5000]);
    }

    #[test]
    fn an_enormous_gap_is_not_remembered() {
        let mut output = Assembler::default();
        output.skip(1_000_000);
        assert_eq!(output.skipped_range(), None);
    }

    proptest! {
        #[test]
        fn nothing_is_shown_twice_or_out_of_order(seqs in proptest::collection::vec(0_i64..40, 0..80)) {
            let mut output = Assembler::default();
            let mut shown = Vec::new();
            for seq in seqs {
                shown.extend(output.continue_with(vec![chunk(seq)]));
            }
            let expected: Vec<String> = (0..output.next()).map(|seq| format!("{seq};")).collect();
            prop_assert_eq!(shown, expected);
        }
    }
}
