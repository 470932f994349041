//! Puts a command's output on stdout, untouched, and listens for sudo denials in it.

use std::cell::RefCell;
use std::rc::Rc;

use client::exec::{Notice, Observer};

use super::sudo::{self, Scanner};
use crate::output::spinner::Spinner;
use crate::output::{self, message};

/// Writes at once, or holds the output back until it is known to be the last
/// attempt's.
pub(super) struct Printer {
    held_back: Option<String>,
    submitted: Rc<RefCell<Option<String>>>,
    scanner: Scanner,
    /// Stops before the first output.
    waiting: Option<Spinner>,
}

impl Printer {
    pub(super) fn new(holds_back: bool, submitted: Rc<RefCell<Option<String>>>) -> Self {
        Self {
            held_back: holds_back.then(String::new),
            submitted,
            scanner: Scanner::default(),
            waiting: None,
        }
    }

    /// Codes of the sudo denials seen since the last submission.
    pub(super) fn denials(&self) -> &[sudo::Code] {
        self.scanner.codes()
    }

    /// Takes the sign of waiting away.
    pub(super) fn stop_waiting(&mut self) {
        drop(self.waiting.take());
    }

    /// Writes what was held back.
    pub(super) fn flush(&mut self) {
        if let Some(held_back) = &mut self.held_back {
            output::stdout(&std::mem::take(held_back));
        }
    }
}

impl Observer for Printer {
    fn submitted(&mut self, id: &str) {
        message::debug(&format!("submitted command {id}"));
        *self.submitted.borrow_mut() = Some(id.to_owned());
        // Of several attempts only the last counts.
        self.scanner = Scanner::default();
        if let Some(held_back) = &mut self.held_back {
            held_back.clear();
        }
    }

    fn output(&mut self, text: &str) {
        self.stop_waiting();
        self.scanner.read(text);
        match &mut self.held_back {
            Some(held_back) => held_back.push_str(text),
            None => output::stdout(text),
        }
    }

    fn notice(&mut self, notice: Notice) {
        message::warning(&match notice {
            Notice::NoLiveOutput(reason) => {
                format!("no live output ({reason}); it is shown when the command ends")
            }
            Notice::Held => {
                self.waiting = Some(Spinner::start("Waiting for approval..."));
                return;
            }
            Notice::StreamLost => {
                "the connection was lost; the rest is fetched when the command ends".to_owned()
            }
            Notice::Throttled => {
                "the server asks for fewer requests; waiting longer between them".to_owned()
            }
            Notice::Missing(count) => format!("{count} piece(s) of the output are missing"),
            Notice::Late => "the following output came late and out of order".to_owned(),
        });
    }
}
