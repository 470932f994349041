//! Lists, and-or lists and pipelines.

use crate::{
    ast::{AndOr, AndOrOperator, List, Pipeline},
    error::ErrorKind,
    parser::{Parser, Result},
};

/// Where a list ends.
#[derive(Clone, Copy)]
pub(crate) enum Stop {
    /// The end of the text.
    End,
    /// `)`
    Parenthesis,
    /// `;;`, `;&`, `;;&` or `esac`
    CaseArm,
    /// One of these reserved words, in command position.
    Words(&'static [&'static str]),
}

impl Parser<'_> {
    /// A list up to `stop`, which is left for the caller.
    pub(crate) fn list(&mut self, stop: Stop, may_be_empty: bool) -> Result<List> {
        self.deeper(|parser| parser.list_items(stop, may_be_empty))
    }

    fn list_items(&mut self, stop: Stop, may_be_empty: bool) -> Result<List> {
        let mut items = Vec::new();
        self.skip_newlines()?;
        let start = self.start();
        while !self.at_stop(stop) {
            let mut item = self.and_or()?;
            self.skip_blanks_and_comment();
            if self.peek() == Some(b'&') {
                self.bump();
                item.background = true;
            } else if self.peek() == Some(b';') && !self.at_arm_end() {
                self.bump();
            } else if self.peek() != Some(b'\n') && !self.at_stop(stop) {
                return Err(self.error(ErrorKind::Expected("`;`, `&` or a newline")));
            }
            items.push(item);
            self.skip_newlines()?;
        }
        if items.is_empty() && !may_be_empty {
            return Err(self.error(ErrorKind::Expected("a command")));
        }
        let span = self.span_from(start.min(self.position));
        Ok(List { items, span })
    }

    fn at_stop(&self, stop: Stop) -> bool {
        match stop {
            Stop::End => self.peek().is_none(),
            Stop::Parenthesis => self.peek() == Some(b')'),
            Stop::CaseArm => self.at_arm_end() || self.at_word("esac"),
            Stop::Words(words) => words.iter().any(|word| self.at_word(word)),
        }
    }

    fn at_arm_end(&self) -> bool {
        self.peek() == Some(b';') && matches!(self.peek_at(1), Some(b';' | b'&'))
    }

    fn and_or(&mut self) -> Result<AndOr> {
        let first = self.pipeline(false)?;
        let mut after_or = false;
        let mut rest = Vec::new();
        loop {
            self.skip_blanks();
            let operator = if self.eat("&&") {
                AndOrOperator::And
            } else if self.eat("||") {
                AndOrOperator::Or
            } else {
                return Ok(AndOr {
                    first,
                    rest,
                    background: false,
                });
            };
            after_or |= operator == AndOrOperator::Or;
            self.skip_newlines()?;
            rest.push((operator, self.pipeline(after_or)?));
        }
    }

    fn pipeline(&mut self, after_or: bool) -> Result<Pipeline> {
        let mut negated = false;
        let mut timed = false;
        loop {
            self.skip_blanks();
            // `!(` negates a subshell wherever extended globs are off.
            if self.at_word("!") {
                self.bump();
                negated = !negated;
            } else if self.eat_word("time") {
                timed = true;
                self.skip_blanks();
                if self.eat_word("-p") {
                    self.skip_blanks();
                }
                self.eat_word("--");
            } else {
                break;
            }
        }
        let mut commands = Vec::new();
        if (negated || timed) && matches!(self.peek(), None | Some(b'\n' | b';' | b'&' | b')')) {
            return Ok(Pipeline {
                negated,
                timed,
                commands,
            });
        }
        loop {
            self.continues_on_failure = negated || after_or;
            commands.push(self.command()?);
            self.skip_blanks();
            if self.peek() != Some(b'|') || self.peek_at(1) == Some(b'|') {
                return Ok(Pipeline {
                    negated,
                    timed,
                    commands,
                });
            }
            self.bump();
            if self.peek() == Some(b'&') {
                self.bump();
            }
            self.skip_newlines()?;
        }
    }
}
