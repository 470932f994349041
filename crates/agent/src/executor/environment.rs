//! The environment of a command, built from nothing: what the service itself was
//! started with never leaks (`agent-control.md` §12.2).

use std::collections::BTreeMap;
use std::path::Path;

use super::account::Account;

const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// What `dircolors` prints without a configuration.
const LS_COLORS: &str = include_str!("ls_colors.txt");
/// Files with machine-wide variables, the later one wins.
const SYSTEM_FILES: [&str; 2] = ["/usr/etc/environment", "/etc/environment"];
/// Longest such file, in bytes.
const MAX_FILE: u64 = 256 * 1024;

/// Names and values for one command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Environment {
    variables: BTreeMap<String, String>,
    home_was_given: bool,
}

impl Environment {
    /// The environment of `account`, with the order's `overrides` on top.
    #[must_use]
    pub(crate) fn for_account(account: &Account, overrides: &BTreeMap<String, String>) -> Self {
        let files = SYSTEM_FILES
            .iter()
            .map(|path| read_system_file(Path::new(path)))
            .collect::<Vec<_>>();
        Self::build(account, &files, overrides)
    }

    fn build(account: &Account, files: &[String], overrides: &BTreeMap<String, String>) -> Self {
        let mut variables = BTreeMap::from(
            [
                ("PATH", PATH),
                ("SHELL", "/bin/bash"),
                ("TERM", "xterm-256color"),
                ("LANG", "en_US.UTF-8"),
                ("LS_COLORS", LS_COLORS),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned())),
        );
        for file in files {
            variables.extend(parse_system_file(file));
        }
        let name = account.name.clone();
        variables.insert("USER".into(), name.clone());
        variables.insert("LOGNAME".into(), name.clone());
        if let Some(home) = account.home.as_deref().and_then(Path::to_str) {
            variables.insert("HOME".into(), home.to_owned());
            variables.insert("MAIL".into(), format!("/var/mail/{name}"));
        }
        variables.extend(overrides.clone());
        Self {
            variables,
            home_was_given: overrides.contains_key("HOME"),
        }
    }

    /// All of it.
    pub(crate) fn variables(&self) -> impl Iterator<Item = (&String, &String)> {
        self.variables.iter()
    }

    /// The working directory.
    #[must_use]
    pub(crate) fn home(&self) -> &str {
        self.variables.get("HOME").map_or("/", String::as_str)
    }

    /// The order itself named the working directory, so it has to exist. An
    /// account's own home may be missing, as after a login.
    #[must_use]
    pub(crate) fn home_was_given(&self) -> bool {
        self.home_was_given
    }

    /// The directories that programs are searched in.
    pub(crate) fn search_path(&self) -> impl Iterator<Item = &Path> {
        self.variables
            .get("PATH")
            .map_or("", String::as_str)
            .split(':')
            .map(Path::new)
            .filter(|folder| folder.is_absolute())
    }

    /// Replaces words that are exactly `$NAME` or `${NAME}` of a known variable.
    #[must_use]
    pub(crate) fn substitute(&self, words: &[String]) -> Vec<String> {
        words
            .iter()
            .map(|word| {
                let name = word.strip_prefix('$').map(|name| {
                    name.strip_prefix('{')
                        .and_then(|name| name.strip_suffix('}'))
                        .unwrap_or(name)
                });
                name.and_then(|name| self.variables.get(name))
                    .unwrap_or(word)
                    .clone()
            })
            .collect()
    }
}

fn read_system_file(path: &Path) -> String {
    let small = std::fs::metadata(path).is_ok_and(|metadata| metadata.len() <= MAX_FILE);
    if !small {
        return String::new();
    }
    std::fs::read_to_string(path).unwrap_or_default()
}

fn parse_system_file(text: &str) -> impl Iterator<Item = (String, String)> {
    text.lines().filter_map(|line| {
        let line = line.trim();
        if line.starts_with('#') {
            return None;
        }
        let (name, value) = line.split_once('=')?;
        let name = name.trim();
        let value = value.trim();
        let bare = ['"', '\''].iter().find_map(|quote| {
            value
                .strip_prefix(*quote)
                .and_then(|value| value.strip_suffix(*quote))
        });
        (!name.is_empty()).then(|| (name.to_owned(), bare.unwrap_or(value).to_owned()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(overrides: &[(&str, &str)]) -> Environment {
        let account = Account {
            name: "kim".into(),
            home: Some("/home/kim".into()),
            credentials: None,
        };
        let overrides = overrides
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let file = "# note\nLANG=\"C.UTF-8\"\nUSER=other\nnonsense\n".to_owned();
        Environment::build(&account, &[file], &overrides)
    }

    fn value<'a>(environment: &'a Environment, name: &str) -> Option<&'a str> {
        environment.variables.get(name).map(String::as_str)
    }

    #[test]
    fn later_sources_win() {
        let environment = environment(&[("TERM", "dumb")]);
        assert_eq!(value(&environment, "LANG"), Some("C.UTF-8"));
        assert_eq!(value(&environment, "USER"), Some("kim"));
        assert_eq!(value(&environment, "TERM"), Some("dumb"));
        assert_eq!(value(&environment, "MAIL"), Some("/var/mail/kim"));
        assert_eq!(value(&environment, "CARGO_PKG_NAME"), None);
        assert_eq!(environment.home(), "/home/kim");
    }

    #[test]
    fn only_absolute_directories_are_searched() {
        let environment = environment(&[("PATH", "/bin::.:bin:/usr/bin")]);
        let folders: Vec<_> = environment.search_path().collect();
        assert_eq!(folders, [Path::new("/bin"), Path::new("/usr/bin")]);
    }

    #[test]
    fn substitutes_whole_words_only() {
        let environment = environment(&[("A", "x y")]);
        let words = ["$A", "${A}", "-$A", "$UNKNOWN", "${A"].map(str::to_owned);
        assert_eq!(
            environment.substitute(&words),
            ["x y", "x y", "-$A", "$UNKNOWN", "${A"]
        );
    }
}
