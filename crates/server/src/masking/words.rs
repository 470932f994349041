//! The words of programs, as exec guards report them.

use std::sync::Arc;

use mask::{PLACEHOLDER, Patterns, mask};
use protocol::guard::Program;

/// Masks the words of a program.
pub(crate) fn program(patterns: &Arc<Patterns>, program: &mut Program) {
    let masked: Vec<String> = program
        .argv
        .iter()
        .enumerate()
        .map(|(index, word)| {
            let before = index
                .checked_sub(1)
                .and_then(|index| program.argv.get(index));
            masked(patterns, before.map_or("", String::as_str), word)
        })
        .collect();
    program.argv = masked;
}

/// A word, which may be the value of the option before it.
fn masked(patterns: &Arc<Patterns>, before: &str, word: &str) -> String {
    let own = mask(patterns, word);
    if own == word && before.starts_with("--") && !word.contains(char::is_whitespace) {
        let both = format!("{before} {word}");
        if mask(patterns, &both).ends_with(PLACEHOLDER) {
            return PLACEHOLDER.to_owned();
        }
    }
    own.into_owned()
}

#[cfg(test)]
mod tests {
    use protocol::guard::Verdict;

    use super::*;

    #[test]
    fn values_of_options_are_masked() {
        let patterns = Patterns::built_in();
        let argv = [
            "mysql",
            "--password",
            "hunter2",
            "--secret=abc",
            "--user",
            "bob",
        ];
        let mut seen = Program {
            seq: 1,
            time: store::now(),
            pid: 2,
            ppid: 1,
            uid: 0,
            exe: "/usr/bin/mysql".to_owned(),
            sha256: None,
            argv: argv.map(str::to_owned).to_vec(),
            cwd: "/".to_owned(),
            verdict: Verdict::Allow,
            rule: None,
            reason: None,
            folded: 0,
            end: None,
        };
        program(&patterns, &mut seen);
        let expected = [
            "mysql",
            "--password",
            "[masked]",
            "--secret=[masked]",
            "--user",
            "bob",
        ];
        assert_eq!(seen.argv, expected);
    }
}
