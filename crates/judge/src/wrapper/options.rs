//! Option syntax in the manner of getopt: enough to know where options end.

use crate::argument::Argument;

/// The options a program knows.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Syntax {
    /// Letters that take no value.
    pub(super) flags: &'static str,
    /// Letters that take a value, attached or as the next word.
    pub(super) valued: &'static str,
    /// Letters that take an attached value or none.
    pub(super) optional: &'static str,
    /// Long names that take no value, or one after `=` only.
    pub(super) long_flags: &'static [&'static str],
    /// Long names that take a value after `=` or as the next word.
    pub(super) long_valued: &'static [&'static str],
}

/// Where the options of a command end, and what they were.
#[derive(Debug, Default)]
pub(super) struct Scanned {
    /// Letters and long names, with values.
    pub(super) options: Vec<(String, Option<Argument>)>,
    /// Index of the first operand in the words that were scanned.
    pub(super) rest: usize,
}

/// The words cannot be told apart: an unknown option, or a word that the shell
/// may turn into options.
#[derive(Debug)]
pub(super) struct Unclear;

impl Scanned {
    pub(super) fn has(&self, names: &[&str]) -> bool {
        self.options
            .iter()
            .any(|(name, _)| names.contains(&name.as_str()))
    }

    pub(super) fn value(&self, names: &[&str]) -> Option<&Argument> {
        let named = |(name, _): &&(String, _)| names.contains(&name.as_str());
        self.options
            .iter()
            .rev()
            .find(named)
            .and_then(|(_, value)| value.as_ref())
    }

    pub(super) fn values(&self, names: &[&str]) -> impl Iterator<Item = &Argument> {
        let named = move |(name, _): &&(String, _)| names.contains(&name.as_str());
        self.options
            .iter()
            .filter(named)
            .filter_map(|(_, value)| value.as_ref())
    }
}

/// Whether a dynamic word could turn out to be an option, or several words.
pub(super) fn may_be_option(word: &Argument) -> bool {
    word.is_dynamic()
        && (word.splits() || matches!(word.known_prefix().bytes().next(), None | Some(b'-')))
}

/// Reads options from `words[from..]` up to the first operand or `--`.
pub(super) fn scan(words: &[Argument], from: usize, syntax: &Syntax) -> Result<Scanned, Unclear> {
    let mut scanned = Scanned::default();
    let mut index = from;
    while let Some(word) = words.get(index) {
        if may_be_option(word) && !has_known_option_name(word) {
            return Err(Unclear);
        }
        let known = word.known_prefix();
        if known == "--" && !word.is_dynamic() {
            index += 1;
            break;
        }
        if !known.starts_with('-') || known == "-" {
            break;
        }
        index += 1;
        if let Some(long) = known.strip_prefix("--") {
            index += read_long(long, word, words.get(index), syntax, &mut scanned)?;
        } else {
            index += read_cluster(word, words.get(index), syntax, &mut scanned)?;
        }
    }
    scanned.rest = index;
    Ok(scanned)
}

/// `--name="$value"` and `-n"$value"` are clear in spite of their values.
fn has_known_option_name(word: &Argument) -> bool {
    let known = word.known_prefix();
    !word.splits()
        && known.starts_with('-')
        && known.len() > 1
        && (!known.starts_with("--") || known.contains('='))
}

/// Returns how many further words were taken.
fn read_long(
    text: &str,
    word: &Argument,
    next: Option<&Argument>,
    syntax: &Syntax,
    scanned: &mut Scanned,
) -> Result<usize, Unclear> {
    if let Some((name, _)) = text.split_once('=') {
        let known = syntax.long_flags.contains(&name) || syntax.long_valued.contains(&name);
        let value = word.after(name.len() + 3);
        scanned.options.push((name.to_owned(), Some(value)));
        return if known { Ok(0) } else { Err(Unclear) };
    }
    if syntax.long_flags.contains(&text) {
        scanned.options.push((text.to_owned(), None));
        return Ok(0);
    }
    if !syntax.long_valued.contains(&text) {
        return Err(Unclear);
    }
    scanned.options.push((text.to_owned(), Some(taken(next)?)));
    Ok(1)
}

fn read_cluster(
    word: &Argument,
    next: Option<&Argument>,
    syntax: &Syntax,
    scanned: &mut Scanned,
) -> Result<usize, Unclear> {
    let known = word.known_prefix();
    for (at, letter) in known.char_indices().skip(1) {
        let after = at + letter.len_utf8();
        let attached = word.pattern().len() > after;
        if syntax.flags.contains(letter) {
            scanned.options.push((letter.to_string(), None));
        } else if syntax.optional.contains(letter) {
            scanned
                .options
                .push((letter.to_string(), attached.then(|| word.after(after))));
            return Ok(0);
        } else if syntax.valued.contains(letter) {
            if attached {
                scanned
                    .options
                    .push((letter.to_string(), Some(word.after(after))));
                return Ok(0);
            }
            scanned
                .options
                .push((letter.to_string(), Some(taken(next)?)));
            return Ok(1);
        } else {
            return Err(Unclear);
        }
    }
    // A cluster of flags that goes on with something unknown.
    if word.is_dynamic() {
        Err(Unclear)
    } else {
        Ok(0)
    }
}

/// A value that is a word of its own; one that may be several shifts the rest.
fn taken(next: Option<&Argument>) -> Result<Argument, Unclear> {
    next.filter(|word| !word.splits()).cloned().ok_or(Unclear)
}
