//! Line mode: what a server without `allow_sh` sends. No quoting, no expansion,
//! only segments joined by `&&`, `||` and `;` (`agent-control.md` §12.4).

/// One program and what follows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    /// The program and its arguments.
    pub(crate) words: Vec<String>,
    /// The separator behind it.
    pub(crate) next: Next,
}

/// When the line goes on after a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// `;` or the end.
    Always,
    /// `&&`.
    AfterSuccess,
    /// `||`.
    AfterFailure,
}

impl Segment {
    /// Whether the next segment runs. A segment that ends the line ends all of
    /// it: `a && b || c` never reaches `c` when `a` fails.
    #[must_use]
    pub(crate) fn continues_after(&self, exit_code: i64) -> bool {
        match self.next {
            Next::Always => true,
            Next::AfterSuccess => exit_code == 0,
            Next::AfterFailure => exit_code != 0,
        }
    }
}

/// Splits a line at white space and stand-alone separators. Empty segments
/// vanish.
#[must_use]
pub(crate) fn split(line: &str) -> Vec<Segment> {
    let mut segments = Vec::new();
    let mut words = Vec::new();
    let mut close = |words: &mut Vec<String>, next| {
        if !words.is_empty() {
            segments.push(Segment {
                words: std::mem::take(words),
                next,
            });
        }
    };
    for word in line.split_whitespace() {
        match word {
            "&&" => close(&mut words, Next::AfterSuccess),
            "||" => close(&mut words, Next::AfterFailure),
            ";" => close(&mut words, Next::Always),
            word => words.push(word.to_owned()),
        }
    }
    close(&mut words, Next::Always);
    segments
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn knows_three_separators_and_nothing_else() {
        let segments = split("a 'b c' && d|e ; f; || g");
        let words: Vec<_> = segments.iter().map(|s| s.words.join("_")).collect();
        assert_eq!(words, ["a_'b_c'", "d|e", "f;", "g"]);
        let next: Vec<_> = segments.iter().map(|s| s.next).collect();
        assert_eq!(
            next,
            [
                Next::AfterSuccess,
                Next::Always,
                Next::AfterFailure,
                Next::Always
            ]
        );
    }

    #[test]
    fn the_exit_code_decides() {
        let segments = split("a && b || c");
        assert!(!segments[0].continues_after(1));
        assert!(segments[0].continues_after(0));
        assert!(!segments[1].continues_after(0));
    }

    proptest! {
        #[test]
        fn keeps_every_word(line in "[ a-c&|;]{0,40}") {
            let kept: usize = split(&line).iter().map(|s| s.words.len()).sum();
            let words = line
                .split_whitespace()
                .filter(|word| !matches!(*word, "&&" | "||" | ";"))
                .count();
            prop_assert_eq!(kept, words);
        }
    }
}
