//! State of a parse, movement over the text, limits and backtracking.

use crate::{
    MAX_DEPTH, Script,
    ast::{HereDoc, HereDocId, List, Span},
    error::{Doubt, ErrorKind, ParseError},
    heredoc::Pending,
    list::Stop,
    source::{Source, is_meta},
};

pub(crate) type Result<T> = std::result::Result<T, ParseError>;

pub(crate) struct Parser<'s> {
    pub(crate) source: Source<'s>,
    pub(crate) position: usize,
    depth: usize,
    /// Bytes read more than once by trying several readings.
    retried: usize,
    retry_limit: usize,
    /// Here-documents whose body follows the next newline.
    pub(crate) pending: Vec<Pending>,
    /// Whether a command around the current substitution awaits a body.
    pub(crate) outer_pending: bool,
    /// Whether `&&` after the next command is reached although it fails.
    pub(crate) continues_on_failure: bool,
    pub(crate) here_docs: Vec<HereDoc>,
    pub(crate) doubts: Vec<Doubt>,
}

pub(crate) const QUOTE_IN_ARITHMETIC: &str = "a single quote in arithmetic";

/// What must be restored when a reading is given up.
pub(crate) struct Checkpoint {
    pub(crate) position: usize,
    pending: usize,
    here_docs: usize,
    doubts: usize,
}

impl<'s> Parser<'s> {
    pub(crate) fn new(text: &'s str) -> Self {
        Self {
            source: Source::new(text),
            position: 0,
            depth: 0,
            retried: 0,
            // Some lines need a second reading; none needs many.
            retry_limit: text.len().saturating_mul(8).saturating_add(4096),
            pending: Vec::new(),
            outer_pending: false,
            continues_on_failure: false,
            here_docs: Vec::new(),
            doubts: Vec::new(),
        }
    }

    pub(crate) fn script(mut self) -> Result<Script> {
        let list = self.list_to_end()?;
        self.doubts.sort_by_key(|doubt| doubt.span);
        Ok(Script {
            list,
            here_docs: self.here_docs,
            doubts: self.doubts,
        })
    }

    /// Everything up to the end of the input or of a here-document's body.
    fn list_to_end(&mut self) -> Result<List> {
        let list = self.list(Stop::End, true)?;
        self.read_here_docs()?;
        Ok(list)
    }

    /// Parses other text (the inside of backquotes) with the same limits.
    pub(crate) fn nested(&mut self, source: Source<'static>) -> Result<List> {
        let mut inner: Parser<'static> = Parser {
            source,
            position: 0,
            depth: self.depth,
            retried: self.retried,
            retry_limit: self.retry_limit,
            pending: Vec::new(),
            outer_pending: false,
            continues_on_failure: false,
            here_docs: std::mem::take(&mut self.here_docs),
            doubts: std::mem::take(&mut self.doubts),
        };
        let list = inner.list_to_end();
        self.here_docs = inner.here_docs;
        self.doubts = inner.doubts;
        self.retried = inner.retried;
        list
    }

    // ── movement ────────────────────────────────────────────────────────────

    /// The next byte, line continuations removed.
    pub(crate) fn peek(&self) -> Option<u8> {
        self.source
            .at(self.source.skip_continuations(self.position))
    }

    /// The byte `ahead` places after the next one, line continuations removed.
    pub(crate) fn peek_at(&self, ahead: usize) -> Option<u8> {
        let mut index = self.source.skip_continuations(self.position);
        for _ in 0..ahead {
            index = self.source.skip_continuations(index + 1);
        }
        self.source.at(index)
    }

    pub(crate) fn bump(&mut self) -> Option<u8> {
        self.position = self.source.skip_continuations(self.position);
        self.bump_raw()
    }

    /// The next byte as it stands, a line continuation being two bytes.
    pub(crate) fn bump_raw(&mut self) -> Option<u8> {
        let byte = self.source.at(self.position)?;
        self.position += 1;
        Some(byte)
    }

    pub(crate) fn looking_at(&self, text: &str) -> bool {
        let mut index = self.position;
        text.bytes().all(|byte| {
            index = self.source.skip_continuations(index);
            let same = self.source.at(index) == Some(byte);
            index += 1;
            same
        })
    }

    /// Takes `text` if it comes next.
    pub(crate) fn eat(&mut self, text: &str) -> bool {
        let found = self.looking_at(text);
        if found {
            for _ in 0..text.len() {
                self.bump();
            }
        }
        found
    }

    pub(crate) fn expect(&mut self, text: &'static str) -> Result<()> {
        if self.eat(text) {
            Ok(())
        } else {
            Err(self.error(ErrorKind::Expected(text)))
        }
    }

    pub(crate) fn skip_blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t')) {
            self.bump();
        }
    }

    /// Blanks and, where a word could start, a comment up to its newline.
    pub(crate) fn skip_blanks_and_comment(&mut self) {
        self.skip_blanks();
        if self.peek() == Some(b'#') {
            while self
                .source
                .at(self.position)
                .is_some_and(|byte| byte != b'\n')
            {
                self.position += 1;
            }
        }
    }

    /// Newlines, comments and blanks, reading here-documents on the way.
    pub(crate) fn skip_newlines(&mut self) -> Result<()> {
        loop {
            self.skip_blanks_and_comment();
            if self.peek() != Some(b'\n') {
                return Ok(());
            }
            self.newline()?;
        }
    }

    /// Takes a newline token and the here-documents announced before it.
    pub(crate) fn newline(&mut self) -> Result<()> {
        if self.outer_pending {
            return Err(self.error(ErrorKind::Undecidable(
                "a newline in a substitution before a here-document",
            )));
        }
        self.bump();
        self.read_here_docs()
    }

    /// The unquoted word that comes next, if it could be a reserved word.
    pub(crate) fn peek_bare_word(&self) -> Option<String> {
        let mut index = self.source.skip_continuations(self.position);
        let mut word = String::new();
        while let Some(byte) = self.source.at(index) {
            if is_meta(byte) {
                break;
            }
            // Longer than every reserved word, or quoted: not one.
            if word.len() > 8
                || !byte.is_ascii()
                || matches!(byte, b'\'' | b'"' | b'\\' | b'$' | b'`')
            {
                return None;
            }
            word.push(char::from(byte));
            index = self.source.skip_continuations(index + 1);
        }
        (!word.is_empty()).then_some(word)
    }

    pub(crate) fn at_word(&self, reserved: &str) -> bool {
        self.peek_bare_word().is_some_and(|word| word == reserved)
    }

    /// Takes a reserved word if it comes next.
    pub(crate) fn eat_word(&mut self, reserved: &str) -> bool {
        self.at_word(reserved) && self.eat(reserved)
    }

    pub(crate) fn expect_word(&mut self, reserved: &'static str) -> Result<()> {
        if self.eat_word(reserved) {
            Ok(())
        } else {
            Err(self.error(ErrorKind::Expected(reserved)))
        }
    }

    // ── spans, errors, limits ───────────────────────────────────────────────

    /// Index of the next byte that counts.
    pub(crate) fn start(&self) -> usize {
        self.source.skip_continuations(self.position)
    }

    pub(crate) fn span_from(&self, start: usize) -> Span {
        let start = self.source.absolute(start);
        Span::new(start, self.source.absolute(self.position).max(start))
    }

    pub(crate) fn error(&self, kind: ErrorKind) -> ParseError {
        let at = self.source.absolute(self.position);
        ParseError::new(kind, Span::new(at, at))
    }

    pub(crate) fn doubt(&mut self, reason: &'static str, start: usize) {
        let span = self.span_from(start);
        self.doubts.push(Doubt { reason, span });
    }

    /// Runs `parse` one level deeper.
    pub(crate) fn deeper<T>(&mut self, parse: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.depth >= MAX_DEPTH {
            return Err(self.error(ErrorKind::TooDeep));
        }
        self.depth += 1;
        let result = parse(self);
        self.depth -= 1;
        result
    }

    pub(crate) fn checkpoint(&self) -> Checkpoint {
        Checkpoint {
            position: self.position,
            pending: self.pending.len(),
            here_docs: self.here_docs.len(),
            doubts: self.doubts.len(),
        }
    }

    /// Gives a reading up and returns to where it began.
    ///
    /// # Errors
    /// As [`Self::go_back`].
    pub(crate) fn rewind(&mut self, to: &Checkpoint) -> Result<()> {
        self.pending.truncate(to.pending);
        self.here_docs.truncate(to.here_docs);
        self.doubts.truncate(to.doubts);
        self.go_back(to)
    }

    /// Returns to `((` to read it as parentheses. Where a single quote was on
    /// the way, shells disagree about whether it is arithmetic.
    ///
    /// # Errors
    /// As [`Self::go_back`].
    pub(crate) fn give_up_arithmetic(&mut self, to: &Checkpoint) -> Result<()> {
        let since = self.doubts.get(to.doubts..).unwrap_or_default();
        let quoted = since
            .iter()
            .any(|doubt| doubt.reason == QUOTE_IN_ARITHMETIC);
        self.rewind(to)?;
        if quoted {
            self.doubt(QUOTE_IN_ARITHMETIC, to.position);
        }
        Ok(())
    }

    /// Returns to a place without forgetting what was found since.
    ///
    /// # Errors
    /// When the bytes read more than once exceed the limit, so that nested
    /// ambiguities cannot double the work at every level.
    pub(crate) fn go_back(&mut self, to: &Checkpoint) -> Result<()> {
        self.retried += self.position.saturating_sub(to.position) + 1;
        self.position = to.position;
        if self.retried > self.retry_limit {
            return Err(self.error(ErrorKind::TooComplex));
        }
        Ok(())
    }

    pub(crate) fn new_here_doc(&mut self, quoted: bool) -> HereDocId {
        self.here_docs.push(HereDoc {
            quoted,
            ..HereDoc::default()
        });
        HereDocId(self.here_docs.len() - 1)
    }
}

/// Whether an error must end the parse even while another reading is untried.
pub(crate) fn is_final(error: &ParseError) -> bool {
    matches!(error.kind, ErrorKind::TooDeep | ErrorKind::TooComplex)
}
