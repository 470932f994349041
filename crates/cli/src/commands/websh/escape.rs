//! The escape sequence of a terminal: `~.` at the beginning of a line leaves it, as ssh's
//! does; `~~` is one tilde.

/// What to do with what was typed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Typed {
    /// Send it.
    Send(Vec<u8>),
    /// Send it, then leave.
    Leave(Vec<u8>),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    LineStart,
    Tilde,
    Inside,
}

/// Looks for the sequence.
#[derive(Debug, Default)]
pub(super) struct Escape(State);

impl Escape {
    pub(super) fn take(&mut self, bytes: &[u8]) -> Typed {
        let mut send = Vec::with_capacity(bytes.len());
        for &byte in bytes {
            match (self.0, byte) {
                (State::LineStart, b'~') => {
                    self.0 = State::Tilde;
                    continue;
                }
                (State::Tilde, b'.') => return Typed::Leave(send),
                (State::Tilde, b'~') => {}
                (State::Tilde, _) => send.push(b'~'),
                _ => {}
            }
            send.push(byte);
            self.0 = match byte {
                b'\r' | b'\n' => State::LineStart,
                _ => State::Inside,
            };
        }
        Typed::Send(send)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_tilde_at_the_beginning_counts() {
        let send = |text: &[u8]| Escape::default().take(text);
        assert_eq!(send(b"~."), Typed::Leave(vec![]));
        assert_eq!(send(b"ls\r~."), Typed::Leave(b"ls\r".to_vec()));
        assert_eq!(send(b"ls ~."), Typed::Send(b"ls ~.".to_vec()));
        assert_eq!(send(b"~~."), Typed::Send(b"~.".to_vec()));
        assert_eq!(send(b"~/x\r"), Typed::Send(b"~/x\r".to_vec()));
        let mut escape = Escape::default();
        assert_eq!(escape.take(b"~"), Typed::Send(vec![]));
        assert_eq!(escape.take(b"."), Typed::Leave(vec![]));
    }
}
