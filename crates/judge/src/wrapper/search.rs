//! Programs that run a command for each thing they find: find, xargs, parallel.

use crate::{
    argument::Argument,
    wrapper::{
        Inner,
        options::{Syntax, may_be_option, scan},
    },
};

pub(super) fn find(words: &[Argument]) -> Vec<Inner> {
    let mut inner = Vec::new();
    let mut index = 1;
    while let Some(word) = words.get(index) {
        index += 1;
        match word.as_static() {
            Some("-exec" | "-execdir" | "-ok" | "-okdir") => {
                let start = index;
                while let Some(next) = words.get(index) {
                    index += 1;
                    let plus = next.as_static() == Some("+")
                        && words.get(index - 2).and_then(Argument::as_static) == Some("{}");
                    if plus || next.as_static() == Some(";") {
                        break;
                    }
                }
                let end = index.saturating_sub(1).max(start);
                let command = words.get(start..end).unwrap_or_default();
                inner.push(filled(command, "{}", start));
            }
            None if word.splits() => {
                inner.push(Inner::hidden("a command in an unquoted expansion"));
            }
            _ => {}
        }
    }
    inner
}

/// A command into which names are put where `placeholder` stands.
fn filled(command: &[Argument], placeholder: &str, at: usize) -> Inner {
    let words = command
        .iter()
        .map(|word| Argument::filled(word, placeholder))
        .collect();
    Inner::Words {
        words,
        assignments: Vec::new(),
        at: Some(at),
        privileged: false,
    }
}

pub(super) fn xargs(words: &[Argument]) -> Vec<Inner> {
    const SYNTAX: Syntax = Syntax {
        flags: "0prtxo",
        valued: "adEILnPsJRS",
        optional: "eil",
        long_flags: &[
            "null",
            "eof",
            "replace",
            "max-lines",
            "interactive",
            "no-run-if-empty",
            "verbose",
            "exit",
            "open-tty",
            "show-limits",
            "help",
            "version",
        ],
        long_valued: &[
            "arg-file",
            "delimiter",
            "max-args",
            "max-procs",
            "max-chars",
            "process-slot-var",
        ],
    };
    let Ok(options) = scan(words, 1, &SYNTAX) else {
        return vec![Inner::hidden("a command behind unclear options")];
    };
    let command = words.get(options.rest..).unwrap_or_default();
    if command.is_empty() {
        return Vec::new(); // It echoes.
    }
    let replace = options.value(&["I", "i", "replace"]).cloned();
    let placeholder = match replace {
        Some(text) => text,
        None if options.has(&["i", "replace"]) => Argument::fixed("{}"),
        None => {
            // Names are added at the end.
            let mut all = command.to_vec();
            all.push(Argument::unknown(""));
            return vec![Inner::Words {
                words: all,
                assignments: Vec::new(),
                at: Some(options.rest),
                privileged: false,
            }];
        }
    };
    match placeholder.as_static() {
        Some(placeholder) => vec![filled(command, placeholder, options.rest)],
        None => vec![Inner::hidden("a command with an unknown placeholder")],
    }
}

/// GNU parallel: the command is a line for a shell, into which inputs are put.
pub(super) fn parallel(words: &[Argument]) -> Vec<Inner> {
    const SYNTAX: Syntax = Syntax {
        flags: "0kmqtuvXx",
        valued: "adIjJLnNPsSC",
        optional: "il",
        long_flags: &[
            "keep-order",
            "line-buffer",
            "lb",
            "ungroup",
            "group",
            "bar",
            "progress",
            "eta",
            "dry-run",
            "dryrun",
            "will-cite",
            "no-notice",
            "verbose",
            "null",
            "no-run-if-empty",
            "pipe",
            "quote",
            "xargs",
            "help",
            "version",
            "tag",
        ],
        long_valued: &[
            "jobs",
            "max-procs",
            "arg-file",
            "delay",
            "timeout",
            "retries",
            "halt",
            "joblog",
            "results",
            "colsep",
            "max-args",
            "max-replace-args",
            "load",
            "nice",
            "memfree",
            "delimiter",
            "shuf",
        ],
    };
    let Ok(options) = scan(words, 1, &SYNTAX) else {
        return vec![Inner::hidden("a command behind unclear options")];
    };
    let rest = words.get(options.rest..).unwrap_or_default();
    let end = rest
        .iter()
        .position(|word| word.known_prefix().starts_with(":::"))
        .unwrap_or(rest.len());
    let command = rest.get(..end).unwrap_or_default();
    // The inputs are the commands, or the line is more than plain words.
    let odd = |word: &Argument| {
        may_be_option(word)
            || word
                .pattern()
                .contains(|ch: char| ch.is_whitespace() || "|&;<>()$`\"'\\".contains(ch))
    };
    if command.is_empty() || command.iter().any(odd) {
        return vec![Inner::hidden("a line made by parallel")];
    }
    let braces = |word: &Argument| {
        let text = word.pattern();
        match text.find('{') {
            Some(_) => Argument::unknown(word.source()),
            None => word.clone(),
        }
    };
    let mut all: Vec<_> = command.iter().map(braces).collect();
    all.push(Argument::unknown(""));
    vec![Inner::Words {
        words: all,
        assignments: Vec::new(),
        at: Some(options.rest),
        privileged: false,
    }]
}
