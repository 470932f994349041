//! One traversal that reaches every node in which a command can hide.

use crate::{
    Script,
    ast::{
        AndOr, Arithmetic, Assignment, Command, CommandKind, HereDocId, List, Parameter, Part,
        Pipeline, Redirect, RedirectTarget, Simple, Word,
    },
};

/// What a command sits in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Construct {
    /// A pipeline of several commands.
    Pipeline,
    /// `( … )`
    Subshell,
    /// `{ … }`
    Group,
    /// A condition or branch of `if`.
    If,
    /// `while`, `until`, `for`, `select`.
    Loop,
    /// A `case`.
    Case,
    /// The body of a function.
    Function,
    /// A coprocess.
    Coprocess,
    /// `[[ … ]]`
    Conditional,
    /// `$(…)` or backquotes.
    CommandSubstitution,
    /// `<(…)` or `>(…)`
    ProcessSubstitution,
    /// `${…}`
    Parameter,
    /// `$((…))`, `((…))`, a subscript.
    Arithmetic,
    /// The body of a here-document.
    HereDoc,
    /// `((…))` as a shell without arithmetic commands reads it.
    SubshellReading,
}

/// Called for the nodes of a script. Every method does nothing by default.
pub trait Visitor<'a> {
    /// What follows, up to the matching [`Visitor::leave`], is inside this.
    fn enter(&mut self, _construct: Construct) {}
    /// See [`Visitor::enter`].
    fn leave(&mut self, _construct: Construct) {}
    /// A command of any kind, before its parts.
    fn command(&mut self, _command: &'a Command) {}
    /// A simple command, after [`Visitor::command`] and before its parts.
    fn simple(&mut self, _command: &'a Command, _simple: &'a Simple) {}
    /// An assignment before a command.
    fn assignment(&mut self, _assignment: &'a Assignment) {}
    /// A redirection.
    fn redirect(&mut self, _redirect: &'a Redirect) {}
    /// A word in any place.
    fn word(&mut self, _word: &'a Word) {}
    /// A parameter expansion.
    fn parameter(&mut self, _parameter: &'a Parameter) {}
    /// An arithmetic expression or subscript.
    fn arithmetic(&mut self, _arithmetic: &'a Arithmetic) {}
}

/// Visits the whole script.
pub fn walk<'a>(script: &'a Script, visitor: &mut dyn Visitor<'a>) {
    Walk { script, visitor }.list(&script.list);
}

struct Walk<'a, 'v> {
    script: &'a Script,
    visitor: &'v mut dyn Visitor<'a>,
}

impl<'a> Walk<'a, '_> {
    fn inside(&mut self, construct: Construct, visit: impl FnOnce(&mut Self)) {
        self.visitor.enter(construct);
        visit(self);
        self.visitor.leave(construct);
    }

    fn list_inside(&mut self, construct: Construct, list: &'a List) {
        self.inside(construct, |walk| walk.list(list));
    }

    fn list(&mut self, list: &'a List) {
        for AndOr { first, rest, .. } in &list.items {
            self.pipeline(first);
            for (_, pipeline) in rest {
                self.pipeline(pipeline);
            }
        }
    }

    fn pipeline(&mut self, pipeline: &'a Pipeline) {
        if let [only] = pipeline.commands.as_slice() {
            self.command(only);
            return;
        }
        self.inside(Construct::Pipeline, |walk| {
            for command in &pipeline.commands {
                walk.command(command);
            }
        });
    }

    fn command(&mut self, command: &'a Command) {
        self.visitor.command(command);
        match &command.kind {
            CommandKind::Simple(simple) => self.simple(command, simple),
            CommandKind::Subshell(list) => self.list_inside(Construct::Subshell, list),
            CommandKind::Group(list) => self.list_inside(Construct::Group, list),
            CommandKind::If {
                branches,
                otherwise,
            } => self.inside(Construct::If, |walk| {
                for (condition, body) in branches {
                    walk.list(condition);
                    walk.list(body);
                }
                if let Some(list) = otherwise {
                    walk.list(list);
                }
            }),
            CommandKind::Loop {
                condition, body, ..
            } => self.inside(Construct::Loop, |walk| {
                walk.list(condition);
                walk.list(body);
            }),
            CommandKind::For {
                variable,
                words,
                body,
                ..
            } => {
                self.word(variable);
                for word in words.iter().flatten() {
                    self.word(word);
                }
                self.list_inside(Construct::Loop, body);
            }
            CommandKind::ArithmeticFor { header, body } => {
                self.arithmetic(header);
                self.list_inside(Construct::Loop, body);
            }
            CommandKind::Case { subject, arms } => {
                self.word(subject);
                for arm in arms {
                    arm.patterns.iter().for_each(|pattern| self.word(pattern));
                    self.list_inside(Construct::Case, &arm.body);
                }
            }
            CommandKind::Function { name, body } => {
                self.word(name);
                self.inside(Construct::Function, |walk| walk.command(body));
            }
            CommandKind::Coproc { name, body } => {
                if let Some(name) = name {
                    self.word(name);
                }
                self.inside(Construct::Coprocess, |walk| walk.command(body));
            }
            CommandKind::Conditional(words) => self.inside(Construct::Conditional, |walk| {
                words.iter().for_each(|word| walk.word(word));
            }),
            CommandKind::Arithmetic {
                expression,
                as_subshell,
            } => {
                self.arithmetic(expression);
                if let Some(list) = as_subshell {
                    self.list_inside(Construct::SubshellReading, list);
                }
            }
        }
        command
            .redirects
            .iter()
            .for_each(|redirect| self.redirect(redirect));
    }

    fn simple(&mut self, command: &'a Command, simple: &'a Simple) {
        self.visitor.simple(command, simple);
        for assignment in &simple.assignments {
            self.visitor.assignment(assignment);
            if let Some(subscript) = &assignment.subscript {
                self.arithmetic(subscript);
            }
            self.word(&assignment.value);
        }
        simple.words.iter().for_each(|word| self.word(word));
    }

    fn redirect(&mut self, redirect: &'a Redirect) {
        self.visitor.redirect(redirect);
        match &redirect.target {
            RedirectTarget::Word(word) => self.word(word),
            RedirectTarget::HereDoc(id) => self.here_doc(*id),
        }
    }

    fn here_doc(&mut self, id: HereDocId) {
        if let Some(doc) = self.script.here_doc(id) {
            self.inside(Construct::HereDoc, |walk| walk.parts(&doc.body.parts));
        }
    }

    fn word(&mut self, word: &'a Word) {
        self.visitor.word(word);
        self.parts(&word.parts);
    }

    fn parts(&mut self, parts: &'a [Part]) {
        parts.iter().for_each(|part| self.part(part));
    }

    fn part(&mut self, part: &'a Part) {
        match part {
            Part::Text { .. } | Part::Bytes => {}
            Part::Parameter(parameter) => {
                self.visitor.parameter(parameter);
                if let Some(subscript) = &parameter.subscript {
                    self.arithmetic(subscript);
                }
                self.inside(Construct::Parameter, |walk| walk.parts(&parameter.operand));
            }
            Part::Command(substitution) => {
                self.list_inside(Construct::CommandSubstitution, &substitution.list);
            }
            Part::Process(list) => self.list_inside(Construct::ProcessSubstitution, list),
            Part::Arithmetic(arithmetic) => self.arithmetic(arithmetic),
            Part::ExtendedGlob(parts) => self.parts(parts),
            Part::Array(words) => words.iter().for_each(|word| self.word(word)),
        }
    }

    fn arithmetic(&mut self, arithmetic: &'a Arithmetic) {
        self.visitor.arithmetic(arithmetic);
        self.inside(Construct::Arithmetic, |walk| walk.parts(&arithmetic.parts));
    }
}
