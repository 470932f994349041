//! Parsing a command line, and reporting one that is wrong: exit 2 everywhere, the
//! message once, with a one-line usage.

use std::ffi::OsString;

use clap::error::ErrorKind;
use clap::{CommandFactory as _, Parser as _};

use crate::args::Cli;
use crate::error::{CliError, Failure};
use crate::output::{self, Format};

const USAGE_STATUS: u8 = 2;

/// The parsed line, or the exit status once help or a message was written.
pub(crate) fn parse(argv: &[OsString]) -> Result<Cli, u8> {
    Cli::try_parse_from(argv).map_err(|error| report(&error, argv))
}

/// The format asked for, as far as it can be told from a line that may be wrong.
pub(crate) fn requested_format(argv: &[OsString]) -> Format {
    let mut words = argv.iter().skip(1).map(|word| word.to_string_lossy());
    while let Some(word) = words.next() {
        let value = match word.as_ref() {
            "--" => break,
            "--output" => words.next(),
            other => other.strip_prefix("--output=").map(|v| v.to_owned().into()),
        };
        if value.is_some_and(|value| value == "json") {
            return Format::Json;
        }
    }
    Format::Table
}

/// The word that names the operation in envelopes: the innermost subcommand.
pub(crate) fn operation(argv: &[OsString]) -> String {
    let name = innermost(&Cli::command(), argv).get_name().to_owned();
    match name.as_str() {
        "ls" => "list".to_owned(),
        _ => name,
    }
}

fn report(error: &clap::Error, argv: &[OsString]) -> u8 {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            output::stdout(&error.render().to_string());
            0
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand | ErrorKind::MissingSubcommand => {
            missing_subcommand(argv)
        }
        _ => {
            let failure = Failure::from(CliError::usage(message(&error.render().to_string())));
            failure.report(requested_format(argv), &operation(argv))
        }
    }
}

fn missing_subcommand(argv: &[OsString]) -> u8 {
    if requested_format(argv) == Format::Json {
        let error = CliError::usage("a subcommand is required; see --help");
        return Failure::from(error).report(Format::Json, &operation(argv));
    }
    let mut root = Cli::command();
    root.build();
    let mut group = innermost(&root, argv).clone();
    output::stderr(&group.render_help().to_string());
    USAGE_STATUS
}

/// The command that the words of `argv` lead to.
fn innermost<'a>(root: &'a clap::Command, argv: &[OsString]) -> &'a clap::Command {
    let mut current = root;
    let mut words = argv.iter().skip(1);
    while let Some(word) = words.next() {
        if word == "--output" {
            words.next();
        } else if !word.as_encoded_bytes().starts_with(b"-") {
            match current.find_subcommand(word) {
                Some(next) => current = next,
                None => break,
            }
        }
    }
    current
}

/// The parser's message without its decoration, followed by the usage line.
fn message(rendered: &str) -> String {
    let text = rendered.strip_prefix("error: ").unwrap_or(rendered);
    let text = text
        .split("\n\nFor more information")
        .next()
        .unwrap_or(text);
    let (text, usage) = text.split_once("\n\nUsage: ").unwrap_or((text, ""));
    let text: Vec<&str> = text.lines().filter(|line| !line.is_empty()).collect();
    let mut message = text.join("\n");
    if let Some(usage) = usage.lines().next().filter(|line| !line.is_empty()) {
        message.push_str("\nUsage: ");
        message.push_str(usage.trim());
    }
    message.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn argv(line: &str) -> Vec<OsString> {
        line.split_whitespace().map(OsString::from).collect()
    }

    #[test]
    fn the_format_is_found_in_a_line_that_is_wrong() {
        assert_eq!(
            requested_format(&argv("a x --output json --bad")),
            Format::Json
        );
        assert_eq!(requested_format(&argv("a --output=json")), Format::Json);
        assert_eq!(
            requested_format(&argv("a x -- --output json")),
            Format::Table
        );
    }

    #[test]
    fn operations_are_named_by_their_subcommand() {
        assert_eq!(
            operation(&argv("alpacon --output json work-session ls")),
            "list"
        );
        assert_eq!(operation(&argv("alpacon session create --bad")), "create");
        assert_eq!(operation(&argv("alpacon server token ls")), "list");
        assert_eq!(operation(&argv("alpacon nonsense")), "alpacon");
    }

    #[test]
    fn parser_messages_are_said_once() {
        let error = Cli::try_parse_from(["alpacon", "server", "ls", "--bad"]).unwrap_err();
        insta::assert_snapshot!(message(&error.render().to_string()), @r"
        unexpected argument '--bad' found
        Usage: alpacon server ls [OPTIONS]
        ");
    }
}
