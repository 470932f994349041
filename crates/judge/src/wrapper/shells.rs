//! Shells: `-c` is parsed again; commands from standard input are, too, where
//! they stand in the line.

use crate::{
    argument::Argument,
    wrapper::{Inner, Input},
};

const LONG_VALUED: [&str; 2] = ["--rcfile", "--init-file"];

pub(super) fn shell(words: &[Argument], name: &str, input: &Input) -> Vec<Inner> {
    let mut line = false;
    let mut stdin = false;
    let mut index = 1;
    while let Some(word) = words.get(index) {
        let Some(text) = word.as_static() else {
            if word.splits() || word.known_prefix().is_empty() {
                return vec![Inner::hidden("a script that is not known before it runs")];
            }
            break;
        };
        if !text.starts_with(['-', '+']) || text == "-" || text == "+" || text == "--" {
            index += usize::from(matches!(text, "-" | "--"));
            break;
        }
        index += 1;
        if text.starts_with("--") {
            if matches!(text, "--help" | "--version") {
                return Vec::new();
            }
            index += usize::from(LONG_VALUED.contains(&text));
            continue;
        }
        line |= text.starts_with('-') && text.contains('c');
        stdin |= text.starts_with('-') && text.contains('s');
        // `-o name` and `-O name`; in a cluster each takes one word.
        let named = text
            .chars()
            .filter(|letter| matches!(letter, 'o' | 'O'))
            .count();
        for _ in 0..named {
            if words.get(index).is_some_and(|word| !option_name(word)) {
                break;
            }
            index += 1;
        }
    }
    let operand = words.get(index);
    if line {
        let mut inner: Vec<_> = operand.map(Inner::script).into_iter().collect();
        // Its glob qualifiers and expansion flags can run code.
        if name == "zsh" && operand.is_some_and(|text| text.pattern().contains('(')) {
            inner.push(Inner::hidden("zsh syntax"));
        }
        return inner;
    }
    match operand {
        Some(script) if !stdin => script_file(script),
        _ => from_input(input),
    }
}

/// Shells with another grammar: a script in the line cannot be read.
pub(super) fn foreign(words: &[Argument]) -> Vec<Inner> {
    let names_file = words
        .get(1)
        .and_then(Argument::as_static)
        .is_some_and(|text| !text.starts_with('-') && !is_stream(text));
    if names_file {
        Vec::new()
    } else {
        vec![Inner::hidden("a script for another shell")]
    }
}

/// The name after `-o`: a word that is no option.
fn option_name(word: &Argument) -> bool {
    word.as_static()
        .is_some_and(|text| !text.starts_with(['-', '+']))
}

/// A script by name is judged by its name; one that the line makes up is not
/// known.
fn script_file(script: &Argument) -> Vec<Inner> {
    match script.as_static() {
        Some(path) if !is_stream(path) => Vec::new(),
        _ => vec![Inner::hidden("a script that is not known before it runs")],
    }
}

/// Whether a path names an open descriptor.
pub(super) fn is_stream(path: &str) -> bool {
    path == "-"
        || path == "/dev/stdin"
        || path.starts_with("/dev/fd/")
        || path.starts_with("/proc/")
}

/// Commands on standard input.
pub(super) fn from_input(input: &Input) -> Vec<Inner> {
    match input {
        Input::Text(text) => vec![Inner::Script {
            text: text.clone(),
            in_words: false,
            privileged: false,
        }],
        Input::Inherited | Input::Other => vec![Inner::hidden("commands from standard input")],
    }
}
