//! What tasks print: narrow enough for 100 columns, coloured on a terminal only.

use std::io::{IsTerminal, Write};
use std::time::Duration;

/// Widest line we print.
const COLUMNS: usize = 100;

/// A heading.
pub(crate) fn heading(text: &str) {
    println!("\n{}", paint("1", text));
}

/// A sentence for the reader.
pub(crate) fn say(text: &str) {
    println!("{text}");
}

/// A command about to be run, broken before options where it is too long.
pub(crate) fn command(line: &str) {
    for line in broken(&format!("$ {line}"), " -", " \\") {
        println!("{}", paint("36", &line));
    }
}

/// What a command printed, one indented line each.
pub(crate) fn output(text: &str) {
    for line in text.lines() {
        for line in broken(&format!("  {}", line.trim_end()), " ", "") {
            println!("{line}");
        }
    }
}

/// A remark about what was just shown.
pub(crate) fn remark(text: &str) {
    println!("{}", paint("2", &format!("  ({text})")));
}

/// Progress on one line that the next call overwrites; nothing when standard
/// output is not a terminal.
pub(crate) fn progress(text: &str) {
    if terminal() {
        print!("\r\x1b[2K{}", shortened(text));
        // Only decoration: a failing terminal shows in the next line.
        drop(std::io::stdout().flush());
    }
}

/// Removes the line of [`progress`].
pub(crate) fn end_progress() {
    progress("");
}

fn paint(code: &str, text: &str) -> String {
    if colour() {
        format!("\x1b[{code}m{text}\x1b[0m")
    } else {
        text.to_owned()
    }
}

fn terminal() -> bool {
    std::io::stdout().is_terminal()
}

fn colour() -> bool {
    let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    terminal() && !plain
}

/// Minutes and seconds, or seconds with one decimal.
pub(crate) fn duration(time: Duration) -> String {
    let seconds = time.as_secs();
    if seconds >= 60 {
        format!("{} min {:02} s", seconds / 60, seconds % 60)
    } else {
        format!("{:.1} s", time.as_secs_f64())
    }
}

/// `line` in pieces that fit, broken where `mark` begins, each but the last
/// ending with `end`. A piece without `mark` stays whole: it is worth more than
/// the margin.
fn broken(line: &str, mark: &str, end: &str) -> Vec<String> {
    let indent: String = line.chars().take_while(|c| *c == ' ').collect();
    let mut pieces = Vec::new();
    let mut rest = line.to_owned();
    while rest.chars().count() > COLUMNS {
        let limit = rest
            .char_indices()
            .nth(COLUMNS - end.len())
            .map_or(rest.len(), |(index, _)| index);
        let start = indent.len() + 6;
        let fits = rest
            .match_indices(mark)
            .map(|(index, _)| index)
            .filter(|index| *index > start);
        let Some(at) = fits
            .clone()
            .take_while(|index| *index <= limit)
            .last()
            .or(fits.min())
        else {
            break;
        };
        let (piece, next) = rest.split_at(at);
        pieces.push(format!("{piece}{end}"));
        rest = format!("{indent}    {}", next.trim_start());
    }
    pieces.push(rest);
    pieces
}

fn shortened(line: &str) -> String {
    if line.chars().count() <= COLUMNS {
        return line.to_owned();
    }
    let mut short: String = line.chars().take(COLUMNS - 1).collect();
    short.push('…');
    short
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{COLUMNS, broken, duration, shortened};

    #[test]
    fn long_commands_break_before_options() {
        let line = format!("$ alpacon-server dev --data /{} --tls", "d".repeat(90));
        let pieces = broken(&line, " -", " \\");
        assert_eq!(pieces.first().unwrap(), "$ alpacon-server dev \\");
        assert_eq!(pieces.last().unwrap(), "    --tls");
        assert_eq!(pieces.len(), 3);
        let endless = "x".repeat(COLUMNS * 2);
        assert_eq!(broken(&endless, " ", ""), std::slice::from_ref(&endless));
    }

    #[test]
    fn lines_fit_the_screen() {
        let long = "é".repeat(COLUMNS + 1);
        assert_eq!(shortened(&long).chars().count(), COLUMNS);
        assert!(shortened(&long).ends_with('…'));
        let exact = "é".repeat(COLUMNS);
        assert_eq!(shortened(&exact), exact);
    }

    #[test]
    fn durations_read_well() {
        assert_eq!(duration(Duration::from_millis(1_240)), "1.2 s");
        assert_eq!(duration(Duration::from_secs(266)), "4 min 26 s");
    }
}
