//! Simple commands, assignments and `name() …` definitions.

use crate::{
    ast::{Arithmetic, Assignment, Command, CommandKind, Part, Simple, Span, Word},
    error::ErrorKind,
    parser::{Parser, Result, is_final},
    source::{is_name_byte, is_name_start},
};

/// Builtins whose arguments may be assignments with array values.
const DECLARING: [&str; 7] = [
    "declare", "typeset", "local", "export", "readonly", "alias", "eval",
];

impl Parser<'_> {
    pub(crate) fn simple_or_function(&mut self) -> Result<Command> {
        let start = self.start();
        let mut simple = Simple::default();
        let mut redirects = Vec::new();
        // `a &>b c` runs `c` in a shell that does not know `&>`.
        let mut both = None;
        let mut declaring = false;
        loop {
            self.skip_blanks();
            if let Some(redirect) = self.redirect()? {
                if redirect.operator.is_both() && !simple.words.is_empty() {
                    both = Some(self.start());
                }
                redirects.push(redirect);
                continue;
            }
            if simple.words.is_empty()
                && let Some(assignment) = self.assignment()?
            {
                simple.assignments.push(assignment);
                continue;
            }
            let Some(word) = self.argument(declaring)? else {
                break;
            };
            if let Some(at) = both {
                self.doubt("words after `&>`", at);
                both = None;
            }
            if simple.words.is_empty() {
                let name = word.static_text();
                declaring = name.is_some_and(|name| DECLARING.contains(&name.as_str()));
            }
            simple.words.push(word);
            if self.at_function_parenthesis(&simple, redirects.is_empty()) {
                return self.function_after_name(simple, start);
            }
        }
        if simple.words.is_empty() && simple.assignments.is_empty() && redirects.is_empty() {
            return Err(self.error(ErrorKind::Expected("a command")));
        }
        if self.peek() == Some(b'(') {
            return Err(self.error(ErrorKind::Expected("no `(` after a word")));
        }
        Ok(Command {
            kind: CommandKind::Simple(simple),
            redirects,
            span: self.span_from(start),
        })
    }

    fn at_function_parenthesis(&self, simple: &Simple, bare: bool) -> bool {
        if simple.words.len() != 1 || !simple.assignments.is_empty() || !bare {
            return false;
        }
        let mut index = self.start();
        while matches!(self.source.at(index), Some(b' ' | b'\t')) {
            index = self.source.skip_continuations(index + 1);
        }
        self.source.at(index) == Some(b'(')
    }

    fn function_after_name(&mut self, mut simple: Simple, start: usize) -> Result<Command> {
        self.skip_blanks();
        self.expect("(")?;
        self.skip_blanks();
        self.expect(")")?;
        let name = simple.words.pop().unwrap_or_default();
        let kind = self.function_body(name)?;
        let redirects = self.trailing_redirects()?;
        Ok(Command {
            kind,
            redirects,
            span: self.span_from(start),
        })
    }

    /// The next word; after a declaring builtin it may be an array assignment.
    fn argument(&mut self, declaring: bool) -> Result<Option<Word>> {
        if declaring && let Some(assignment) = self.array_argument()? {
            return Ok(Some(assignment));
        }
        self.word()
    }

    fn array_argument(&mut self) -> Result<Option<Word>> {
        let before = self.checkpoint();
        let start = self.start();
        let Some((name, append)) = self.assignment_head() else {
            return Ok(None);
        };
        if self.peek() != Some(b'(') {
            self.rewind(&before)?;
            return Ok(None);
        }
        let value = self.array()?;
        let operator = if append { "+=" } else { "=" };
        let head = Part::Text {
            text: format!("{name}{operator}"),
            quoted: false,
        };
        let mut parts = vec![head];
        parts.extend(value.parts);
        Ok(Some(Word {
            parts,
            span: self.span_from(start),
        }))
    }

    /// `name=` or `name+=`; nothing is taken where that does not come next.
    fn assignment_head(&mut self) -> Option<(String, bool)> {
        let length = self.name_length()?;
        let (append, operator) = match (self.peek_at(length), self.peek_at(length + 1)) {
            (Some(b'='), _) => (false, 1),
            (Some(b'+'), Some(b'=')) => (true, 2),
            _ => return None,
        };
        let name = self.take_name(length);
        for _ in 0..operator {
            self.bump();
        }
        Some((name, append))
    }

    fn name_length(&self) -> Option<usize> {
        if !self.peek().is_some_and(is_name_start) {
            return None;
        }
        // A linear walk: `peek_at` starts over at every call.
        let mut index = self.start();
        let mut length = 0;
        while self.source.at(index).is_some_and(is_name_byte) {
            length += 1;
            index = self.source.skip_continuations(index + 1);
        }
        Some(length)
    }

    pub(crate) fn take_name(&mut self, length: usize) -> String {
        (0..length)
            .filter_map(|_| self.bump())
            .map(char::from)
            .collect()
    }

    fn assignment(&mut self) -> Result<Option<Assignment>> {
        let start = self.start();
        let (name, subscript, append) = match self.assignment_head() {
            Some((name, append)) => (name, None, append),
            None => match self.subscripted_head()? {
                Some(head) => head,
                None => return Ok(None),
            },
        };
        let value = if self.peek() == Some(b'(') {
            self.array()?
        } else {
            self.rest_of_word()?.unwrap_or_else(|| self.empty_word())
        };
        let span = self.span_from(start);
        Ok(Some(Assignment {
            name,
            subscript,
            append,
            value,
            span,
        }))
    }

    fn empty_word(&self) -> Word {
        let at = self.source.absolute(self.position);
        Word {
            parts: Vec::new(),
            span: Span::new(at, at),
        }
    }

    /// `name[subscript]=`; anything else is left for the word parser.
    fn subscripted_head(&mut self) -> Result<Option<(String, Option<Arithmetic>, bool)>> {
        let Some(length) = self.name_length() else {
            return Ok(None);
        };
        if self.peek_at(length) != Some(b'[') {
            return Ok(None);
        }
        let before = self.checkpoint();
        let name = self.take_name(length);
        self.bump();
        let reading = self.arithmetic_to_bracket("a subscript");
        match reading {
            Ok(subscript) => {
                if self.eat("=") {
                    return Ok(Some((name, Some(subscript), false)));
                }
                if self.eat("+=") {
                    return Ok(Some((name, Some(subscript), true)));
                }
            }
            Err(error) if is_final(&error) => return Err(error),
            Err(_) => {}
        }
        self.rewind(&before)?;
        Ok(None)
    }

    /// `(word …)`
    fn array(&mut self) -> Result<Word> {
        let start = self.start();
        self.expect("(")?;
        let elements = self.deeper(|parser| {
            let mut elements = Vec::new();
            loop {
                parser.skip_newlines()?;
                if parser.eat(")") {
                    return Ok(elements);
                }
                match parser.word()? {
                    Some(word) => elements.push(word),
                    None => return Err(parser.error(ErrorKind::Expected("a word or `)`"))),
                }
            }
        })?;
        let mut parts = vec![Part::Array(elements)];
        // bash takes what touches the `)` into the word, a `#` too, and makes the whole
        // a plain value.
        let end = self.start();
        if let Some(rest) = self.rest_of_word()? {
            self.doubt("text right after an array", end);
            parts.extend(rest.parts);
        }
        Ok(Word {
            parts,
            span: self.span_from(start),
        })
    }
}
