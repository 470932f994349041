//! Credentials written into a command line (`rest-operations.md` §4.9).
//!
//! A line is stored, shown and audited, so a secret must come another way.
//! The words of the parsed plan are inspected, not the text: `mkdir -p dir`,
//! `ssh -p 22` and `docker run -p 80:80` carry no secret. A finding never
//! contains the secret.

mod address;
mod option;

use std::fmt;

use crate::{
    argument::Argument,
    plan::{Plan, SimpleCommand},
};

/// Where a credential was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What gave it away.
    pub kind: Kind,
    /// The name of the option or variable, or the program; never the value.
    pub name: String,
}

/// How a credential can be written into a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `--password=…`, `-p…`
    Option,
    /// `PGPASSWORD=…`
    Variable,
    /// `user:password@host`
    Url,
    /// `Authorization: Bearer …`
    Header,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Kind::Option => write!(f, "the value of option `{}` is a credential", self.name),
            Kind::Variable => write!(f, "the variable `{}` is a credential", self.name),
            Kind::Url => write!(f, "an address given to `{}` contains a password", self.name),
            Kind::Header => write!(f, "a header given to `{}` contains a credential", self.name),
        }
    }
}

/// The first credential in the plan, if there is one.
pub fn find(plan: &Plan) -> Option<Finding> {
    let commands = || {
        plan.commands
            .iter()
            .filter(|command| !command.other_reading)
    };
    let prefixed = commands().flat_map(|command| &command.assignments);
    for assigned in plan.assignments.iter().chain(prefixed) {
        if is_secret_name(&assigned.name) && is_secret_value(&assigned.value) {
            return Some(Finding {
                kind: Kind::Variable,
                name: assigned.name.clone(),
            });
        }
        if address::has_url_password(assigned.value.pattern()) {
            return Some(Finding {
                kind: Kind::Url,
                name: assigned.name.clone(),
            });
        }
    }
    commands()
        .find_map(in_command)
        .or_else(|| plan.unread.iter().find_map(|text| in_text(text)))
}

/// A line that does not parse, cut at blanks and separators. It may run anyway.
fn in_text(text: &str) -> Option<Finding> {
    let mut commands = text.split([';', '|', '&', '\n', '(', ')', '`']);
    commands.find_map(|command| {
        let word = |word: &str| match word.split_once('$') {
            Some(_) => Argument::unknown(word),
            None => Argument::fixed(word.replace(['\'', '"', '\\'], "")),
        };
        let words: Vec<_> = command.split_whitespace().map(word).collect();
        let assignment = words.iter().find_map(variable);
        let (name, arguments) = words.split_first()?;
        assignment.or_else(|| in_words(name.as_static().unwrap_or(""), arguments))
    })
}

fn in_command(command: &SimpleCommand) -> Option<Finding> {
    let named = command.words.first().and_then(|name| url("", name));
    named.or_else(|| in_words(command.base_name().unwrap_or(""), command.arguments()))
}

fn in_words(program: &str, arguments: &[Argument]) -> Option<Finding> {
    for (index, word) in arguments.iter().enumerate() {
        let next = arguments.get(index + 1);
        let found = option::long_option(program, word, next)
            .or_else(|| option::short_option(program, word, next, arguments))
            .or_else(|| variable(word))
            .or_else(|| url(program, word))
            .or_else(|| header(program, word));
        if found.is_some() {
            return found;
        }
    }
    None
}

/// Last parts of the names of secrets: `DB_PASSWORD`, `--api-key`.
const SECRET_NAMES: [&str; 20] = [
    "password",
    "passwd",
    "passphrase",
    "pgpassword",
    "mysql_pwd",
    "secret",
    "token",
    "apikey",
    "api_key",
    "access_key",
    "secret_key",
    "private_key",
    "auth_token",
    "access_token",
    "client_secret",
    "credential",
    "credentials",
    "pass",
    "pwd",
    "secret_access_key",
];

/// Names that end like a secret's and hold none.
const PUBLIC_NAMES: [&str; 9] = [
    "pwd",
    "oldpwd",
    "git_askpass_token",
    "max_token",
    "next_token",
    "starting_token",
    "continuation_token",
    "page_token",
    "ssh_pass",
];

fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase().replace('-', "_");
    if PUBLIC_NAMES.contains(&name.as_str()) {
        return false;
    }
    SECRET_NAMES.iter().any(|secret| {
        name.strip_suffix(secret).is_some_and(|before| {
            before.is_empty()
                || before.ends_with('_')
                || *secret == "password"
                || *secret == "passwd"
        })
    })
}

/// A value that is written out. What comes from a variable, a substitution or a
/// file is not in the line.
fn is_secret_value(value: &Argument) -> bool {
    let text = value.pattern();
    !value.is_dynamic()
        && !text.is_empty()
        && !text.starts_with(['/', '@'])
        && !text.starts_with("file:")
        && !text.starts_with("env:")
        && !text.starts_with("stdin")
        && !matches!(
            text,
            "-" | "true" | "false" | "yes" | "no" | "none" | "prompt"
        )
}

/// `export DB_PASSWORD=x`, `docker run -e DB_PASSWORD=x`, `env DB_PASSWORD=x`
fn variable(word: &Argument) -> Option<Finding> {
    let text = word.known_prefix();
    let start = if text.starts_with('-') {
        attached_environment(text)?
    } else {
        0
    };
    let (name, _) = text.get(start..)?.split_once('=')?;
    let is_name = !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let value = word.after(start + name.len() + 1);
    (is_name && is_secret_name(name) && is_secret_value(&value)).then(|| Finding {
        kind: Kind::Variable,
        name: name.to_owned(),
    })
}

/// Where the variable starts in `-eNAME=x`, `--env=NAME=x`, `-DNAME=x`.
fn attached_environment(text: &str) -> Option<usize> {
    ["--env=", "--build-arg=", "--set=", "-e", "-D"]
        .iter()
        .find(|prefix| text.starts_with(**prefix))
        .map(|prefix| prefix.len())
}

fn url(program: &str, word: &Argument) -> Option<Finding> {
    address::has_url_password(word.pattern()).then(|| Finding {
        kind: Kind::Url,
        name: program.to_owned(),
    })
}

/// `-H 'Authorization: Bearer …'`
fn header(program: &str, word: &Argument) -> Option<Finding> {
    const HEADERS: [&str; 5] = [
        "authorization:",
        "proxy-authorization:",
        "x-api-key:",
        "x-auth-token:",
        "private-token:",
    ];
    let text = word.pattern().to_ascii_lowercase();
    let text = text
        .strip_prefix("-h")
        .or(text.strip_prefix("--header="))
        .unwrap_or(&text);
    let name = HEADERS
        .iter()
        .find(|header| text.trim_start().starts_with(**header))?;
    let value = text.trim_start().get(name.len()..)?.trim();
    let secret = value.split(' ').next_back().unwrap_or("");
    let written = !secret.is_empty() && !secret.contains(crate::argument::UNKNOWN);
    written.then(|| Finding {
        kind: Kind::Header,
        name: program.to_owned(),
    })
}

#[cfg(test)]
mod tests;
