//! Long tables go through a pager (`cli-core.md` §1.6).

use std::io::{IsTerminal as _, Write as _};
use std::process::{Command, Stdio};

/// Writes `text` to stdout, paged when it does not fit the terminal.
pub(crate) fn print(text: &str) {
    if fits(text) || !page(text) {
        super::stdout(text);
    }
}

fn fits(text: &str) -> bool {
    let stdout = std::io::stdout();
    if !stdout.is_terminal() {
        return true;
    }
    match rustix::termios::tcgetwinsize(&stdout) {
        Ok(size) => size.ws_row == 0 || text.lines().count() <= usize::from(size.ws_row),
        Err(_) => true,
    }
}

/// `false` when no pager showed the text.
fn page(text: &str) -> bool {
    let words = std::env::var("PAGER")
        .ok()
        .filter(|pager| !pager.trim().is_empty())
        .unwrap_or_else(|| "less -RSX".to_owned());
    let mut words = words.split_whitespace();
    let Some(program) = words.next() else {
        return false;
    };
    let Ok(mut child) = Command::new(program)
        .args(words)
        .stdin(Stdio::piped())
        .spawn()
    else {
        return false;
    };
    if let Some(mut stdin) = child.stdin.take() {
        // The user may leave before the end.
        let _left_early: std::io::Result<()> = stdin.write_all(text.as_bytes());
    }
    child.wait().is_ok_and(|status| status.success())
}
