//! Questions on stderr, answers from stdin (`cli-core.md` §1.8). All prompts share
//! the process's one buffered stdin, so that piped answers are not lost.

use std::io::{IsTerminal as _, Read as _};

use rustix::termios::{self, LocalModes, OptionalActions, Termios};

use crate::error::CliError;
use crate::output::{self, message};

/// A person can answer.
pub(crate) fn is_interactive() -> bool {
    std::io::stdin().is_terminal()
}

/// One line, trimmed. The end of input is an error.
pub(crate) fn line(question: &str) -> Result<String, CliError> {
    output::stderr(question);
    let mut answer = String::new();
    match std::io::stdin().read_line(&mut answer) {
        Ok(0) => Err(no_answer()),
        Ok(_) => Ok(answer.trim().to_owned()),
        Err(error) => Err(CliError::refusal(format!(
            "cannot read the answer: {error}"
        ))),
    }
}

/// One line that is not empty.
pub(crate) fn required(question: &str) -> Result<String, CliError> {
    loop {
        let answer = line(question)?;
        if !answer.is_empty() {
            return Ok(answer);
        }
        message::warning("a value is required");
    }
}

/// One line; empty means `default`.
pub(crate) fn with_default(question: &str, default: &str) -> Result<String, CliError> {
    let answer = line(&format!("{question} [{default}]: "))?;
    Ok(if answer.is_empty() {
        default.to_owned()
    } else {
        answer
    })
}

/// A list, separated by commas.
pub(crate) fn list(question: &str) -> Result<Vec<String>, CliError> {
    Ok(split_list(&line(question)?))
}

/// Words between commas, trimmed, empty ones dropped.
pub(crate) fn split_list(text: &str) -> Vec<String> {
    text.split(',')
        .map(str::trim)
        .filter(|word| !word.is_empty())
        .map(ToOwned::to_owned)
        .collect()
}

/// Asks before something is destroyed. `false`: declined.
pub(crate) fn confirm(question: &str, skip: bool) -> Result<bool, CliError> {
    if skip {
        return Ok(true);
    }
    if !is_interactive() {
        return Err(CliError::usage(
            "this needs a confirmation; pass --yes (-y) when there is no terminal",
        ));
    }
    let confirmed = yes_or_no(question)?;
    if !confirmed {
        message::info("cancelled; nothing was changed");
    }
    Ok(confirmed)
}

/// A question with two answers.
pub(crate) fn yes_or_no(question: &str) -> Result<bool, CliError> {
    loop {
        let answer = line(&format!("{question} [y/n]: "))?.to_ascii_lowercase();
        match answer.as_str() {
            "y" | "yes" => return Ok(true),
            "n" | "no" => return Ok(false),
            _ => message::warning("answer y or n"),
        }
    }
}

/// A secret, shown as asterisks. Without a terminal, the next line of stdin.
pub(crate) fn password(question: &str) -> Result<String, CliError> {
    let stdin = std::io::stdin();
    let Ok(before) = termios::tcgetattr(&stdin) else {
        return line(question);
    };
    output::stderr(question);
    let answer = {
        let _restore = RawMode::enter(&before)?;
        read_secret(stdin.lock().bytes(), output::stderr)
    };
    output::stderr("\r\n");
    answer
}

/// Puts the terminal back when dropped.
struct RawMode<'a>(&'a Termios);

impl<'a> RawMode<'a> {
    fn enter(before: &'a Termios) -> Result<Self, CliError> {
        let mut raw = before.clone();
        raw.local_modes
            .remove(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG);
        termios::tcsetattr(std::io::stdin(), OptionalActions::Now, &raw)
            .map_err(|error| CliError::refusal(format!("cannot hide the password: {error}")))?;
        Ok(Self(before))
    }
}

impl Drop for RawMode<'_> {
    fn drop(&mut self) {
        // Nothing more can be done if the terminal went away.
        let _gone: rustix::io::Result<()> =
            termios::tcsetattr(std::io::stdin(), OptionalActions::Now, self.0);
    }
}

fn read_secret(
    bytes: impl Iterator<Item = std::io::Result<u8>>,
    echo: impl Fn(&str),
) -> Result<String, CliError> {
    let mut secret = Vec::new();
    for byte in bytes {
        match byte.map_err(|_| no_answer())? {
            b'\r' | b'\n' => return Ok(String::from_utf8_lossy(&secret).trim().to_owned()),
            3 => return Err(CliError::refusal("interrupted")),
            8 | 127 => {
                if secret.pop().is_some() {
                    echo("\x08 \x08");
                }
            }
            0..32 => {}
            byte => {
                secret.push(byte);
                echo("*");
            }
        }
    }
    Err(no_answer())
}

fn no_answer() -> CliError {
    CliError::refusal("no answer: the input ended")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(bytes: &[u8]) -> Result<String, CliError> {
        read_secret(bytes.iter().map(|byte| Ok(*byte)), |_| ())
    }

    #[test]
    fn secrets_can_be_corrected_and_interrupted() {
        assert_eq!(typed(b"ab\x7fc\r").unwrap(), "ac");
        assert_eq!(typed(b"\x1bx\n").unwrap(), "x");
        assert!(typed(b"ab\x03").is_err());
        assert!(typed(b"ab").is_err());
    }

    #[test]
    fn lists_drop_what_is_empty() {
        assert_eq!(split_list(" a, ,b,"), ["a", "b"]);
    }
}
