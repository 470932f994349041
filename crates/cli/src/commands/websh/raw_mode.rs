//! The local terminal in raw mode, restored on every way out: at the end of scope, by the
//! panic hook where a panic ends the process, and by signals, which only end the scope.

use std::sync::OnceLock;

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};

use crate::error::CliError;

/// How the terminal was.
static BEFORE: OnceLock<Termios> = OnceLock::new();

/// While it lives, the terminal is raw.
#[derive(Debug)]
pub(super) struct RawMode(());

/// Size of the terminal on standard input: lines and columns.
pub(super) fn size() -> Result<(u16, u16), CliError> {
    let size = tcgetwinsize(rustix::stdio::stdin())
        .map_err(|_| CliError::refusal("standard input is not a terminal"))?;
    // A terminal that does not know its size has the usual one.
    Ok(match (size.ws_row, size.ws_col) {
        (0, _) | (_, 0) => (24, 80),
        size => size,
    })
}

impl RawMode {
    pub(super) fn enter() -> Result<Self, CliError> {
        let failed = |error| CliError::refusal(format!("the terminal cannot be made raw: {error}"));
        let before = tcgetattr(rustix::stdio::stdin()).map_err(failed)?;
        let mut raw = before.clone();
        raw.make_raw();
        if BEFORE.set(before).is_ok() {
            let hook = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |info| {
                restore();
                hook(info);
            }));
        }
        tcsetattr(rustix::stdio::stdin(), OptionalActions::Now, &raw).map_err(failed)?;
        Ok(Self(()))
    }
}

impl Drop for RawMode {
    fn drop(&mut self) {
        restore();
    }
}

fn restore() {
    if let Some(before) = BEFORE.get() {
        let _gone = tcsetattr(rustix::stdio::stdin(), OptionalActions::Now, before);
    }
}
