//! The INI dialect of the configuration file (`agent-control.md` §3.1).
//!
//! `#` or `;` starts a comment anywhere outside quotes, a trailing backslash
//! continues the line, surrounding quotes are stripped, and `%(name)s` stands
//! for another key of the same section or of the unnamed first one.

use std::collections::BTreeMap;

/// How many times a value is expanded before a reference cycle is assumed.
const MAX_EXPANSIONS: usize = 99;

/// Why a text is not an INI file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum IniError {
    /// Neither a section, a comment nor `key = value`.
    #[error("line {0} is neither a [section] nor key = value")]
    Malformed(usize),
    /// `[section` without its bracket.
    #[error("line {0}: the section name is not closed")]
    UnclosedSection(usize),
    /// `%(name)s` refers to itself.
    #[error("the value of {0} refers to itself")]
    Recursion(String),
}

/// A parsed file: section → key → value. The part before the first header is
/// the section with the empty name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ini {
    sections: BTreeMap<String, BTreeMap<String, String>>,
}

impl Ini {
    /// Parses `text`.
    ///
    /// # Errors
    /// When a line cannot be understood; the number counts from 1.
    pub(crate) fn parse(text: &str) -> Result<Self, IniError> {
        let mut ini = Self::default();
        let mut section = String::new();
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut lines = text.lines().enumerate();
        while let Some((index, line)) = lines.next() {
            let line = line.trim();
            if line.is_empty() || line.starts_with(['#', ';']) {
                continue;
            }
            if let Some(rest) = line.strip_prefix('[') {
                let (name, _) = rest
                    .split_once(']')
                    .ok_or(IniError::UnclosedSection(index + 1))?;
                name.trim().clone_into(&mut section);
                continue;
            }
            let (key, value) = line
                .split_once(['=', ':'])
                .ok_or(IniError::Malformed(index + 1))?;
            let mut value = value.trim().to_owned();
            while let Some(head) = value.strip_suffix('\\') {
                let next = lines.next().map_or("", |(_, line)| line.trim());
                value = format!("{head}{next}");
            }
            ini.sections
                .entry(section.clone())
                .or_default()
                .insert(key.trim().to_owned(), bare_value(&value).to_owned());
        }
        ini.expand()
    }

    /// The value of `key` in `section`.
    #[must_use]
    pub(crate) fn get(&self, section: &str, key: &str) -> Option<&str> {
        self.sections.get(section)?.get(key).map(String::as_str)
    }

    fn expand(mut self) -> Result<Self, IniError> {
        let source = self.sections.clone();
        for (section, keys) in &mut self.sections {
            for (key, value) in keys.iter_mut() {
                let mut rounds = 0;
                while let Some(expanded) = expand_once(value, section, &source) {
                    rounds += 1;
                    if rounds > MAX_EXPANSIONS {
                        return Err(IniError::Recursion(key.clone()));
                    }
                    *value = expanded;
                }
            }
        }
        Ok(self)
    }
}

/// Reads a boolean as the file format writes it.
#[must_use]
pub(crate) fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" | "YES" | "yes" | "Yes" | "y" | "ON" | "on"
        | "On" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" | "NO" | "no" | "No" | "n" | "OFF"
        | "off" | "Off" => Some(false),
        _ => None,
    }
}

/// Whether `value` reads back unchanged when written bare.
#[must_use]
pub(crate) fn is_plain(value: &str) -> bool {
    value == value.trim()
        && !value.contains(['#', ';', '"', '\'', '`', '\n', '\r'])
        && !value.contains("%(")
        && !value.ends_with('\\')
}

fn bare_value(value: &str) -> &str {
    if let Some(quote) = value
        .chars()
        .next()
        .filter(|c| matches!(c, '"' | '\'' | '`'))
        && let Some((inside, _)) = value.get(1..).and_then(|rest| rest.split_once(quote))
    {
        return inside;
    }
    value
        .find(['#', ';'])
        .and_then(|at| value.get(..at))
        .unwrap_or(value)
        .trim()
}

/// One `%(name)s` of `value` replaced, or `None` when there is none to replace.
fn expand_once(
    value: &str,
    section: &str,
    source: &BTreeMap<String, BTreeMap<String, String>>,
) -> Option<String> {
    let (head, rest) = value.split_once("%(")?;
    let (name, tail) = rest.split_once(")s")?;
    let replacement = [section, ""]
        .iter()
        .find_map(|section| source.get(*section)?.get(name))?;
    if replacement == value {
        // A direct self-reference would never end; report it by growing.
        return Some(value.to_owned());
    }
    Some(format!("{head}{replacement}{tail}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_the_dialect() {
        let ini = Ini::parse(
            "\u{feff}# head\nhost = example.com\n[server]\nurl = https://%(host)s ; note\n\
             id: \"a#b\"\nlong = one \\\n  two\nempty =\n",
        )
        .unwrap();
        assert_eq!(ini.get("server", "url"), Some("https://example.com"));
        assert_eq!(ini.get("server", "id"), Some("a#b"));
        assert_eq!(ini.get("server", "long"), Some("one two"));
        assert_eq!(ini.get("server", "empty"), Some(""));
        assert_eq!(ini.get("server", "other"), None);
    }

    #[test]
    fn names_the_bad_line() {
        assert_eq!(Ini::parse("[a]\nwhat"), Err(IniError::Malformed(2)));
        assert_eq!(Ini::parse("[a"), Err(IniError::UnclosedSection(1)));
        assert_eq!(
            Ini::parse("[a]\nx=%(x)s"),
            Err(IniError::Recursion("x".into()))
        );
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,200}|[\\[\\]=#;%()s\\\\\n a-c\"']{0,60}") {
            let _parsed = Ini::parse(&text);
        }

        #[test]
        fn plain_values_survive(value in "[ -~]{0,40}") {
            prop_assume!(is_plain(&value));
            let ini = Ini::parse(&format!("[s]\nk = {value}\n")).unwrap();
            prop_assert_eq!(ini.get("s", "k"), Some(value.as_str()));
        }
    }
}
