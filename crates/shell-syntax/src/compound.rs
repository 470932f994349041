//! Compound commands, functions and coprocesses.

use crate::{
    ast::{CaseArm, Command, CommandKind, List, Redirect, Word},
    error::ErrorKind,
    list::Stop,
    parser::{Checkpoint, Parser, Result, is_final},
};

/// Reserved words that end something and can start no command.
const CLOSING: [&str; 8] = ["then", "else", "elif", "fi", "do", "done", "esac", "}"];

/// What bash alone takes for a reserved word or an operator.
const ONLY_BASH: [&str; 7] = ["&>", "[[", "function", "select", "coproc", "time", "{"];

impl Parser<'_> {
    pub(crate) fn command(&mut self) -> Result<Command> {
        self.skip_blanks();
        let start = self.start();
        let Some(kind) = self.compound()? else {
            return self.simple_or_function();
        };
        let redirects = self.trailing_redirects()?;
        Ok(Command {
            kind,
            redirects,
            span: self.span_from(start),
        })
    }

    pub(crate) fn trailing_redirects(&mut self) -> Result<Vec<Redirect>> {
        let mut redirects = Vec::new();
        loop {
            self.skip_blanks();
            match self.redirect()? {
                Some(redirect) => redirects.push(redirect),
                None => return Ok(redirects),
            }
        }
    }

    /// A compound command, if one starts here.
    fn compound(&mut self) -> Result<Option<CommandKind>> {
        if self.peek() == Some(b'(') {
            return self.parenthesis().map(Some);
        }
        let Some(word) = self.peek_bare_word() else {
            return Ok(None);
        };
        if CLOSING.contains(&word.as_str()) {
            return Err(self.error(ErrorKind::Expected("a command before this reserved word")));
        }
        let kind = match word.as_str() {
            "{" => self.group()?,
            "if" => self.if_command()?,
            "while" | "until" => self.loop_command(word == "until")?,
            "for" => self.for_command()?,
            "select" => self.for_words(true, "select")?,
            "case" => self.case_command()?,
            "function" => self.function_keyword()?,
            "coproc" => self.coproc()?,
            "[[" => self.conditional()?,
            _ => return Ok(None),
        };
        Ok(Some(kind))
    }

    fn parenthesis(&mut self) -> Result<CommandKind> {
        if self.peek_at(1) != Some(b'(') {
            return self.subshell();
        }
        let before = self.checkpoint();
        self.eat("((");
        match self.arithmetic_to_double_parenthesis() {
            Ok(expression) => {
                let after = self.position;
                let as_subshell = self.reread_as_subshell(&before, after)?;
                Ok(CommandKind::Arithmetic {
                    expression,
                    as_subshell,
                })
            }
            Err(error) if is_final(&error) => Err(error),
            Err(_) => {
                self.give_up_arithmetic(&before)?;
                self.subshell()
            }
        }
    }

    /// Reads `((…))` again as a shell without arithmetic commands would. What
    /// the first reading found stays.
    fn reread_as_subshell(&mut self, start: &Checkpoint, after: usize) -> Result<Option<List>> {
        let end = self.checkpoint();
        let pending = std::mem::take(&mut self.pending);
        let outer = std::mem::replace(&mut self.outer_pending, !pending.is_empty());
        self.go_back(start)?;
        self.eat("(");
        let reading = self.subshell();
        let complete = self.position + 1 == after;
        self.outer_pending = outer;
        match reading {
            Ok(CommandKind::Subshell(list)) => {
                if !complete || !self.pending.is_empty() {
                    self.doubt("where `((…))` ends", end.position);
                }
                self.pending = pending;
                self.position = after;
                Ok(Some(list))
            }
            Err(error) if is_final(&error) => Err(error),
            _ => {
                self.rewind(&end)?;
                self.pending = pending;
                let start = start.position;
                let text = self.source.slice(start, after).to_vec();
                let plain_word =
                    |word: &&str| text.windows(word.len()).any(|at| at == word.as_bytes());
                if ONLY_BASH.iter().any(plain_word) {
                    self.doubt("a word of bash in `((…))`", start);
                }
                Ok(None)
            }
        }
    }

    fn subshell(&mut self) -> Result<CommandKind> {
        self.expect("(")?;
        let list = self.list(Stop::Parenthesis, false)?;
        self.expect(")")?;
        Ok(CommandKind::Subshell(list))
    }

    fn group(&mut self) -> Result<CommandKind> {
        self.expect_word("{")?;
        let list = self.list(Stop::Words(&["}"]), false)?;
        self.expect_word("}")?;
        Ok(CommandKind::Group(list))
    }

    fn if_command(&mut self) -> Result<CommandKind> {
        self.expect_word("if")?;
        let mut branches = Vec::new();
        loop {
            let condition = self.list(Stop::Words(&["then"]), false)?;
            self.expect_word("then")?;
            let body = self.list(Stop::Words(&["elif", "else", "fi"]), false)?;
            branches.push((condition, body));
            if !self.eat_word("elif") {
                break;
            }
        }
        let otherwise = if self.eat_word("else") {
            Some(self.list(Stop::Words(&["fi"]), false)?)
        } else {
            None
        };
        self.expect_word("fi")?;
        Ok(CommandKind::If {
            branches,
            otherwise,
        })
    }

    fn loop_command(&mut self, until: bool) -> Result<CommandKind> {
        self.expect_word(if until { "until" } else { "while" })?;
        let condition = self.list(Stop::Words(&["do"]), false)?;
        let body = self.do_group()?;
        Ok(CommandKind::Loop {
            until,
            condition,
            body,
        })
    }

    fn do_group(&mut self) -> Result<List> {
        self.expect_word("do")?;
        let body = self.list(Stop::Words(&["done"]), false)?;
        self.expect_word("done")?;
        Ok(body)
    }

    /// `do … done`, or the undocumented `{ … }` that bash takes as well.
    fn loop_body(&mut self) -> Result<List> {
        if self.at_word("{") {
            self.expect_word("{")?;
            let body = self.list(Stop::Words(&["}"]), false)?;
            self.expect_word("}")?;
            return Ok(body);
        }
        self.do_group()
    }

    fn for_command(&mut self) -> Result<CommandKind> {
        let before = self.checkpoint();
        self.expect_word("for")?;
        self.skip_blanks();
        if !self.eat("((") {
            self.rewind(&before)?;
            return self.for_words(false, "for");
        }
        let header = self.arithmetic_to_double_parenthesis()?;
        self.skip_blanks();
        if self.peek() == Some(b';') {
            self.bump();
        }
        self.skip_newlines()?;
        let body = self.loop_body()?;
        Ok(CommandKind::ArithmeticFor { header, body })
    }

    fn for_words(&mut self, select: bool, keyword: &'static str) -> Result<CommandKind> {
        self.expect_word(keyword)?;
        self.skip_blanks();
        let variable = self.required_word("a variable name")?;
        self.skip_blanks();
        if self.peek() == Some(b';') {
            self.bump();
        }
        self.skip_newlines()?;
        let mut words = None;
        if self.eat_word("in") {
            let mut list = Vec::new();
            loop {
                self.skip_blanks_and_comment();
                if matches!(self.peek(), Some(b';' | b'\n')) {
                    break;
                }
                list.push(self.required_word("a word, `;` or a newline")?);
            }
            words = Some(list);
            if self.peek() == Some(b';') {
                self.bump();
            }
            self.skip_newlines()?;
        }
        let body = self.loop_body()?;
        Ok(CommandKind::For {
            select,
            variable,
            words,
            body,
        })
    }

    fn case_command(&mut self) -> Result<CommandKind> {
        self.expect_word("case")?;
        self.skip_blanks();
        let subject = self.required_word("the word to compare")?;
        self.skip_newlines()?;
        self.expect_word("in")?;
        let mut arms = Vec::new();
        loop {
            self.skip_newlines()?;
            if self.eat_word("esac") {
                return Ok(CommandKind::Case { subject, arms });
            }
            let patterns = self.case_patterns()?;
            let body = self.list(Stop::CaseArm, true)?;
            arms.push(CaseArm { patterns, body });
            if !(self.eat(";;&") || self.eat(";;") || self.eat(";&")) {
                self.expect_word("esac")?;
                return Ok(CommandKind::Case { subject, arms });
            }
        }
    }

    fn case_patterns(&mut self) -> Result<Vec<Word>> {
        self.eat("(");
        let mut patterns = Vec::new();
        loop {
            self.skip_blanks();
            patterns.push(self.required_word("a pattern")?);
            self.skip_blanks();
            if self.eat(")") {
                return Ok(patterns);
            }
            self.expect("|")?;
        }
    }

    fn function_keyword(&mut self) -> Result<CommandKind> {
        self.expect_word("function")?;
        self.skip_blanks();
        let name = self.required_word("a function name")?;
        self.skip_blanks();
        if self.peek() == Some(b'(') && self.peek_at(1) == Some(b')') {
            self.eat("()");
        }
        self.function_body(name)
    }

    /// What follows `name()`.
    pub(crate) fn function_body(&mut self, name: Word) -> Result<CommandKind> {
        self.skip_newlines()?;
        let start = self.start();
        let Some(kind) = self.deeper(Self::compound)? else {
            return Err(self.error(ErrorKind::Expected("a compound command as function body")));
        };
        let body = Command {
            kind,
            redirects: Vec::new(),
            span: self.span_from(start),
        };
        Ok(CommandKind::Function {
            name,
            body: Box::new(body),
        })
    }

    fn coproc(&mut self) -> Result<CommandKind> {
        self.expect_word("coproc")?;
        self.skip_blanks();
        let start = self.start();
        if let Some(kind) = self.deeper(Self::compound)? {
            return Ok(self.coproc_of(None, kind, start));
        }
        let before = self.checkpoint();
        if let Some(name) = self.word()? {
            self.skip_blanks();
            let start = self.start();
            if let Some(kind) = self.deeper(Self::compound)? {
                return Ok(self.coproc_of(Some(name), kind, start));
            }
        }
        self.rewind(&before)?;
        let body = Box::new(self.simple_or_function()?);
        Ok(CommandKind::Coproc { name: None, body })
    }

    fn coproc_of(&self, name: Option<Word>, kind: CommandKind, start: usize) -> CommandKind {
        let body = Command {
            kind,
            redirects: Vec::new(),
            span: self.span_from(start),
        };
        CommandKind::Coproc {
            name,
            body: Box::new(body),
        }
    }

    fn required_word(&mut self, what: &'static str) -> Result<Word> {
        match self.word()? {
            Some(word) => Ok(word),
            None => Err(self.error(ErrorKind::Expected(what))),
        }
    }
}
