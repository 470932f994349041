//! Redirections.

use crate::{
    ast::{Redirect, RedirectOperator, RedirectTarget},
    error::ErrorKind,
    parser::{Parser, Result},
    source::{is_name_byte, is_name_start},
};

/// Longest first.
const OPERATORS: [(&str, RedirectOperator); 12] = [
    ("&>>", RedirectOperator::AppendBoth),
    ("<<<", RedirectOperator::HereString),
    ("<<-", RedirectOperator::HereDoc),
    ("&>", RedirectOperator::WriteBoth),
    ("<<", RedirectOperator::HereDoc),
    (">>", RedirectOperator::Append),
    (">|", RedirectOperator::Clobber),
    ("<>", RedirectOperator::ReadWrite),
    ("<&", RedirectOperator::DuplicateInput),
    (">&", RedirectOperator::DuplicateOutput),
    ("<", RedirectOperator::Read),
    (">", RedirectOperator::Write),
];

impl RedirectOperator {
    pub(crate) fn is_both(self) -> bool {
        matches!(self, Self::WriteBoth | Self::AppendBoth)
    }
}

impl Parser<'_> {
    /// A redirection, if one starts here.
    pub(crate) fn redirect(&mut self) -> Result<Option<Redirect>> {
        let start = self.start();
        let Some(length) = self.descriptor_length() else {
            return Ok(None);
        };
        let descriptor = (length > 0).then(|| self.take_name(length));
        let Some((text, operator)) = OPERATORS.iter().find(|(text, _)| self.looking_at(text))
        else {
            return Err(self.error(ErrorKind::Expected("a redirection")));
        };
        self.eat(text);
        self.skip_blanks();
        let target = if *operator == RedirectOperator::HereDoc {
            RedirectTarget::HereDoc(self.announce_here_doc(*text == "<<-")?)
        } else {
            match self.word()? {
                Some(word) => RedirectTarget::Word(word),
                None => return Err(self.error(ErrorKind::Expected("a redirection target"))),
            }
        };
        let span = self.span_from(start);
        Ok(Some(Redirect {
            descriptor,
            operator: *operator,
            target,
            span,
        }))
    }

    /// Length of `2` or `{fd}` before an operator; `None` where no redirection
    /// starts.
    fn descriptor_length(&self) -> Option<usize> {
        let mut index = self.start();
        let mut length = 0;
        let next = |index: usize| self.source.skip_continuations(index + 1);
        match self.source.at(index)? {
            b'&' => return (self.peek_at(1) == Some(b'>')).then_some(0),
            b'0'..=b'9' => {
                while self
                    .source
                    .at(index)
                    .is_some_and(|byte| byte.is_ascii_digit())
                {
                    index = next(index);
                    length += 1;
                }
            }
            b'{' => {
                index = next(index);
                length += 2;
                if !self.source.at(index).is_some_and(is_name_start) {
                    return None;
                }
                while self.source.at(index).is_some_and(is_name_byte) {
                    index = next(index);
                    length += 1;
                }
                if self.source.at(index) != Some(b'}') {
                    return None;
                }
                index = next(index);
            }
            _ => {}
        }
        // `<(` and `>(` are process substitutions, part of a word.
        let operator = self.source.at(index)?;
        let after = self.source.at(next(index));
        (matches!(operator, b'<' | b'>') && after != Some(b'(')).then_some(length)
    }
}
