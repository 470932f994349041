//! `[[ … ]]`

use crate::{
    ast::{CommandKind, Part, Word},
    error::ErrorKind,
    parser::{Parser, Result},
    word::Pieces,
};

const UNARY: &str = "abcdefghknoprstuvwxzGLNORS";

const BINARY: [&str; 13] = [
    "==", "=", "!=", "=~", "-eq", "-ne", "-lt", "-le", "-gt", "-ge", "-nt", "-ot", "-ef",
];

/// State of one `[[ … ]]`.
struct Condition {
    words: Vec<Word>,
    /// Whether a shell without `[[`, which fails to find it, goes on after
    /// `&&`. It always goes on after `||` and after a newline.
    after_and: bool,
    /// Where such a shell would start a command next.
    command_at: Option<usize>,
}

impl Parser<'_> {
    pub(crate) fn conditional(&mut self) -> Result<CommandKind> {
        let after_and = std::mem::take(&mut self.continues_on_failure);
        let mut condition = Condition {
            words: Vec::new(),
            after_and,
            command_at: None,
        };
        self.expect_word("[[")?;
        self.conditional_or(&mut condition)?;
        self.expect_word("]]")?;
        Ok(CommandKind::Conditional(condition.words))
    }

    fn conditional_or(&mut self, condition: &mut Condition) -> Result<()> {
        loop {
            self.conditional_and(condition)?;
            if !self.eat_conditional_operator("||", condition) {
                return Ok(());
            }
            condition.command_at = Some(self.position);
        }
    }

    fn conditional_and(&mut self, condition: &mut Condition) -> Result<()> {
        loop {
            self.conditional_term(condition)?;
            if !self.eat_conditional_operator("&&", condition) {
                return Ok(());
            }
            if condition.after_and {
                condition.command_at = Some(self.position);
            }
        }
    }

    fn conditional_term(&mut self, condition: &mut Condition) -> Result<()> {
        let before = self.position;
        let joined = condition
            .words
            .last()
            .is_some_and(|word| matches!(word.static_text().as_deref(), Some("&&" | "||")));
        if self.skip_newlines_in_conditional() && !joined {
            condition.command_at = Some(before);
        }
        if self.eat_conditional_operator("(", condition) {
            self.deeper(|parser| parser.conditional_or(condition))?;
            if !self.eat_conditional_operator(")", condition) {
                return Err(self.error(ErrorKind::Expected("`)`")));
            }
            return Ok(());
        }
        let first = self.operand(condition)?;
        let operator = first.static_text().filter(|_| is_bare(&first));
        condition.words.push(first);
        if operator.as_deref() == Some("!") {
            return self.deeper(|parser| parser.conditional_term(condition));
        }
        self.skip_blanks();
        let unary = operator.as_deref().and_then(|text| text.strip_prefix('-'));
        if unary.is_some_and(|letter| letter.len() == 1 && UNARY.contains(letter))
            && !self.at_binary_operator()
        {
            let operand = self.operand(condition)?;
            condition.words.push(operand);
            return Ok(());
        }
        self.comparison(condition)
    }

    /// What may follow the left side of a comparison.
    fn comparison(&mut self, condition: &mut Condition) -> Result<()> {
        self.skip_newlines_in_conditional();
        let start = self.start();
        for operator in ["<", ">"] {
            if self.peek_at(1) != Some(b'(') && self.eat_conditional_operator(operator, condition) {
                if operator == ">" {
                    // A redirection in a shell without `[[`.
                    self.doubt("`>` in `[[ ]]`", start);
                }
                self.skip_blanks();
                let right = self.operand(condition)?;
                condition.words.push(right);
                return Ok(());
            }
        }
        if !self.at_binary_operator() {
            return Ok(());
        }
        let operator = self.operand(condition)?;
        let regex = operator.static_text().as_deref() == Some("=~");
        condition.words.push(operator);
        self.skip_blanks();
        let right = if regex {
            self.regular_expression()?
        } else {
            self.operand(condition)?
        };
        condition.words.push(right);
        Ok(())
    }

    fn at_binary_operator(&self) -> bool {
        self.peek_bare_word()
            .is_some_and(|word| BINARY.contains(&word.as_str()))
    }

    fn operand(&mut self, condition: &mut Condition) -> Result<Word> {
        self.skip_blanks();
        if self.at_word("]]") {
            return Err(self.error(ErrorKind::Expected("an operand before `]]`")));
        }
        let Some(word) = self.word()? else {
            return Err(self.error(ErrorKind::Expected("an operand")));
        };
        // `!` only turns the result around; the command follows it.
        if word.static_text().as_deref() != Some("!")
            && let Some(at) = condition.command_at.take()
            && !is_harmless_name(&word)
        {
            self.doubt("what follows an operator in `[[ ]]`", at);
        }
        Ok(word)
    }

    /// Newlines separate nothing here, and no here-document may be pending.
    fn skip_newlines_in_conditional(&mut self) -> bool {
        let mut any = false;
        loop {
            self.skip_blanks_and_comment();
            if self.peek() != Some(b'\n') || !self.pending.is_empty() {
                return any;
            }
            self.bump();
            any = true;
        }
    }

    fn eat_conditional_operator(&mut self, operator: &str, condition: &mut Condition) -> bool {
        self.skip_newlines_in_conditional();
        let start = self.start();
        if !self.eat(operator) {
            return false;
        }
        let part = Part::Text {
            text: operator.to_owned(),
            quoted: false,
        };
        condition.words.push(Word {
            parts: vec![part],
            span: self.span_from(start),
        });
        true
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

fn is_bare(word: &Word) -> bool {
    word.parts
        .iter()
        .all(|part| matches!(part, Part::Text { quoted: false, .. }))
}

/// `-f` starts no program that exists.
fn is_harmless_name(word: &Word) -> bool {
    match word.parts.first() {
        Some(Part::Text {
            text,
            quoted: false,
        }) => text.starts_with('-'),
        _ => false,
    }
}
