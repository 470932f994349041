//! Colour on stderr, and only where a person looks (`cli-core.md` §1.7).

use std::io::IsTerminal as _;

/// Colours in use, all bold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Color {
    Red,
    Green,
    Yellow,
    Blue,
}

/// `text` in bold `color`, plain when stderr is no terminal or `NO_COLOR` is set.
pub(crate) fn paint(text: &str, color: Color) -> String {
    if enabled() {
        painted(text, color)
    } else {
        text.to_owned()
    }
}

/// Whether stderr shows colour.
pub(crate) fn enabled() -> bool {
    std::io::stderr().is_terminal()
        && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

fn painted(text: &str, color: Color) -> String {
    let code = match color {
        Color::Red => 31,
        Color::Green => 32,
        Color::Yellow => 33,
        Color::Blue => 34,
    };
    format!("\x1b[1m\x1b[{code}m{text}\x1b[0m")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_bold_and_end() {
        assert_eq!(painted("Error", Color::Red), "\x1b[1m\x1b[31mError\x1b[0m");
    }
}
