//! Whether there is a secret at a place where one may be.

use std::ops::Range;

use crate::names::{HEADER, NO_SECRETS, SCHEMES};
use crate::patterns::Anchor;
use crate::shapes::Class;

/// Blanks between a name and its value.
const MAX_BLANKS: usize = 8;
/// Characters of the user in an address.
const MAX_USER: usize = 128;
/// Shortest value behind a name.
const MIN_VALUE: usize = 3;
/// Shortest value behind a word with other uses, and how much of it is weighed.
const MIN_RANDOM: usize = 16;
const WEIGHED: usize = 512;
/// Bits per character of what looks random.
const RANDOM_BITS: f64 = 3.0;
/// Longest first line of a private key.
const MAX_HEADER: usize = 64;
/// Longest private key.
pub(crate) const MAX_KEY: usize = 64 * 1024;

/// What a secret goes on with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rest {
    Class(Class),
    /// Up to a blank or a quote.
    Word,
    /// Up to this quote, or the end of the line.
    Quoted {
        quote: u8,
        is_nested: bool,
    },
    /// Of an address.
    Userinfo,
    /// Up to two dashes; so many bytes more at most.
    Key(usize),
}

impl Rest {
    /// How many bytes of `text` still belong to the secret.
    pub(crate) fn length(self, text: &str) -> usize {
        let bytes = text.as_bytes();
        let until = |stops: &dyn Fn(u8) -> bool| {
            let end = bytes.iter().position(|byte| stops(*byte));
            end.unwrap_or(bytes.len())
        };
        match self {
            Self::Class(class) => until(&|byte| !class.has(byte)),
            Self::Word => until(&|byte| {
                byte.is_ascii_whitespace() || byte.is_ascii_control() || is_quote(byte)
            }),
            Self::Quoted { quote, is_nested } => {
                let is_end = |at: usize, byte: u8| {
                    let is_escaped = at.checked_sub(1).and_then(|at| bytes.get(at)) == Some(&b'\\');
                    (byte == quote && (is_nested || !is_escaped)) || matches!(byte, b'\n' | b'\r')
                };
                let mut bytes = bytes.iter().enumerate();
                let end = bytes.position(|(at, byte)| is_end(at, *byte));
                end.unwrap_or(text.len())
            }
            Self::Userinfo => until(&|byte| {
                byte.is_ascii_whitespace() || is_quote(byte) || matches!(byte, b'@' | b'/' | b'<')
            }),
            Self::Key(most) => {
                let end = text.find("--").unwrap_or(text.len());
                text.floor_char_boundary(end.min(most))
            }
        }
    }
}

fn is_quote(byte: u8) -> bool {
    matches!(byte, b'"' | b'\'' | b'`')
}

/// A secret in a text, with what it goes on with if the text ends in it.
pub(crate) type Found = (Range<usize>, Rest);

/// A text that is searched.
#[derive(Clone, Copy)]
pub(crate) struct Text<'t> {
    pub(crate) text: &'t str,
    /// More may follow: what may become a secret is one until it is known.
    pub(crate) goes_on: bool,
}

impl<'t> Text<'t> {
    fn get(self, range: Range<usize>) -> &'t str {
        self.text.get(range).unwrap_or("")
    }

    fn byte(self, at: usize) -> Option<u8> {
        self.text.as_bytes().get(at).copied()
    }

    fn before(self, at: usize) -> Option<u8> {
        at.checked_sub(1).and_then(|at| self.byte(at))
    }

    /// Where `rest` goes from `start`, if `is_secret` says so of its beginning.
    fn run(self, start: usize, rest: Rest, is_secret: impl Fn(&str) -> bool) -> Option<Found> {
        // However long it is: no more than this is looked at before it is known.
        let near = self.text.len().min(start + WEIGHED);
        let near = self.get(start..self.text.floor_char_boundary(near));
        let length = rest.length(near);
        let shown = near.get(..length)?;
        let may_go_on = self.goes_on && start + length == self.text.len();
        if shown.is_empty() || !(is_secret(shown) || may_go_on) {
            return None;
        }
        let length = match length < near.len() {
            true => length,
            false => rest.length(self.text.get(start..)?),
        };
        Some((start..start + length, rest))
    }
}

/// Looks at what may be a secret: an anchor was found at `hit`.
pub(crate) fn secret(text: Text<'_>, anchor: &Anchor, hit: Range<usize>) -> Option<Found> {
    match anchor {
        Anchor::Shape {
            prefix,
            class,
            least,
        } => {
            let is_one = text.get(hit.clone()) == prefix
                && text
                    .before(hit.start)
                    .is_none_or(|byte| !Class::Token.has(byte));
            let is_secret = |shown: &str| shown.len() >= *least && is_mixed(shown);
            let found = text.run(hit.end, Rest::Class(*class), is_secret);
            found.filter(|_| is_one)
        }
        Anchor::Name { is_strong } => value(text, hit, *is_strong),
        Anchor::Address => address(text, hit.end),
        Anchor::Pem => key(text, hit.end),
    }
}

/// Digits and letters: words of a language have no digits.
fn is_mixed(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_digit())
        && text.bytes().any(|byte| byte.is_ascii_alphabetic())
}

fn value(text: Text<'_>, hit: Range<usize>, is_strong: bool) -> Option<Found> {
    // `monkey: …` and `compass=…` name no secret.
    if !is_strong
        && text
            .before(hit.start)
            .is_some_and(|byte| byte.is_ascii_alphanumeric())
    {
        return None;
    }
    let is_option = is_strong && is_option(text.get(0..hit.start));
    let is_nested = text.byte(hit.end) == Some(b'\\');
    let end = hit.end + usize::from(is_nested);
    let is_closed = text.byte(end).is_some_and(is_quote);
    let named = end + usize::from(is_closed);
    let mut at = blanks(text, named);
    match text.byte(at) {
        Some(b'=' | b':') => at += 1,
        // `--password hunter2`
        _ if is_option && !is_closed && at > named => {}
        _ => return None,
    }
    // `:=`, `=>`
    at += usize::from(matches!(text.byte(at), Some(b'=' | b'>')));
    at = blanks(text, at);
    if text.get(hit).eq_ignore_ascii_case(HEADER) {
        at = scheme(text, at)?;
    }
    // The text may be JSON in JSON.
    let is_nested = text.byte(at) == Some(b'\\');
    at += usize::from(is_nested);
    let rest = match text.byte(at) {
        Some(quote) if is_quote(quote) => {
            at += 1;
            Rest::Quoted { quote, is_nested }
        }
        _ => Rest::Word,
    };
    if is_elsewhere(text.get(at..text.text.floor_char_boundary(text.text.len().min(at + 32)))) {
        return None;
    }
    text.run(at, rest, |shown| match is_strong {
        true => shown.len() >= MIN_VALUE && !(is_option && shown.starts_with('-')),
        false => shown.len() >= MIN_RANDOM && looks_random(shown),
    })
}

/// The name is that of an option: `--db-password`.
fn is_option(before: &str) -> bool {
    let from = before.len().saturating_sub(MAX_HEADER);
    let near = before.get(before.ceil_char_boundary(from)..).unwrap_or("");
    let word = near.rsplit(|char: char| char.is_whitespace()).next();
    word.is_some_and(|word| word.starts_with("--"))
}

fn blanks(text: Text<'_>, at: usize) -> usize {
    let is_blank = |at: &usize| matches!(text.byte(*at), Some(b' ' | b'\t'));
    at + (at..at + MAX_BLANKS).take_while(is_blank).count()
}

/// Past `Bearer ` and the like; none where the text ends in one.
fn scheme(text: Text<'_>, at: usize) -> Option<usize> {
    for scheme in SCHEMES {
        let length = scheme.len().min(text.text.len().saturating_sub(at));
        let word = text.get(at..at + length);
        let is_one = scheme
            .get(..length)
            .is_some_and(|scheme| word.eq_ignore_ascii_case(scheme));
        match text.byte(at + length) {
            _ if !is_one => {}
            None => return None,
            Some(b' ') if length == scheme.len() => return Some(blanks(text, at + length)),
            Some(_) => {}
        }
    }
    Some(at)
}

/// The value says that there is no secret, or where it comes from.
fn is_elsewhere(value: &str) -> bool {
    let ends =
        |char: char| char.is_whitespace() || matches!(char, '"' | '\'' | ',' | ';' | ')' | '}');
    let word = value.split(ends).next().unwrap_or("");
    value.starts_with(['$', '<', '*', '%', '{'])
        || NO_SECRETS
            .iter()
            .any(|none| word.eq_ignore_ascii_case(none))
}

fn looks_random(value: &str) -> bool {
    !value.starts_with('/') && is_mixed(value) && bits_per_byte(value) >= RANDOM_BITS
}

/// Shannon's entropy of the bytes.
fn bits_per_byte(text: &str) -> f64 {
    let mut counts = [0_u32; 256];
    for byte in text.bytes() {
        if let Some(count) = counts.get_mut(usize::from(byte)) {
            *count += 1;
        }
    }
    let total = f64::from(u32::try_from(text.len()).unwrap_or(u32::MAX));
    let bits = counts.iter().filter(|count| **count > 0).map(|count| {
        let share = f64::from(*count) / total;
        -share * share.log2()
    });
    bits.sum()
}

/// `user:password@` after `://`
fn address(text: Text<'_>, start: usize) -> Option<Found> {
    let is_user = |byte: u8| {
        byte.is_ascii_graphic() && !is_quote(byte) && !matches!(byte, b'/' | b'@' | b'<' | b'[')
    };
    let of_user = |at: &usize| {
        text.byte(*at)
            .is_some_and(|byte| byte != b':' && is_user(byte))
    };
    let colon = start + (start..start + MAX_USER).take_while(of_user).count();
    if text.byte(colon) != Some(b':') {
        return None;
    }
    let begin = colon + 1;
    let length = Rest::Userinfo.length(text.text.get(begin..)?);
    let shown = text.get(begin..begin + length);
    let may_go_on = text.goes_on && begin + length == text.text.len();
    // A port is no password, also where more could follow.
    let is_port = shown.len() <= 5 && shown.bytes().all(|byte| byte.is_ascii_digit());
    let is_secret = match text.byte(begin + length) {
        Some(b'@') => !shown.is_empty() && !is_elsewhere(shown),
        _ => may_go_on && !is_port,
    };
    is_secret.then_some((begin..begin + length, Rest::Userinfo))
}

/// The lines of a private key after `-----BEGIN `.
fn key(text: Text<'_>, start: usize) -> Option<Found> {
    let header = text.text.len().min(start + MAX_HEADER);
    let header = text.get(start..text.text.floor_char_boundary(header));
    let end = header.find("-----")?;
    if !header.get(..end)?.contains("PRIVATE KEY") {
        return None;
    }
    let begin = start + end + 5;
    let length = Rest::Key(MAX_KEY).length(text.text.get(begin..)?);
    let rest = Rest::Key(MAX_KEY - length.min(MAX_KEY));
    (length > 0).then_some((begin..begin + length, rest))
}
