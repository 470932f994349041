//! `` `…` ``: one level of backslashes is removed before the inside is parsed.

use crate::{
    ast::{Part, Substitution},
    error::ErrorKind,
    parser::{Parser, Result},
    source::Source,
    word::Pieces,
};

impl Parser<'_> {
    /// Standing on the opening backquote.
    pub(crate) fn backquote(&mut self, pieces: &mut Pieces, quoted: bool) -> Result<()> {
        self.bump();
        let mut bytes = Vec::new();
        let mut offsets = Vec::new();
        loop {
            let at = self.position;
            let Some(mut byte) = self.bump_raw() else {
                return Err(self.error(ErrorKind::Unterminated("a backquote")));
            };
            if byte == b'`' {
                offsets.push(self.source.absolute(at));
                break;
            }
            if byte == b'\\' {
                let next = self.source.at(self.position);
                if next == Some(b'\n') {
                    self.position += 1;
                    continue;
                }
                if let Some(escaped) = next
                    && (matches!(escaped, b'`' | b'$' | b'\\') || (quoted && escaped == b'"'))
                {
                    self.position += 1;
                    byte = escaped;
                }
            }
            bytes.push(byte);
            offsets.push(self.source.absolute(at));
        }
        let list = self.nested(Source::mapped(bytes, offsets))?;
        pieces.part(Part::Command(Substitution { list, quoted }));
        Ok(())
    }
}
