//! Single, double, ANSI-C and locale quoting.

use crate::{
    error::ErrorKind,
    parser::{Parser, Result},
    word::Pieces,
};

impl Parser<'_> {
    /// `'…'`, standing on the opening quote.
    pub(crate) fn single_quoted(&mut self, pieces: &mut Pieces) -> Result<()> {
        self.bump();
        let start = self.position;
        loop {
            match self.bump_raw() {
                None => return Err(self.error(ErrorKind::Unterminated("a single quote"))),
                Some(b'\'') => break,
                Some(_) => {}
            }
        }
        pieces.quotes();
        let text = self.source.slice(start, self.position - 1).to_vec();
        pieces.bytes(&text, true);
        Ok(())
    }

    /// The rest of `"…"` after the opening quote.
    pub(crate) fn double_quoted(&mut self, pieces: &mut Pieces) -> Result<()> {
        pieces.quotes();
        loop {
            match self.peek() {
                None => return Err(self.error(ErrorKind::Unterminated("a double quote"))),
                Some(b'"') => {
                    self.bump();
                    return Ok(());
                }
                Some(b'\\') => self.double_quoted_backslash(pieces, true),
                Some(b'$') => self.dollar(pieces, true)?,
                Some(b'`') => self.backquote(pieces, true)?,
                Some(byte) => {
                    self.bump();
                    pieces.byte(byte, true);
                }
            }
        }
    }

    /// A backslash where only some characters can be escaped. `"` is one of
    /// them between double quotes, not in a here-document.
    pub(crate) fn double_quoted_backslash(&mut self, pieces: &mut Pieces, quote: bool) {
        self.bump();
        match self.source.at(self.position) {
            Some(byte @ (b'$' | b'`' | b'\\')) => {
                self.position += 1;
                pieces.byte(byte, true);
            }
            Some(b'"') if quote => {
                self.position += 1;
                pieces.byte(b'"', true);
            }
            _ => pieces.byte(b'\\', true),
        }
    }

    /// The rest of `$'…'` after the opening quote.
    pub(crate) fn ansi_c_quoted(&mut self, pieces: &mut Pieces) -> Result<()> {
        let start = self.position;
        pieces.quotes();
        loop {
            match self.bump_raw() {
                None => return Err(self.error(ErrorKind::Unterminated("a single quote"))),
                Some(b'\'') => return Ok(()),
                Some(b'\\') => {
                    if self.source.at(self.position) == Some(b'\'') {
                        // A shell without `$'…'` ends the quotes here.
                        self.doubt("an escaped quote in `$'…'`", start);
                    }
                    if !self.ansi_c_escape(pieces) {
                        // `\0` and the like cut the string short.
                        pieces.part(crate::ast::Part::Bytes);
                    }
                }
                Some(byte) => pieces.byte(byte, true),
            }
        }
    }

    /// Decodes what follows a backslash. `false` where the result is a NUL.
    fn ansi_c_escape(&mut self, pieces: &mut Pieces) -> bool {
        let Some(byte) = self.bump_raw() else {
            pieces.byte(b'\\', true);
            return true;
        };
        let decoded = match byte {
            b'a' => 7,
            b'b' => 8,
            b'e' | b'E' => 27,
            b'f' => 12,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'v' => 11,
            b'\\' | b'\'' | b'"' | b'?' => byte,
            b'0'..=b'7' => {
                self.position -= 1;
                u8::try_from(self.number(8, 3).unwrap_or(0) & 0xff).unwrap_or(0)
            }
            b'x' => match self.number(16, 2) {
                Some(value) => u8::try_from(value).unwrap_or(0),
                None => return Self::verbatim(pieces, b'x'),
            },
            b'u' | b'U' => {
                let Some(value) = self.number(16, if byte == b'u' { 4 } else { 8 }) else {
                    return Self::verbatim(pieces, byte);
                };
                let Some(decoded) = char::from_u32(value).filter(|ch| *ch != '\0') else {
                    return false;
                };
                pieces.bytes(decoded.encode_utf8(&mut [0; 4]).as_bytes(), true);
                return true;
            }
            b'c' => match self.bump_raw() {
                Some(control) => control & 0x1f,
                None => return Self::verbatim(pieces, b'c'),
            },
            _ => return Self::verbatim(pieces, byte),
        };
        if decoded == 0 {
            return false;
        }
        pieces.byte(decoded, true);
        true
    }

    fn verbatim(pieces: &mut Pieces, byte: u8) -> bool {
        pieces.byte(b'\\', true);
        pieces.byte(byte, true);
        true
    }

    fn number(&mut self, radix: u32, longest: usize) -> Option<u32> {
        let mut value = None;
        for _ in 0..longest {
            let digit = self
                .source
                .at(self.position)
                .and_then(|byte| char::from(byte).to_digit(radix));
            let Some(digit) = digit else { break };
            value = Some(
                value
                    .unwrap_or(0_u32)
                    .wrapping_mul(radix)
                    .wrapping_add(digit),
            );
            self.position += 1;
        }
        value
    }
}
