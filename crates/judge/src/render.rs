//! Canonical form of a simple command: single spaces, minimal quoting.

use std::borrow::Cow;

use crate::{
    argument::{Argument, UNKNOWN},
    builtin::RESERVED_WORDS,
};

/// The command as a person reads it; dynamic words as they were written. Words
/// that a wrapper adds when it runs were not written and are left out.
pub(crate) fn canonical(words: &[Argument]) -> String {
    let written = words
        .iter()
        .filter(|word| !(word.is_dynamic() && word.source().is_empty()));
    join(written, |word, first| match word.as_static() {
        Some(text) => quote(text, first),
        None => Cow::Borrowed(word.source()),
    })
}

/// The command as rules see it; what is unknown in a dynamic word stays so.
pub(crate) fn matchable(words: &[Argument]) -> String {
    join(words.iter(), |word, first| match word.as_static() {
        Some(text) => quote(text, first),
        None => Cow::Owned(matchable_dynamic(word)),
    })
}

fn matchable_dynamic(word: &Argument) -> String {
    let mut out = String::new();
    for (index, known) in word.pattern().split(UNKNOWN).enumerate() {
        if index > 0 {
            out.push(UNKNOWN);
        }
        if !known.is_empty() {
            out.push_str(&quote(known, false));
        }
    }
    out
}

fn join<'a>(
    words: impl Iterator<Item = &'a Argument>,
    render: impl Fn(&'a Argument, bool) -> Cow<'a, str>,
) -> String {
    let mut out = String::new();
    for (index, word) in words.enumerate() {
        if index > 0 {
            out.push(' ');
        }
        out.push_str(&render(word, index == 0));
    }
    out
}

/// `text` as one shell word. The `first` word of a command also needs quotes
/// where it would be taken for a reserved word or an assignment.
pub(crate) fn quote(text: &str, first: bool) -> Cow<'_, str> {
    if needs_quotes(text, first) {
        Cow::Owned(format!("'{}'", text.replace('\'', "'\\''")))
    } else {
        Cow::Borrowed(text)
    }
}

fn needs_quotes(text: &str, first: bool) -> bool {
    let special = |ch: char| {
        ch.is_ascii_control()
            || matches!(
                ch,
                ' ' | '|'
                    | '&'
                    | ';'
                    | '<'
                    | '>'
                    | '('
                    | ')'
                    | '$'
                    | '`'
                    | '"'
                    | '\''
                    | '\\'
                    | '*'
                    | '?'
            )
    };
    text.is_empty()
        || text.starts_with(['#', '~'])
        || text.contains(special)
        || text
            .find('[')
            .is_some_and(|open| text.rfind(']').is_some_and(|close| open < close))
        || expands_braces(text)
        || (first && (RESERVED_WORDS.contains(&text) || looks_like_assignment(text)))
}

/// Sees a brace expansion at least wherever a shell does.
fn expands_braces(text: &str) -> bool {
    let Some(open) = text.find('{') else {
        return false;
    };
    let Some(close) = text.rfind('}') else {
        return false;
    };
    text.get(open..close)
        .is_some_and(|inside| inside.contains(',') || inside.contains(".."))
}

fn looks_like_assignment(text: &str) -> bool {
    let name = text.split(['=', '[']).next().unwrap_or("");
    name.len() < text.len() && shell_syntax::is_name(name.strip_suffix('+').unwrap_or(name))
}
