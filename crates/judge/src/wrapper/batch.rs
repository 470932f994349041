//! Commands for later: at, batch, crontab.

use crate::{
    argument::Argument,
    wrapper::{
        Inner, Input,
        options::{Syntax, scan},
        shells,
    },
};

pub(super) fn at(words: &[Argument], input: &Input) -> Vec<Inner> {
    const SYNTAX: Syntax = Syntax {
        flags: "cdlmMrvVbk",
        valued: "fqt",
        optional: "",
        long_flags: &[],
        long_valued: &[],
    };
    match scan(words, 1, &SYNTAX) {
        Ok(options) if options.has(&["c", "d", "l", "r", "V"]) => Vec::new(),
        Ok(options) if options.has(&["f"]) => vec![Inner::hidden("commands from a file")],
        Ok(_) => shells::from_input(input),
        Err(_) => vec![Inner::hidden("commands behind unclear options")],
    }
}

/// `crontab [-u user] [-l|-r|-e|-|file]`
pub(super) fn crontab(words: &[Argument], input: &Input) -> Vec<Inner> {
    const SYNTAX: Syntax = Syntax {
        flags: "elriVTsn",
        valued: "u",
        optional: "",
        long_flags: &[],
        long_valued: &[],
    };
    let Ok(options) = scan(words, 1, &SYNTAX) else {
        return vec![Inner::hidden("commands behind unclear options")];
    };
    if options.has(&["e"]) {
        return vec![Inner::hidden("an editor")];
    }
    if options.has(&["l", "r", "V"]) {
        return Vec::new();
    }
    let from_input = words
        .get(options.rest)
        .is_none_or(|file| file.as_static() == Some("-"));
    match input {
        Input::Text(text) if from_input => text.lines().filter_map(entry).collect(),
        _ => vec![Inner::hidden("commands from a file")],
    }
}

/// The command of a crontab line, after five fields or one `@name`.
fn entry(line: &str) -> Option<Inner> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return None;
    }
    let fields = if line.starts_with('@') { 1 } else { 5 };
    let mut rest = line;
    for _ in 0..fields {
        let end = rest.find([' ', '\t'])?;
        rest = rest.get(end..)?.trim_start();
    }
    // An unescaped `%` ends the command; what follows is its input.
    if rest.contains('%') {
        return Some(Inner::hidden("a crontab entry with input"));
    }
    Some(Inner::Script {
        text: rest.to_owned(),
        in_words: false,
        privileged: false,
    })
}
