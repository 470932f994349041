//! Extent of arithmetic expressions and subscripts, with the expansions inside.

use crate::{
    ast::Arithmetic,
    error::ErrorKind,
    parser::{Parser, QUOTE_IN_ARITHMETIC, Result},
    source::is_meta,
    word::Pieces,
};

impl Parser<'_> {
    /// After `((` up to and including `))`.
    pub(crate) fn arithmetic_to_double_parenthesis(&mut self) -> Result<Arithmetic> {
        let mut pieces = Pieces::default();
        let mut open = 0_usize;
        loop {
            match self.peek() {
                None => return Err(self.error(ErrorKind::Unterminated("an arithmetic expression"))),
                Some(b')') if open == 0 => {
                    self.expect("))")?;
                    return Ok(Arithmetic::of(pieces.finish()));
                }
                Some(b'(') => {
                    open += 1;
                    self.bump();
                    pieces.byte(b'(', false);
                }
                Some(b')') => {
                    open -= 1;
                    self.bump();
                    pieces.byte(b')', false);
                }
                Some(byte) => self.arithmetic_piece(byte, &mut pieces)?,
            }
        }
    }

    /// After `[` up to and including the matching `]`.
    pub(crate) fn arithmetic_to_bracket(&mut self, what: &'static str) -> Result<Arithmetic> {
        let start = self.start();
        let mut pieces = Pieces::default();
        let mut open = 0_usize;
        let mut splits = false;
        loop {
            match self.peek() {
                None => return Err(self.error(ErrorKind::Unterminated(what))),
                Some(b']') if open == 0 => {
                    self.bump();
                    if splits {
                        // Shells without this form see several words here.
                        self.doubt("a separator between brackets", start);
                    }
                    return Ok(Arithmetic::of(pieces.finish()));
                }
                Some(byte @ (b'[' | b']')) => {
                    open = if byte == b'[' { open + 1 } else { open - 1 };
                    self.bump();
                    pieces.byte(byte, false);
                }
                Some(byte) => {
                    splits |= is_meta(byte) && !matches!(byte, b' ' | b'\t');
                    self.arithmetic_piece(byte, &mut pieces)?;
                }
            }
        }
    }

    fn arithmetic_piece(&mut self, byte: u8, pieces: &mut Pieces) -> Result<()> {
        match byte {
            b'\'' => {
                let start = self.start();
                self.bump();
                self.doubt(QUOTE_IN_ARITHMETIC, start);
                pieces.byte(byte, false);
            }
            b'"' => {
                self.bump();
                self.double_quoted(pieces)?;
            }
            b'\\' => {
                self.bump();
                pieces.byte(self.bump_raw().unwrap_or(b'\\'), true);
            }
            b'$' => self.dollar(pieces, true)?,
            b'`' => self.backquote(pieces, true)?,
            _ => {
                self.bump();
                pieces.byte(byte, false);
            }
        }
        Ok(())
    }
}
