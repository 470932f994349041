//! The words after `websh` (`cli-core.md` §9.1). Flags count before the server and between
//! the server and the command, which belongs to the host.

use std::ffi::OsString;

use crate::commands::exec::raw::{self as exec, Request};
use crate::error::CliError;
use crate::output::Format;
use crate::target;

/// Words that are subcommands and not servers.
const SUBCOMMANDS: [&str; 13] = [
    "ls",
    "list",
    "describe",
    "desc",
    "close",
    "force-close",
    "invite",
    "join",
    "watch",
    "records",
    "rec",
    "export",
    "help",
];

/// A terminal, or a command.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Words {
    /// With a line: a command, as with exec. Without: a terminal.
    pub(crate) request: Request,
    pub(super) share: bool,
    pub(super) read_only: bool,
}

/// What to do with a whole command line: `None` when the general parser takes it.
pub(crate) fn route(argv: &[OsString]) -> Option<Result<Words, (CliError, Format)>> {
    let (words, format) = exec::words_after("websh", argv)?;
    let mut parsed = Words::default();
    parsed.request.format = format;
    let words: Result<Vec<String>, OsString> =
        words.iter().cloned().map(OsString::into_string).collect();
    let Ok(words) = words else {
        let error = CliError::usage("the command is not valid UTF-8");
        return Some(Err((error, format)));
    };
    match parse(&words, &mut parsed) {
        Ok(true) => Some(Ok(parsed)),
        Ok(false) => None,
        Err(error) => Some(Err((error, parsed.request.format))),
    }
}

/// False: help or a subcommand.
fn parse(words: &[String], parsed: &mut Words) -> Result<bool, CliError> {
    let Words {
        request,
        share,
        read_only,
    } = parsed;
    let mut server: Option<&String> = None;
    let mut rest = words.iter();
    loop {
        let before = rest.clone();
        let Some(word) = rest.next() else { break };
        let (flag, value) = match word.split_once('=') {
            Some((flag, value)) if flag.starts_with('-') => (flag, Some(value)),
            _ => (word.as_str(), None),
        };
        match flag {
            "--" if server.is_none() => {
                server = rest.next();
                continue;
            }
            "-h" | "--help" if server.is_none() => return Ok(false),
            "-u" | "--username" => request.username = exec::required(flag, value, &mut rest)?,
            "-g" | "--groupname" => request.groupname = exec::required(flag, value, &mut rest)?,
            "--env" => request.env.push(exec::variable(value)?),
            "--work-session" => {
                request.work_session = exec::required(flag, value, &mut rest)?.trim().to_owned();
            }
            "--output" => request.format = exec::format(&exec::required(flag, value, &mut rest)?)?,
            "-s" | "--share" if value.is_none() => *share = true,
            "--read-only" => *read_only = truth(value, &mut rest)?,
            _ if server.is_some() => {
                rest = before;
                break;
            }
            _ if !word.starts_with('-') => {
                if SUBCOMMANDS.contains(&word.as_str()) {
                    return Ok(false);
                }
                server = Some(word);
            }
            _ => match (exec::attached(word, "-u"), exec::attached(word, "-g")) {
                (Some(value), _) => request.username = value,
                (None, Some(value)) => request.groupname = value,
                (None, None) => return Err(CliError::usage(format!("unknown flag {flag}"))),
            },
        }
    }
    let Some(server) = server else {
        return Err(CliError::usage(format!(
            "no server was named\nUsage: {}",
            super::USAGE
        )));
    };
    let (user, host) = target::split_user(server);
    host.clone_into(&mut request.server);
    if request.username.is_empty() {
        user.unwrap_or_default().clone_into(&mut request.username);
    }
    if request.server.is_empty() {
        return Err(CliError::usage("the server name is empty"));
    }
    request.line = exec::line(rest.as_slice());
    if *share && !request.line.is_empty() {
        return Err(CliError::usage(
            "--share is for terminals, not for commands",
        ));
    }
    Ok(true)
}

/// The value of `--read-only`; alone it means true, unless `true` or `false` follows.
fn truth(value: Option<&str>, rest: &mut std::slice::Iter<'_, String>) -> Result<bool, CliError> {
    let read = |text: &str| match text.to_ascii_lowercase().as_str() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    };
    if let Some(value) = value {
        return read(value).ok_or_else(|| CliError::usage("--read-only takes true or false"));
    }
    let next = rest.as_slice().first().and_then(|word| read(word));
    if next.is_some() {
        rest.next();
    }
    Ok(next.unwrap_or(true))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Result<Option<Words>, String> {
        let argv: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        match route(&argv) {
            None => Ok(None),
            Some(Ok(words)) => Ok(Some(words)),
            Some(Err((error, _))) => Err(error.message),
        }
    }

    fn read(line: &str) -> Words {
        words(line).unwrap().unwrap()
    }

    #[test]
    fn a_terminal_has_no_line() {
        let words = read("alpacon websh -s --read-only prod");
        assert!(words.share && words.read_only);
        assert_eq!(words.request.server, "prod");
        assert_eq!(words.request.line, "");
        assert!(!read("a websh -s --read-only FALSE prod").read_only);
        assert!(read("a websh prod --share --read-only=true").read_only);
    }

    #[test]
    fn flags_count_until_the_command_begins() {
        let words = read("alpacon websh -uroot prod -g ops ls -u x");
        assert_eq!(words.request.username, "root");
        assert_eq!(words.request.groupname, "ops");
        assert_eq!(words.request.line, "ls -u x");
        assert_eq!(read("alpacon websh a@prod ls").request.username, "a");
        assert_eq!(read("alpacon websh prod -- ls -l").request.line, "ls -l");
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for line in [
            "alpacon websh",
            "alpacon websh -s prod ls",
            "alpacon websh --read-only=maybe prod",
            "alpacon websh --work-session= prod",
            "alpacon websh --unknown prod",
            "alpacon websh --output=yaml prod",
        ] {
            assert!(words(line).is_err(), "{line}");
        }
        for line in ["alpacon websh ls", "alpacon websh -h", "alpacon exec x y"] {
            assert_eq!(words(line), Ok(None), "{line}");
        }
    }
}
