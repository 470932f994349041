//! Text without the control sequences of terminals.

/// Where a terminal's reading of the text stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Control {
    #[default]
    Text,
    /// After ESC.
    Escape,
    /// After ESC [.
    Sequence,
    /// After ESC ], up to BEL or ESC \.
    Command,
}

/// What of a piece is text.
pub(crate) struct Plain {
    pub(crate) text: String,
    /// For each byte of `text`, where it is in the piece; none where all is text.
    origin: Option<Vec<usize>>,
}

impl Plain {
    pub(crate) fn of(piece: &str, control: &mut Control) -> Self {
        if *control == Control::Text && !piece.contains('\x1b') {
            return Self {
                text: piece.to_owned(),
                origin: None,
            };
        }
        let mut text = String::with_capacity(piece.len());
        let mut origin = Vec::with_capacity(piece.len());
        for (at, char) in piece.char_indices() {
            let (next, is_text) = step(*control, char);
            *control = next;
            if is_text {
                text.push(char);
                origin.extend(at..at + char.len_utf8());
            }
        }
        Self {
            text,
            origin: Some(origin),
        }
    }

    /// Where a byte of the text is in the piece.
    pub(crate) fn at(&self, index: usize) -> usize {
        match &self.origin {
            Some(origin) => origin.get(index).copied().unwrap_or(usize::MAX),
            None => index,
        }
    }
}

/// The next state, and whether the character is text.
fn step(control: Control, char: char) -> (Control, bool) {
    match (control, char) {
        (_, '\x1b') => (Control::Escape, false),
        (Control::Text, _) => (Control::Text, true),
        (Control::Escape, '[') => (Control::Sequence, false),
        (Control::Escape, ']' | 'P' | '_' | '^' | 'X') => (Control::Command, false),
        // An intermediate byte: the sequence goes on.
        (Control::Escape, ' '..='/') => (Control::Escape, false),
        (Control::Escape, _) => (Control::Text, false),
        (Control::Sequence, '@'..='~') => (Control::Text, false),
        (Control::Sequence, ' '..='?') => (Control::Sequence, false),
        // It was none.
        (Control::Sequence, _) => (Control::Text, true),
        (Control::Command, '\x07') => (Control::Text, false),
        // So that a lone ESC ] cannot hide what follows for good.
        (Control::Command, '\n') => (Control::Text, true),
        (Control::Command, _) => (Control::Command, false),
    }
}
