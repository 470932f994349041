//! `[[ … ]]`

use crate::{
    ast::{CommandKind, Part, Word},
    error::ErrorKind,
    parser::{Parser, Result},
    word::Pieces,
};

impl Parser<'_> {
    pub(crate) fn conditional(&mut self) -> Result<CommandKind> {
        self.expect_word("[[")?;
        let mut words = Vec::new();
        let mut open = 0_usize;
        let mut regex = false;
        // A shell without `[[` runs what follows `||` as a command.
        let mut alternative = None;
        loop {
            self.skip_newlines_in_conditional();
            let start = self.start();
            if open == 0 && self.at_word("]]") {
                self.expect_word("]]")?;
                break;
            }
            if regex {
                regex = false;
                words.push(self.regular_expression()?);
                continue;
            }
            if let Some(operator) = self.conditional_operator(&mut open)? {
                if matches!(operator, "||" | ">") {
                    alternative = Some(start);
                }
                if operator == ">" {
                    self.doubt("`>` in `[[ ]]`", start);
                }
                words.push(self.operator_word(operator, start));
                continue;
            }
            let Some(word) = self.word()? else {
                return Err(self.error(ErrorKind::Expected("`]]`")));
            };
            if let Some(at) = alternative.take()
                && !is_harmless_name(&word)
            {
                self.doubt("`||` in `[[ ]]`", at);
            }
            regex = word.static_text().as_deref() == Some("=~");
            words.push(word);
        }
        if words.is_empty() {
            return Err(self.error(ErrorKind::Expected("a condition")));
        }
        Ok(CommandKind::Conditional(words))
    }

    /// Newlines separate nothing here, and no here-document may be pending.
    fn skip_newlines_in_conditional(&mut self) {
        loop {
            self.skip_blanks_and_comment();
            if self.peek() != Some(b'\n') || !self.pending.is_empty() {
                return;
            }
            self.bump();
        }
    }

    fn conditional_operator(&mut self, open: &mut usize) -> Result<Option<&'static str>> {
        for operator in ["&&", "||", "(", ")", "<", ">"] {
            let substitution = matches!(operator, "<" | ">") && self.peek_at(1) == Some(b'(');
            if substitution || !self.eat(operator) {
                continue;
            }
            match operator {
                "(" => *open += 1,
                ")" if *open == 0 => return Err(self.error(ErrorKind::Expected("`]]`"))),
                ")" => *open -= 1,
                _ => {}
            }
            return Ok(Some(operator));
        }
        Ok(None)
    }

    fn operator_word(&self, operator: &str, start: usize) -> Word {
        let part = Part::Text {
            text: operator.to_owned(),
            quoted: false,
        };
        Word {
            parts: vec![part],
            span: self.span_from(start),
        }
    }

    /// The word after `=~`, where parentheses group and `|` is text.
    fn regular_expression(&mut self) -> Result<Word> {
        let start = self.start();
        let mut pieces = Pieces::default();
        loop {
            match self.peek() {
                None | Some(b' ' | b'\t' | b'\n') => break,
                Some(b'(') => {
                    self.bump();
                    pieces.byte(b'(', false);
                    let inner = self.deeper(Self::parenthesised_pattern)?;
                    inner.into_iter().for_each(|part| pieces.part(part));
                    pieces.byte(b')', false);
                }
                Some(byte @ (b'|' | b';' | b'&' | b')')) => {
                    let at = self.start();
                    self.bump();
                    self.doubt("a separator in a regular expression", at);
                    pieces.byte(byte, false);
                }
                Some(byte @ (b'<' | b'>')) if self.peek_at(1) != Some(b'(') => {
                    let at = self.start();
                    self.bump();
                    self.doubt("a redirection in a regular expression", at);
                    pieces.byte(byte, false);
                }
                Some(byte @ (b'?' | b'*' | b'+' | b'@' | b'!')) => {
                    self.bump();
                    pieces.byte(byte, false);
                }
                Some(byte) => self.word_piece(byte, &mut pieces)?,
            }
        }
        let parts = pieces.finish();
        if parts.is_empty() {
            return Err(self.error(ErrorKind::Expected("a regular expression")));
        }
        Ok(Word {
            parts,
            span: self.span_from(start),
        })
    }
}

/// `-f` and `!` start no program that exists.
fn is_harmless_name(word: &Word) -> bool {
    match word.parts.first() {
        Some(Part::Text {
            text,
            quoted: false,
        }) => text.starts_with('-') || text == "!",
        _ => false,
    }
}
