//! A word of a command as the judge sees it.

use shell_syntax::{Part, Word};

/// Stands for the unknown part of a dynamic word. No shell word can contain it,
/// so no literal text of a rule ever matches it.
pub(crate) const UNKNOWN: char = '\0';

/// One word of a simple command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Argument {
    /// The text, with [`UNKNOWN`] for what only the shell will know.
    text: String,
    /// How the user wrote it.
    source: String,
    /// May become several words, of which each may be an option.
    splits: bool,
}

impl Argument {
    /// A word known in full.
    pub fn fixed(text: impl Into<String>) -> Self {
        let text = text.into();
        Self {
            source: text.clone(),
            text,
            splits: false,
        }
    }

    /// A word of which nothing is known but how it was written.
    pub(crate) fn unknown(source: impl Into<String>) -> Self {
        Self {
            text: UNKNOWN.to_string(),
            source: source.into(),
            splits: true,
        }
    }

    /// `template` with every occurrence of `placeholder` unknown, as `find` and
    /// `xargs` fill it in: always within the one word.
    pub(crate) fn filled(template: &Self, placeholder: &str) -> Self {
        if placeholder.is_empty() || !template.text.contains(placeholder) {
            return template.clone();
        }
        let text = template.text.replace(placeholder, &UNKNOWN.to_string());
        Self {
            text,
            source: template.source.clone(),
            splits: template.splits,
        }
    }

    pub(crate) fn read(word: &Word, line: &str) -> Self {
        let source = || {
            line.get(word.span.start..word.span.end)
                .unwrap_or("?")
                .to_owned()
        };
        if let Some(text) = word.static_text() {
            return Self {
                text,
                source: source(),
                splits: false,
            };
        }
        let mut text = String::new();
        let mut splits = false;
        for part in &word.parts {
            match part {
                Part::Text {
                    text: known,
                    quoted: true,
                } => text.push_str(known),
                Part::Text {
                    text: known,
                    quoted: false,
                } => {
                    splits |= known.contains('{') || starts_with_pattern(known) && text.is_empty();
                    push_unquoted(&mut text, known);
                }
                other => {
                    splits |= !is_quoted(other);
                    text.push(UNKNOWN);
                }
            }
        }
        if !text.contains(UNKNOWN) {
            // Dynamic for a reason that spans pieces, such as a brace.
            text = UNKNOWN.to_string();
            splits = true;
        }
        Self {
            text,
            source: source(),
            splits,
        }
    }

    /// The text of a static word.
    pub fn as_static(&self) -> Option<&str> {
        (!self.text.contains(UNKNOWN)).then_some(&self.text)
    }

    /// Whether only the shell will know the word.
    pub fn is_dynamic(&self) -> bool {
        self.text.contains(UNKNOWN)
    }

    /// The word as it was written.
    pub fn source(&self) -> &str {
        &self.source
    }

    pub(crate) fn splits(&self) -> bool {
        self.splits
    }

    /// Text with [`UNKNOWN`] in it.
    pub(crate) fn pattern(&self) -> &str {
        &self.text
    }

    /// The static text before the first unknown piece.
    pub(crate) fn known_prefix(&self) -> &str {
        self.text.split(UNKNOWN).next().unwrap_or("")
    }

    /// The word without its first `bytes`, as after `--option=`.
    pub(crate) fn after(&self, bytes: usize) -> Self {
        let text = self.text.get(bytes..).unwrap_or("").to_owned();
        Self {
            source: text.replace(UNKNOWN, "?"),
            text,
            splits: self.splits,
        }
    }
}

/// Unquoted text in a word that is dynamic somewhere: patterns become unknown.
fn push_unquoted(out: &mut String, known: &str) {
    let (home, rest) = match known.strip_prefix('~') {
        Some(rest) if out.is_empty() => (
            true,
            rest.find('/')
                .map_or("", |slash| rest.get(slash..).unwrap_or("")),
        ),
        _ => (false, known),
    };
    if home {
        out.push(UNKNOWN);
    }
    let pattern = |ch: char| matches!(ch, '*' | '?' | '[' | ']' | '{' | '}');
    match (rest.find(pattern), rest.rfind(pattern)) {
        (Some(first), Some(last)) => {
            out.push_str(rest.get(..first).unwrap_or(""));
            out.push(UNKNOWN);
            out.push_str(rest.get(last + 1..).unwrap_or(""));
        }
        _ => out.push_str(rest),
    }
}

fn starts_with_pattern(text: &str) -> bool {
    text.starts_with(['*', '?', '['])
}

fn is_quoted(part: &Part) -> bool {
    match part {
        Part::Parameter(parameter) => {
            // `"$@"` is several words in spite of its quotes.
            let every = parameter.name == "@"
                || parameter.subscript.as_ref().is_some_and(|subscript| {
                    matches!(subscript.parts.as_slice(), [Part::Text { text, .. }] if text == "@")
                });
            parameter.quoted && !every
        }
        Part::Command(substitution) => substitution.quoted,
        // A path such as /dev/fd/63, or a number.
        Part::Process(_) | Part::Arithmetic(_) | Part::Bytes => true,
        Part::Text { .. } | Part::ExtendedGlob(_) | Part::Array(_) => false,
    }
}
