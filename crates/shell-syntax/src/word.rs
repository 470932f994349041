//! Words.

use crate::{
    ast::{List, Part, Word},
    error::ErrorKind,
    list::Stop,
    parser::{Parser, Result},
    source::is_meta,
};

/// Collects the pieces of a word, joining neighbouring text.
#[derive(Default)]
pub(crate) struct Pieces {
    parts: Vec<Part>,
    text: Vec<u8>,
    quoted: bool,
}

impl Pieces {
    pub(crate) fn byte(&mut self, byte: u8, quoted: bool) {
        if quoted != self.quoted {
            self.flush();
            self.quoted = quoted;
        }
        self.text.push(byte);
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8], quoted: bool) {
        for byte in bytes {
            self.byte(*byte, quoted);
        }
    }

    /// Marks that quotes were here, even if they enclose nothing.
    pub(crate) fn quotes(&mut self) {
        self.flush();
        self.parts.push(Part::Text {
            text: String::new(),
            quoted: true,
        });
    }

    pub(crate) fn part(&mut self, part: Part) {
        self.flush();
        self.parts.push(part);
    }

    fn flush(&mut self) {
        if self.text.is_empty() {
            return;
        }
        let quoted = self.quoted;
        let part = match String::from_utf8(std::mem::take(&mut self.text)) {
            Ok(text) => match self.parts.last_mut() {
                Some(Part::Text {
                    text: before,
                    quoted: same,
                }) if *same == quoted => {
                    before.push_str(&text);
                    return;
                }
                _ => Part::Text { text, quoted },
            },
            Err(_) => Part::Bytes,
        };
        self.parts.push(part);
    }

    pub(crate) fn finish(mut self) -> Vec<Part> {
        self.flush();
        self.parts
    }
}

impl Parser<'_> {
    /// The word that starts here, if one does. A comment is none.
    pub(crate) fn word(&mut self) -> Result<Option<Word>> {
        if self.peek() == Some(b'#') {
            Ok(None)
        } else {
            self.rest_of_word()
        }
    }

    /// A word, or what follows `=`, where `#` is a character.
    pub(crate) fn rest_of_word(&mut self) -> Result<Option<Word>> {
        let start = self.start();
        let mut pieces = Pieces::default();
        let mut any = false;
        while let Some(byte) = self.peek() {
            let substitution = matches!(byte, b'<' | b'>') && self.peek_at(1) == Some(b'(');
            if is_meta(byte) && !substitution {
                break;
            }
            any = true;
            self.word_piece(byte, &mut pieces)?;
        }
        if !any {
            return Ok(None);
        }
        Ok(Some(Word {
            parts: pieces.finish(),
            span: self.span_from(start),
        }))
    }

    /// One piece of an unquoted word, starting with `byte`.
    pub(crate) fn word_piece(&mut self, byte: u8, pieces: &mut Pieces) -> Result<()> {
        match byte {
            b'\'' => self.single_quoted(pieces),
            b'"' => {
                self.bump();
                self.double_quoted(pieces)
            }
            b'\\' => {
                self.bump();
                pieces.byte(self.bump_raw().unwrap_or(b'\\'), true);
                Ok(())
            }
            b'$' => self.dollar(pieces, false),
            b'`' => self.backquote(pieces, false),
            b'<' | b'>' => self.process_substitution(pieces),
            b'?' | b'*' | b'+' | b'@' | b'!' if self.peek_at(1) == Some(b'(') => {
                self.extended_glob(pieces)
            }
            _ => {
                self.bump();
                pieces.byte(byte, false);
                Ok(())
            }
        }
    }

    fn process_substitution(&mut self, pieces: &mut Pieces) -> Result<()> {
        self.bump();
        self.expect("(")?;
        let list = self.substituted(Stop::Parenthesis)?;
        self.expect(")")?;
        pieces.part(Part::Process(list));
        Ok(())
    }

    /// A list inside a word. Here-documents of the command around it come after
    /// the whole word in some shells and inside it in others.
    pub(crate) fn substituted(&mut self, stop: Stop) -> Result<List> {
        let pending = std::mem::take(&mut self.pending);
        let outer = self.outer_pending;
        self.outer_pending |= !pending.is_empty();
        let list = self.list(stop, true);
        let unread = !self.pending.is_empty();
        self.pending = pending;
        self.outer_pending = outer;
        let list = list?;
        if unread {
            return Err(self.error(ErrorKind::Undecidable(
                "a here-document whose body is not in its substitution",
            )));
        }
        Ok(list)
    }

    fn extended_glob(&mut self, pieces: &mut Pieces) -> Result<()> {
        self.bump();
        self.expect("(")?;
        let parts = self.deeper(Self::parenthesised_pattern)?;
        pieces.part(Part::ExtendedGlob(parts));
        Ok(())
    }

    /// Everything up to the matching `)`, taken as text with expansions.
    pub(crate) fn parenthesised_pattern(&mut self) -> Result<Vec<Part>> {
        let mut inner = Pieces::default();
        let mut open = 0_usize;
        loop {
            match self.peek() {
                None => return Err(self.error(ErrorKind::Unterminated("an extended glob"))),
                Some(b')') if open == 0 => {
                    self.bump();
                    return Ok(inner.finish());
                }
                Some(byte @ (b'(' | b')')) => {
                    open = if byte == b'(' { open + 1 } else { open - 1 };
                    self.bump();
                    inner.byte(byte, false);
                }
                Some(byte @ (b'<' | b'>')) if self.peek_at(1) != Some(b'(') => {
                    self.bump();
                    inner.byte(byte, false);
                }
                Some(byte) => self.word_piece(byte, &mut inner)?,
            }
        }
    }
}
