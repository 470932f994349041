//! Here-documents: announced by `<<`, read after the next newline.

use crate::{
    ast::{HereDocId, Part, Word},
    error::ErrorKind,
    parser::{Parser, Result},
    word::Pieces,
};

/// A here-document whose body has not been read.
pub(crate) struct Pending {
    id: HereDocId,
    delimiter: String,
    strip_tabs: bool,
    quoted: bool,
}

impl Parser<'_> {
    /// The delimiter after `<<`.
    pub(crate) fn announce_here_doc(&mut self, strip_tabs: bool) -> Result<HereDocId> {
        let Some(word) = self.word()? else {
            return Err(self.error(ErrorKind::Expected("a here-document delimiter")));
        };
        let mut delimiter = String::new();
        let mut is_quoted = false;
        for part in &word.parts {
            let Part::Text { text, quoted } = part else {
                return Err(self.error(ErrorKind::Undecidable("an expansion as delimiter")));
            };
            is_quoted |= quoted;
            delimiter.push_str(text);
        }
        if delimiter.contains('\n')
            || self
                .source
                .slice(self.position.saturating_sub(2), self.position)
                == b"$'"
        {
            return Err(self.error(ErrorKind::Undecidable("a here-document delimiter")));
        }
        let id = self.new_here_doc(is_quoted);
        self.pending.push(Pending {
            id,
            delimiter,
            strip_tabs,
            quoted: is_quoted,
        });
        Ok(id)
    }

    /// Reads the bodies of all announced here-documents; stands at the start of
    /// a line or at the end of the text.
    pub(crate) fn read_here_docs(&mut self) -> Result<()> {
        for pending in std::mem::take(&mut self.pending) {
            let start = self.position;
            let end = self.find_delimiter(&pending)?;
            let after = self.position;
            let body = self.here_doc_body(start, end, pending.quoted)?;
            self.position = after;
            if let Some(doc) = self.here_docs.get_mut(pending.id.0) {
                doc.body = body;
            }
        }
        Ok(())
    }

    /// Moves past the delimiter line and returns where the body ends. The end
    /// of the text closes a here-document as well.
    fn find_delimiter(&mut self, pending: &Pending) -> Result<usize> {
        let mut joined = false;
        loop {
            let line = self.position;
            while self
                .source
                .at(self.position)
                .is_some_and(|byte| byte != b'\n')
            {
                self.position += 1;
            }
            let end = self.position;
            let more = self.bump_raw().is_some();
            let mut text = self.source.slice(line, end);
            if pending.strip_tabs && !joined {
                let tabs = text.iter().take_while(|byte| **byte == b'\t').count();
                text = text.get(tabs..).unwrap_or_default();
            }
            if text == pending.delimiter.as_bytes() {
                if joined {
                    // Joined to the line before in some shells only.
                    return Err(self.error(ErrorKind::Undecidable("a here-document's end")));
                }
                return Ok(line);
            }
            let slashes = text.iter().rev().take_while(|byte| **byte == b'\\').count();
            joined = !pending.quoted && slashes % 2 == 1;
            if joined
                && pending
                    .delimiter
                    .as_bytes()
                    .starts_with(text.get(..text.len() - 1).unwrap_or_default())
            {
                return Err(self.error(ErrorKind::Undecidable("a here-document's end")));
            }
            if !more {
                return Ok(end);
            }
        }
    }

    fn here_doc_body(&mut self, start: usize, end: usize, literal: bool) -> Result<Word> {
        let mut pieces = Pieces::default();
        if literal {
            let text = self.source.slice(start, end).to_vec();
            pieces.bytes(&text, true);
            self.position = end;
        } else {
            let limit = std::mem::replace(&mut self.source.limit, end);
            self.position = start;
            let read = self.deeper(|parser| parser.expanded_body(&mut pieces));
            self.source.limit = limit;
            read?;
        }
        Ok(Word {
            parts: pieces.finish(),
            span: self.span_from(start),
        })
    }

    fn expanded_body(&mut self, pieces: &mut Pieces) -> Result<()> {
        while let Some(byte) = self.peek() {
            match byte {
                b'\\' => self.double_quoted_backslash(pieces, false),
                b'$' => self.dollar(pieces, true)?,
                b'`' => self.backquote(pieces, true)?,
                _ => {
                    self.bump();
                    pieces.byte(byte, true);
                }
            }
        }
        Ok(())
    }
}
