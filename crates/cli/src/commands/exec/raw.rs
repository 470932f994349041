//! The words after `exec` (`cli-core.md` §3.4, §8.1–§8.2). Flags end at the server;
//! everything behind it belongs to the host, so no general parser may touch it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::time::Duration;

use protocol::duration;

use crate::error::CliError;
use crate::output::Format;
use crate::{shell, target, usage};

/// Words that are subcommands and not servers.
const SUBCOMMANDS: [&str; 4] = ["ls", "list", "logs", "help"];

/// A command to run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) format: Format,
    pub(crate) username: String,
    pub(crate) groupname: String,
    pub(crate) env: Vec<Variable>,
    /// As given; empty: none.
    pub(crate) work_session: String,
    pub(super) detach: bool,
    /// How long to wait for an approval.
    pub(super) wait: Option<Duration>,
    pub(crate) server: String,
    pub(crate) line: String,
}

/// A variable for the command.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Variable {
    /// Its value is this shell's.
    FromShell(String),
    /// Its value was given.
    Given(String, String),
}

/// Values are secrets more often than not.
impl std::fmt::Debug for Variable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.key())
    }
}

impl Variable {
    pub(super) fn key(&self) -> &str {
        match self {
            Self::FromShell(key) | Self::Given(key, _) => key,
        }
    }
}

/// The words after a command that reads them itself, and the format asked for before.
/// `None`: it is another command.
pub(crate) fn words_after<'a>(
    command: &str,
    argv: &'a [OsString],
) -> Option<(&'a [OsString], Format)> {
    let mut words = argv.iter().skip(1);
    loop {
        let word = words.next()?;
        if word == command {
            break;
        }
        let is_output = word == "--output";
        if !is_output && !word.as_encoded_bytes().starts_with(b"--output=") {
            return None;
        }
        if is_output {
            words.next();
        }
    }
    let (before, after) = argv.split_at_checked(argv.len() - words.len())?;
    Some((after, usage::requested_format(before)))
}

/// What to do with a whole command line: `None` when it is not a command to run, and
/// the general parser takes it.
pub(crate) fn route(argv: &[OsString]) -> Option<Result<Request, (CliError, Format)>> {
    let (words, format) = words_after("exec", argv)?;
    let mut request = Request {
        format,
        ..Request::default()
    };
    let words: Result<Vec<String>, OsString> =
        words.iter().cloned().map(OsString::into_string).collect();
    let Ok(words) = words else {
        let error = CliError::usage("the command is not valid UTF-8");
        return Some(Err((error, request.format)));
    };
    match parse(&words, &mut request) {
        Ok(Parsed::General) => None,
        Ok(Parsed::Run) => Some(Ok(request)),
        Err(error) => Some(Err((error, request.format))),
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Parsed {
    /// Help or a subcommand.
    General,
    /// A command; the request is filled.
    Run,
}

/// What was read before an error stays in `request`: its format is needed.
fn parse(words: &[String], request: &mut Request) -> Result<Parsed, CliError> {
    let mut wait = false;
    let mut wait_approval = None;
    let mut rest = words.iter();
    let server = loop {
        let Some(word) = rest.next() else {
            return Err(CliError::usage(format!(
                "no server was named\nUsage: {}",
                super::USAGE
            )));
        };
        let (flag, value) = match word.split_once('=') {
            Some((flag, value)) if flag.starts_with('-') => (flag, Some(value)),
            _ => (word.as_str(), None),
        };
        match flag {
            "--" => break server_after_dashes(rest.next())?,
            "-h" | "--help" => return Ok(Parsed::General),
            "-u" | "--username" => request.username = required(flag, value, &mut rest)?,
            "-g" | "--groupname" => request.groupname = required(flag, value, &mut rest)?,
            "--env" => request.env.push(variable(value)?),
            "--work-session" => {
                request.work_session = value_of(flag, value, &mut rest)?.trim().to_owned();
            }
            "--output" => request.format = format(&value_of(flag, value, &mut rest)?)?,
            "--wait-approval" => {
                wait_approval = Some(approval_wait(&value_of(flag, value, &mut rest)?)?);
            }
            "--detach" if value.is_none() => request.detach = true,
            "--wait" if value.is_none() => wait = true,
            "--detach" | "--wait" => {
                return Err(CliError::usage(format!("{flag} takes no value")));
            }
            _ if !word.starts_with('-') => {
                if SUBCOMMANDS.contains(&word.as_str()) {
                    return Ok(Parsed::General);
                }
                break word;
            }
            _ => {
                if let Some(value) = attached(word, "-u") {
                    request.username = value;
                } else if let Some(value) = attached(word, "-g") {
                    request.groupname = value;
                } else {
                    return Err(CliError::usage(format!("unknown flag {flag}")));
                }
            }
        }
    };
    if request.detach && (wait || wait_approval.is_some()) {
        return Err(CliError::usage(
            "--detach excludes --wait and --wait-approval",
        ));
    }
    request.wait = wait_approval.or(wait.then_some(client::pace::DEFAULT_APPROVAL_WAIT));
    let (user, host) = target::split_user(server);
    host.clone_into(&mut request.server);
    if request.username.is_empty() {
        user.unwrap_or_default().clone_into(&mut request.username);
    }
    request.line = line(rest.as_slice());
    if request.server.is_empty() {
        return Err(CliError::usage("the server name is empty"));
    }
    if request.line.is_empty() {
        return Err(CliError::usage(format!(
            "no command was given\nUsage: {}",
            super::USAGE
        )));
    }
    Ok(Parsed::Run)
}

/// `--` directly behind the server is dropped; a later one belongs to the command.
pub(crate) fn line(words: &[String]) -> String {
    shell::join(match words {
        [first, rest @ ..] if first == "--" => rest,
        words => words,
    })
}

fn server_after_dashes(word: Option<&String>) -> Result<&String, CliError> {
    word.ok_or_else(|| CliError::usage("no server was named after --"))
}

fn value_of(
    flag: &str,
    value: Option<&str>,
    rest: &mut std::slice::Iter<'_, String>,
) -> Result<String, CliError> {
    value
        .map(ToOwned::to_owned)
        .or_else(|| rest.next().cloned())
        .ok_or_else(|| CliError::usage(format!("{flag} needs a value")))
}

pub(crate) fn required(
    flag: &str,
    value: Option<&str>,
    rest: &mut std::slice::Iter<'_, String>,
) -> Result<String, CliError> {
    let value = value_of(flag, value, rest)?;
    if value.is_empty() {
        return Err(CliError::usage(format!("{flag} needs a value")));
    }
    Ok(value)
}

/// The value of `-uVALUE`.
pub(crate) fn attached(word: &str, flag: &str) -> Option<String> {
    let value = word.strip_prefix(flag)?;
    (!value.is_empty() && !word.starts_with("--")).then(|| value.to_owned())
}

/// Errors never repeat the word: it may hold a secret.
pub(crate) fn variable(value: Option<&str>) -> Result<Variable, CliError> {
    let text = value.ok_or_else(|| {
        CliError::usage("--env takes its value with =: --env=KEY or --env=KEY=VALUE")
    })?;
    let text = text
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'))
        .unwrap_or(text);
    let variable = match text.split_once('=') {
        Some((key, value)) => Variable::Given(key.to_owned(), value.to_owned()),
        None => Variable::FromShell(text.to_owned()),
    };
    if variable.key().is_empty() {
        return Err(CliError::usage("--env names no variable"));
    }
    Ok(variable)
}

pub(crate) fn format(text: &str) -> Result<Format, CliError> {
    match text {
        "table" => Ok(Format::Table),
        "json" => Ok(Format::Json),
        _ => Err(CliError::usage("--output must be table or json")),
    }
}

fn approval_wait(text: &str) -> Result<Duration, CliError> {
    match duration::parse(text) {
        Ok(wait) if !wait.is_zero() => Ok(wait),
        Ok(_) => Err(CliError::usage(
            "Invalid --wait-approval: it must be above zero",
        )),
        Err(error) => Err(CliError::usage(format!("Invalid --wait-approval: {error}"))),
    }
}

/// Values of the variables; `missing` are the names this shell does not know.
pub(super) fn resolve(
    variables: &[Variable],
    from_shell: impl Fn(&str) -> Option<String>,
) -> (BTreeMap<String, String>, Vec<&str>) {
    let mut values = BTreeMap::new();
    let mut missing = Vec::new();
    for variable in variables {
        match variable {
            Variable::Given(key, value) => {
                values.insert(key.clone(), value.clone());
            }
            Variable::FromShell(key) => match from_shell(key) {
                Some(value) => {
                    values.insert(key.clone(), value);
                }
                None => missing.push(key.as_str()),
            },
        }
    }
    (values, missing)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|&word| word.to_owned()).collect()
    }

    fn run(given: &[&str]) -> Request {
        let mut request = Request::default();
        assert_eq!(
            parse(&words(given), &mut request).unwrap(),
            Parsed::Run,
            "{given:?}"
        );
        request
    }

    fn error(given: &[&str]) -> String {
        parse(&words(given), &mut Request::default())
            .unwrap_err()
            .message
    }

    #[test]
    fn the_table_of_examples() {
        let cases: &[(&[&str], &str, &str, &str)] = &[
            (&["prod", "docker", "ps"], "", "prod", "docker ps"),
            (
                &["-uroot", "-gdocker", "s", "uptime"],
                "root",
                "s",
                "uptime",
            ),
            (&["-u", "o", "root@s", "ls"], "o", "s", "ls"),
            (
                &["root@db", "--", "psql", "-U", "me", "-d", "x"],
                "root",
                "db",
                "psql -U me -d x",
            ),
            (
                &["-u", "admin", "--", "server", "ls", "-la"],
                "admin",
                "server",
                "ls -la",
            ),
            (
                &["k8s", "--", "kubectl", "exec", "p", "--", "cat", "f"],
                "",
                "k8s",
                "kubectl exec p -- cat f",
            ),
            (&["user@host:8080", "ls"], "", "user@host:8080", "ls"),
            (&["s", "ls -la /var/log"], "", "s", "ls -la /var/log"),
            (
                &["s", "bash", "-c", "echo it's done"],
                "",
                "s",
                r"bash -c 'echo it'\''s done'",
            ),
            (
                &["s", "ps", "aux", "|", "grep", "nginx"],
                "",
                "s",
                "ps aux | grep nginx",
            ),
            (&["s", "a", "", "b"], "", "s", "a '' b"),
            (&["--", "prod", "--", "ls"], "", "prod", "ls"),
            (&["--", "ls", "uptime"], "", "ls", "uptime"),
            (&["--wait", "prod", "ls"], "", "prod", "ls"),
            (&["--detach", "prod", "logs"], "", "prod", "logs"),
            (
                &["s", "env", "--output", "json"],
                "",
                "s",
                "env --output json",
            ),
            (&["s", "-u", "x"], "", "s", "-u x"),
            (&["-u=root", "s", "ls"], "root", "s", "ls"),
        ];
        for (given, user, server, line) in cases {
            let request = run(given);
            assert_eq!(
                (
                    request.username.as_str(),
                    request.server.as_str(),
                    request.line.as_str()
                ),
                (*user, *server, *line),
                "{given:?}"
            );
        }
        assert_eq!(
            run(&["-uroot", "-gdocker", "s", "uptime"]).groupname,
            "docker"
        );
    }

    #[test]
    fn subcommands_and_help_are_left_to_the_general_parser() {
        for given in [
            &["ls"][..],
            &["--wait", "ls"],
            &["logs", "x"],
            &["-h"],
            &["list", "-t", "5"],
        ] {
            assert_eq!(
                parse(&words(given), &mut Request::default()).unwrap(),
                Parsed::General,
                "{given:?}"
            );
        }
    }

    #[test]
    fn wrong_lines_are_refused() {
        for given in [
            &[][..],
            &["prod"],
            &["prod", ""],
            &["prod", "--"],
            &["-x", "prod", "ls"],
            &["-", "ls"],
            &["-u"],
            &["-u", "", "prod", "ls"],
            &["--detach=1", "prod", "ls"],
            &["--wait=1", "prod", "ls"],
            &["--detach", "--wait", "prod", "ls"],
            &["--detach", "--wait-approval", "1m", "prod", "ls"],
            &["--wait-approval", "0s", "prod", "ls"],
            &["--output", "yaml", "prod", "ls"],
            &["--output=", "prod", "ls"],
            &["--env", "A=b", "prod", "ls"],
            &["--env=", "prod", "ls"],
            &["--env==b", "prod", "ls"],
            &["--"],
            &["root@", "ls"],
        ] {
            assert!(
                parse(&words(given), &mut Request::default()).is_err(),
                "{given:?}"
            );
        }
    }

    #[test]
    fn errors_never_repeat_a_variable() {
        assert!(!error(&["--env==s3cret", "prod", "ls"]).contains("s3cret"));
        assert!(!error(&["--env", "A=s3cret", "prod"]).contains("s3cret"));
        let request = run(&["--env=A=s3cret", "prod", "ls"]);
        assert!(!format!("{request:?}").contains("s3cret"));
    }

    #[test]
    fn variables_come_from_the_line_or_the_shell() {
        let request = run(&[
            "--env=A=1",
            "--env=\"B=two words\"",
            "--env=C",
            "--env=D",
            "--env=A=",
            "s",
            "ls",
        ]);
        let (values, missing) =
            resolve(&request.env, |key| (key == "C").then(|| "shell".to_owned()));
        let expected = [("A", ""), ("B", "two words"), ("C", "shell")]
            .map(|(key, value)| (key.to_owned(), value.to_owned()));
        assert_eq!(values, BTreeMap::from(expected));
        assert_eq!(missing, ["D"]);
    }

    #[test]
    fn waits_have_a_default_and_a_length() {
        assert_eq!(run(&["s", "ls"]).wait, None);
        assert_eq!(
            run(&["--wait", "s", "ls"]).wait,
            Some(Duration::from_secs(300))
        );
        assert_eq!(
            run(&["--wait-approval=90s", "s", "ls"]).wait,
            Some(Duration::from_secs(90))
        );
    }

    #[test]
    fn the_global_flag_may_come_first() {
        let argv = |line: &str| line.split(' ').map(OsString::from).collect::<Vec<_>>();
        let format = |line: &str| route(&argv(line)).unwrap().unwrap().format;
        assert_eq!(format("alpacon --output json exec s ls"), Format::Json);
        assert_eq!(format("alpacon --output=json exec s ls"), Format::Json);
        assert_eq!(format("alpacon exec --output json s ls"), Format::Json);
        assert_eq!(format("alpacon exec s ls --output json"), Format::Table);
        let (_, format) = route(&argv("alpacon exec --bad s ls --output json"))
            .unwrap()
            .unwrap_err();
        assert_eq!(format, Format::Table, "what follows belongs to the host");
        assert!(route(&argv("alpacon server exec")).is_none());
        assert!(route(&argv("alpacon exec ls")).is_none());
    }

    proptest! {
        #[test]
        fn no_words_panic(given in proptest::collection::vec("[-a-z=@:\" ]{0,8}", 0..8)) {
            let mut request = Request::default();
            if matches!(parse(&given, &mut request), Ok(Parsed::Run)) {
                prop_assert!(!request.line.is_empty() && !request.server.is_empty());
            }
        }
    }
}
