//! Which editor, and running it without a shell.

use std::path::Path;
use std::process::Command;

use crate::error::CliError;
use crate::output::message;

const VARIABLES: [&str; 3] = ["ALPACON_EDITOR", "VISUAL", "EDITOR"];
const DEFAULT: &str = "vi";
/// Editors that return at once unless they are told to wait.
const GRAPHICAL: [&str; 11] = [
    "code",
    "code-insiders",
    "codium",
    "vscodium",
    "cursor",
    "windsurf",
    "subl",
    "sublime_text",
    "atom",
    "mate",
    "zed",
];

/// A program with its arguments.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Editor {
    program: String,
    arguments: Vec<String>,
}

impl Editor {
    /// The flag, then the environment, then `vi`.
    pub(super) fn choose(flag: Option<&str>) -> Result<Self, CliError> {
        if let Some(line) = flag {
            return Self::parse(line);
        }
        let variable = VARIABLES
            .iter()
            .filter_map(|name| std::env::var(name).ok())
            .find(|line| !line.trim().is_empty());
        Self::parse(variable.as_deref().unwrap_or(DEFAULT))
    }

    fn parse(line: &str) -> Result<Self, CliError> {
        let words = words(line).map_err(|quote| {
            CliError::usage(format!("the editor {line:?} has an unmatched {quote}"))
        })?;
        let mut words = words.into_iter();
        match words.next().filter(|program| !program.is_empty()) {
            Some(program) => Ok(Self {
                program,
                arguments: words.collect(),
            }),
            None => Err(CliError::usage("the editor is empty")),
        }
    }

    /// Runs it on `path` and waits for its end.
    pub(super) fn run(&self, path: &Path) -> Result<(), CliError> {
        if self.returns_at_once() {
            message::warning(&format!(
                "{} returns at once unless it is given --wait; the file may be read before it \
                 is changed",
                self.program
            ));
        }
        let status = Command::new(&self.program)
            .args(&self.arguments)
            .arg(path)
            .status()
            .map_err(|error| CliError::refusal(format!("cannot run {}: {error}", self.program)))?;
        match status.success() {
            true => Ok(()),
            false => Err(CliError::refusal(format!(
                "{} ended with {status}",
                self.program
            ))),
        }
    }

    fn returns_at_once(&self) -> bool {
        let name = self.program.rsplit(['/', '\\']).next().unwrap_or_default();
        let name = name.to_lowercase();
        let name = name.strip_suffix(".exe").unwrap_or(&name);
        let waits = |argument: &String| matches!(argument.as_str(), "-w" | "--wait");
        GRAPHICAL.contains(&name) && !self.arguments.iter().any(waits)
    }
}

/// Splits at white space. Quotes group; a backslash escapes itself, quotes and white
/// space and is itself before anything else. The error is the quote left open.
fn words(line: &str) -> Result<Vec<String>, char> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        match (letter, quote) {
            ('\\', _) => {
                let escaped = |c: &char| matches!(c, '\\' | '"' | '\'' | ' ' | '\t' | '\n');
                let letter = letters.next_if(escaped).unwrap_or('\\');
                word.get_or_insert_default().push(letter);
            }
            (letter, Some(open)) if letter == open => quote = None,
            (letter, Some(_)) => word.get_or_insert_default().push(letter),
            ('"' | '\'', None) => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            (letter, None) if letter.is_whitespace() => words.extend(word.take()),
            (letter, None) => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    match quote {
        Some(open) => Err(open),
        None => Ok(words),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_split_without_a_shell() {
        let split = |line| words(line).unwrap();
        assert_eq!(split(" vim  -u NONE "), ["vim", "-u", "NONE"]);
        assert_eq!(
            split(r#""/opt/my editor/bin" '-x "y"' """#),
            ["/opt/my editor/bin", r#"-x "y""#, ""]
        );
        assert_eq!(split(r"a\ b c\\d \n e\'f"), ["a b", r"c\d", r"\n", "e'f"]);
        assert_eq!(split(r#""a\"b" 'c\'d'"#), [r#"a"b"#, "c'd"]);
        assert_eq!(split("sh -c;rm|x $HOME"), ["sh", "-c;rm|x", "$HOME"]);
        assert_eq!(words("vim 'x"), Err('\''));
        assert!(split(" \t").is_empty());
    }

    #[test]
    fn an_editor_must_be_named() {
        for line in ["", "  ", "''", "\"x"] {
            assert!(Editor::parse(line).is_err(), "{line:?}");
        }
    }

    #[test]
    fn editors_that_do_not_wait_are_known() {
        let returns = |line| Editor::parse(line).unwrap().returns_at_once();
        assert!(returns("/usr/bin/Code") && returns("subl.exe -n"));
        assert!(!returns("code --wait") && !returns("zed -w") && !returns("vim"));
    }
}
