//! `alpacon` alone: who and where am I (`cli-core.md` §4.1). No network.

use client::{Config, ConfigStore, Credential};

use crate::output::color::{self, Color};
use crate::output::{self, sanitize};

const ART: [&str; 5] = [
    r"   //\\",
    r"  ( o o)__",
    r"   \_/    \___",
    r"    |  ___   |",
    r"    |_|   |__|",
];
const ART_WIDTH: usize = 22;

/// Writes the banner to stderr.
pub(crate) fn run() {
    let lines = [
        format!("alpacon {}", env!("CARGO_PKG_VERSION")),
        where_we_are(),
        "See `alpacon --help` for the commands.".to_owned(),
    ];
    let lines = lines.map(|line| sanitize::cell(&line));
    let longest = lines.iter().map(|line| line.chars().count()).max();
    let fits = terminal_width() >= ART_WIDTH + longest.unwrap_or(0);
    output::stderr(&render(&lines, fits));
}

fn render(lines: &[String; 3], beside: bool) -> String {
    let paint = |art: &str| color::paint(art, Color::Yellow);
    let mut text = String::new();
    for (row, art) in ART.iter().enumerate() {
        let line = row.checked_sub(1).and_then(|index| lines.get(index));
        match line {
            Some(line) if beside => {
                let padding = " ".repeat(ART_WIDTH.saturating_sub(art.chars().count()));
                text.push_str(&format!("{}{padding}{line}\n", paint(art)));
            }
            _ => text.push_str(&format!("{}\n", paint(art))),
        }
    }
    if !beside {
        text.push_str(&format!("{}\n", lines.join("\n")));
    }
    text
}

fn where_we_are() -> String {
    let config = std::env::home_dir().map(|home| ConfigStore::in_home(&home).load());
    match config {
        Some(Ok(Some(config))) if config.credential() != Credential::None => place(&config),
        Some(Err(_)) => "config unreadable; run `alpacon login` to reset it".to_owned(),
        _ => "not logged in; run `alpacon login`".to_owned(),
    }
}

fn place(config: &Config) -> String {
    let url = &config.workspace_url;
    let authority = url
        .split_once("://")
        .map(|(_, rest)| rest.split('/').next().unwrap_or(rest))
        .filter(|authority| !authority.is_empty());
    match authority {
        Some(authority) => authority.to_owned(),
        None if config.workspace_name.is_empty() => url.clone(),
        None => config.workspace_name.clone(),
    }
}

fn terminal_width() -> usize {
    rustix::termios::tcgetwinsize(std::io::stderr())
        .map_or(usize::MAX, |size| usize::from(size.ws_col))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_moves_below_when_it_does_not_fit() {
        let lines = [
            "alpacon 1".to_owned(),
            "host:8443".to_owned(),
            "help".to_owned(),
        ];
        insta::assert_snapshot!(render(&lines, true), @r"
           //\\
          ( o o)__            alpacon 1
           \_/    \___        host:8443
            |  ___   |        help
            |_|   |__|
        ");
        assert!(render(&lines, false).ends_with("alpacon 1\nhost:8443\nhelp\n"));
    }

    #[test]
    fn the_place_is_the_host() {
        let at = |url: &str| {
            place(&Config {
                workspace_url: url.to_owned(),
                workspace_name: "ws".to_owned(),
                ..Config::default()
            })
        };
        assert_eq!(at("https://a.example.com:8443"), "a.example.com:8443");
        assert_eq!(at("broken"), "ws");
    }
}
