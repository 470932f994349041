//! Everything that starts with `$`.

use crate::{
    ast::{Arithmetic, Parameter, Part, Substitution},
    error::ErrorKind,
    list::Stop,
    parser::{Parser, Result, is_final},
    source::{is_name_byte, is_name_start},
    word::Pieces,
};

impl Parser<'_> {
    /// An expansion, or a plain dollar sign. `quoted` inside double quotes and
    /// in here-documents.
    pub(crate) fn dollar(&mut self, pieces: &mut Pieces, quoted: bool) -> Result<()> {
        let start = self.start();
        self.bump();
        match self.peek() {
            Some(b'(') => {
                let part = self.dollar_parenthesis(quoted)?;
                pieces.part(part);
            }
            Some(b'{') => {
                self.bump();
                let part = self.deeper(|parser| parser.dollar_brace(start, quoted))?;
                pieces.part(part);
            }
            Some(b'[') => {
                self.bump();
                let inner = self.deeper(|parser| parser.arithmetic_to_bracket("`$[…]`"))?;
                pieces.part(Part::Arithmetic(inner));
            }
            Some(b'\'') if !quoted => {
                self.bump();
                self.ansi_c_quoted(pieces)?;
            }
            Some(b'"') if !quoted => {
                self.bump();
                self.double_quoted(pieces)?;
            }
            Some(byte) if is_name_start(byte) => {
                let name = self.name();
                pieces.part(plain(name, quoted));
            }
            Some(byte) if is_special(byte) => {
                self.bump();
                pieces.part(plain(char::from(byte).to_string(), quoted));
            }
            _ => pieces.byte(b'$', quoted),
        }
        Ok(())
    }

    fn name(&mut self) -> String {
        let mut name = String::new();
        while let Some(byte) = self.peek().filter(|byte| is_name_byte(*byte)) {
            self.bump();
            name.push(char::from(byte));
        }
        name
    }

    fn dollar_parenthesis(&mut self, quoted: bool) -> Result<Part> {
        if self.peek_at(1) == Some(b'(') {
            let before = self.checkpoint();
            self.eat("((");
            match self.deeper(Self::arithmetic_to_double_parenthesis) {
                Ok(inner) => return Ok(Part::Arithmetic(inner)),
                Err(error) if is_final(&error) => return Err(error),
                Err(_) => self.give_up_arithmetic(&before)?,
            }
        }
        self.bump();
        let list = self.substituted(Stop::Parenthesis)?;
        if !self.eat(")") {
            return Err(self.error(ErrorKind::Unterminated("a command substitution")));
        }
        Ok(Part::Command(Substitution { list, quoted }))
    }

    /// After `${`.
    fn dollar_brace(&mut self, start: usize, quoted: bool) -> Result<Part> {
        if matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'|')) {
            self.eat("|");
            let list = self.substituted(Stop::Words(&["}"]))?;
            self.expect("}")?;
            // Older versions end it at the first brace and run nothing.
            self.doubt("`${ command; }`", start);
            return Ok(Part::Command(Substitution { list, quoted }));
        }
        let mut parameter = Parameter {
            name: String::new(),
            indirect: false,
            operator: String::new(),
            subscript: None,
            operand: Vec::new(),
            quoted,
        };
        self.parameter_head(&mut parameter)?;
        if self.peek() == Some(b'[') && !parameter.name.is_empty() {
            self.bump();
            parameter.subscript = Some(self.arithmetic_to_bracket("a subscript")?);
        }
        while let Some(byte) = self.peek().filter(|byte| is_operator(*byte)) {
            if parameter.operator.len() == 2 {
                break;
            }
            self.bump();
            parameter.operator.push(char::from(byte));
            // `@` is followed by one letter that says what to do.
            if byte == b'@' {
                if let Some(letter) = self.peek().filter(u8::is_ascii_alphabetic) {
                    self.bump();
                    parameter.operator.push(char::from(letter));
                }
                break;
            }
        }
        let pattern = parameter.operator.starts_with(['#', '%', '/', '^', ',']);
        parameter.operand = self.brace_operand(quoted, pattern)?;
        Ok(Part::Parameter(parameter))
    }

    /// `!`, `#` and the name.
    fn parameter_head(&mut self, parameter: &mut Parameter) -> Result<()> {
        let next = self.peek_at(1);
        let names_something = next
            .is_some_and(|byte| is_name_byte(byte) || matches!(byte, b'@' | b'*' | b'?' | b'$'));
        match self.peek() {
            Some(b'!') if names_something || next == Some(b'#') => {
                self.bump();
                parameter.indirect = true;
            }
            Some(b'#')
                if names_something
                    || (next.is_some_and(|byte| matches!(byte, b'!' | b'-' | b'#'))
                        && self.peek_at(2) == Some(b'}')) =>
            {
                self.bump();
                parameter.operator.push('#');
            }
            None => return Err(self.error(ErrorKind::Unterminated("`${`"))),
            _ => {}
        }
        match self.peek() {
            Some(byte) if is_name_byte(byte) => parameter.name = self.name(),
            Some(byte) if is_special(byte) => {
                self.bump();
                parameter.name.push(char::from(byte));
            }
            _ => {}
        }
        Ok(())
    }

    /// Text with expansions up to the closing brace.
    fn brace_operand(&mut self, quoted: bool, pattern: bool) -> Result<Vec<Part>> {
        let mut pieces = Pieces::default();
        loop {
            let start = self.start();
            match self.peek() {
                None => return Err(self.error(ErrorKind::Unterminated("`${`"))),
                Some(b'}') => {
                    self.bump();
                    return Ok(pieces.finish());
                }
                Some(b'\'') if quoted && !pattern => {
                    // Some shells see a quote here, others a character.
                    self.doubt("a single quote in a quoted `${…}`", start);
                    self.bump();
                    pieces.byte(b'\'', true);
                }
                Some(b'"') if quoted => {
                    self.bump();
                    self.double_quoted(&mut pieces)?;
                    if self.source.slice(start, self.position).contains(&b'}') {
                        self.doubt("a brace in nested double quotes", start);
                    }
                }
                Some(b'\'') if quoted => {
                    self.single_quoted(&mut pieces)?;
                    if self
                        .source
                        .slice(start, self.position)
                        .iter()
                        .any(|byte| b"$`}\"".contains(byte))
                    {
                        self.doubt("a single quote in a quoted `${…}`", start);
                    }
                }
                Some(b'\\') => {
                    self.bump();
                    pieces.byte(self.bump_raw().unwrap_or(b'\\'), true);
                }
                Some(byte @ (b'$' | b'`')) if quoted => {
                    if byte == b'$' {
                        self.dollar(&mut pieces, true)?;
                    } else {
                        self.backquote(&mut pieces, true)?;
                    }
                }
                Some(byte @ (b'\'' | b'"' | b'$' | b'`')) => {
                    self.word_piece(byte, &mut pieces)?;
                    let text = self.source.slice(start, self.position);
                    if !keeps_its_quotes(text) {
                        self.doubt("`$'…'` in `${…}`", start);
                    }
                }
                Some(byte @ (b'<' | b'>')) if !quoted && self.peek_at(1) == Some(b'(') => {
                    self.word_piece(byte, &mut pieces)?;
                }
                Some(byte) => {
                    self.bump();
                    pieces.byte(byte, quoted);
                }
            }
        }
    }
}

/// In a substitution within double quotes, bash puts what `$'…'` in `${…}` stands for in
/// its place and drops the quotes, so that it is read once more. Some texts read the same.
fn keeps_its_quotes(text: &[u8]) -> bool {
    let Some(text) = text.strip_prefix(b"$'") else {
        return true;
    };
    let mut bytes = text.strip_suffix(b"'").unwrap_or(text).iter();
    while let Some(byte) = bytes.next() {
        let is_plain = match byte {
            b'\\' => bytes.next().is_some_and(|byte| b"abeEfnrtv".contains(byte)),
            byte => !b"$`{}\"'<>".contains(byte),
        };
        if !is_plain {
            return false;
        }
    }
    true
}

fn plain(name: String, quoted: bool) -> Part {
    Part::Parameter(Parameter {
        name,
        indirect: false,
        operator: String::new(),
        subscript: None,
        operand: Vec::new(),
        quoted,
    })
}

fn is_special(byte: u8) -> bool {
    byte.is_ascii_digit() || matches!(byte, b'@' | b'*' | b'#' | b'?' | b'-' | b'$' | b'!')
}

fn is_operator(byte: u8) -> bool {
    matches!(
        byte,
        b':' | b'-' | b'=' | b'?' | b'+' | b'#' | b'%' | b'/' | b'^' | b',' | b'@' | b'*' | b'~'
    )
}

impl Arithmetic {
    pub(crate) fn of(parts: Vec<Part>) -> Self {
        Self { parts }
    }
}
