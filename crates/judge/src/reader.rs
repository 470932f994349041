//! From the syntax tree to the plan.

use shell_syntax::{
    Assignment, Command, CommandKind, Construct, Parameter, Part, Redirect, RedirectOperator,
    RedirectTarget, Script, Simple, Span, Visitor, Word,
};

use crate::{
    argument::Argument,
    environment::changes_what_runs,
    evaluation::Examiner,
    obscure,
    plan::{Assigned, Flag, Origin, Plan, Redirection, SimpleCommand},
    wrapper::{self, Inner, Input},
};

/// Most commands in a plan; more is undecidable.
const MAX_COMMANDS: usize = 2_000;
/// Most wrappers around one command.
const MAX_WRAPPERS: usize = 16;

pub(crate) fn read(line: &str) -> Plan {
    let mut reader = Reader::default();
    if let Some(ch) = obscure::find(line) {
        let code = u32::from(ch);
        reader.plan.undecidable(format!(
            "the line contains the invisible character U+{code:04X}"
        ));
    }
    let collected = reader.collect(line);
    reader.plan.plain = collected.plain;
    for (command, input) in collected.commands {
        reader.push(command, &input, 0);
    }
    reader.finish()
}

/// The plan in the making.
#[derive(Default)]
struct Reader {
    plan: Plan,
    examiner: Examiner,
}

/// The commands of one text, in source order, with what they read.
#[derive(Default)]
struct Collected {
    commands: Vec<(SimpleCommand, Input)>,
    plain: bool,
}

/// What a wrapper passes on to the commands it runs.
#[derive(Clone, Copy)]
struct Outer<'i> {
    wrapper: usize,
    within: Option<Construct>,
    pipeline: Option<usize>,
    span: Span,
    other_reading: bool,
    /// Whether the wrapper itself runs as another user.
    privileged: bool,
    input: &'i Input,
    depth: usize,
}

impl Reader {
    fn collect(&mut self, text: &str) -> Collected {
        let script = match shell_syntax::parse(text) {
            Ok(script) => script,
            Err(error) => {
                self.plan.undecidable(error.to_string());
                self.plan.unread.push(text.to_owned());
                return Collected::default();
            }
        };
        if let Some(doubt) = script.doubts.first() {
            self.plan
                .undecidable(format!("shells disagree about {}", doubt.reason));
        }
        self.examiner.examine(&script);
        let mut collector = Collector {
            text,
            script: &script,
            constructs: Vec::new(),
            pipelines: Vec::new(),
            next_pipeline: self.plan.next_pipeline(),
            commands: Vec::new(),
            assignments: Vec::new(),
            redirections: Vec::new(),
        };
        shell_syntax::walk(&script, &mut collector);
        let Collector {
            mut commands,
            assignments,
            mut redirections,
            ..
        } = collector;
        let plain = is_plain(&script) && commands.len() == 1 && assignments.is_empty();
        self.plan.assignments.extend(assignments);
        redirections.sort_by_key(|redirection| redirection.span);
        self.plan.redirections.extend(redirections);
        commands.sort_by_key(|(position, ..)| *position);
        let commands = commands
            .into_iter()
            .map(|(_, command, input)| (command, input))
            .collect();
        Collected { commands, plain }
    }

    /// Adds a command and what it runs.
    fn push(&mut self, command: SimpleCommand, input: &Input, depth: usize) {
        if self.plan.commands.len() >= MAX_COMMANDS || depth > MAX_WRAPPERS {
            self.plan.undecidable("the line runs too many commands");
            return;
        }
        let inner = wrapper::unwrap(&command.words, input);
        let outer = Outer {
            wrapper: self.plan.commands.len(),
            within: command.within,
            pipeline: command.pipeline,
            span: command.span,
            other_reading: command.other_reading,
            privileged: command.is_privileged(),
            input,
            depth: depth + 1,
        };
        self.plan.commands.push(command);
        for inner in inner {
            self.push_inner(inner, outer);
        }
    }

    fn push_inner(&mut self, inner: Inner, outer: Outer<'_>) {
        match inner {
            Inner::Words {
                words, assignments, ..
            } if words.is_empty() => {
                self.plan.assignments.extend(assignments);
            }
            Inner::Words {
                words,
                assignments,
                at,
                privileged,
            } => {
                let origin = outer.origin(at, true, privileged);
                self.push(
                    outer.command(words, assignments, origin),
                    outer.input,
                    outer.depth,
                );
            }
            Inner::Hidden { what, privileged } => {
                self.plan.flag(Flag::HiddenCommand);
                let words = vec![Argument::unknown(format!("<{what}>"))];
                let origin = outer.origin(None, true, privileged);
                let command = outer.command(words, Vec::new(), origin);
                self.push(
                    SimpleCommand {
                        hidden: true,
                        ..command
                    },
                    outer.input,
                    outer.depth,
                );
            }
            Inner::Script {
                text,
                in_words,
                privileged,
            } => {
                if outer.depth > MAX_WRAPPERS {
                    self.plan.undecidable("the line runs too many commands");
                    return;
                }
                for (mut command, own) in self.collect(&text).commands {
                    command.origin = outer.origin(None, in_words, privileged);
                    command.span = outer.span;
                    command.pipeline = command.pipeline.or(outer.pipeline);
                    let input = if own == Input::Inherited {
                        outer.input
                    } else {
                        &own
                    };
                    self.push(command, input, outer.depth);
                }
            }
        }
    }

    fn finish(self) -> Plan {
        let Self { mut plan, examiner } = self;
        if let Some(hidden) = examiner.hidden() {
            plan.undecidable(format!("bash would evaluate {hidden}"));
        }
        plan.evaluated = examiner.variables();
        note(&mut plan);
        plan
    }
}

impl Outer<'_> {
    fn origin(&self, word: Option<usize>, in_words: bool, privileged: bool) -> Origin {
        Origin::Wrapper {
            wrapper: self.wrapper,
            word,
            in_words,
            privileged: privileged || self.privileged,
        }
    }

    fn command(
        &self,
        words: Vec<Argument>,
        assignments: Vec<Assigned>,
        origin: Origin,
    ) -> SimpleCommand {
        SimpleCommand {
            words,
            assignments,
            within: self.within,
            pipeline: self.pipeline,
            span: self.span,
            origin,
            other_reading: self.other_reading,
            hidden: false,
        }
    }
}

/// Whether the script is a single simple command without redirections.
fn is_plain(script: &Script) -> bool {
    let [item] = script.list.items.as_slice() else {
        return false;
    };
    let [command] = item.first.commands.as_slice() else {
        return false;
    };
    let CommandKind::Simple(simple) = &command.kind else {
        return false;
    };
    item.rest.is_empty()
        && !item.background
        && !item.first.negated
        && !item.first.timed
        && command.redirects.is_empty()
        && simple.assignments.is_empty()
        && script.doubts.is_empty()
}

/// Sets the flags that follow from the finished plan.
fn note(plan: &mut Plan) {
    if plan.commands.iter().any(|command| command.name().is_none()) {
        plan.flag(Flag::DynamicName);
    }
    if plan.commands.iter().any(SimpleCommand::is_privileged) {
        plan.flag(Flag::Privileged);
    }
    if plan.redirections.iter().any(Redirection::writes) {
        plan.flag(Flag::WritesFile);
    }
    let set = plan
        .commands
        .iter()
        .flat_map(|command| &command.assignments);
    if set
        .chain(&plan.assignments)
        .any(|assigned| changes_what_runs(&assigned.name))
    {
        plan.flag(Flag::EnvironmentChanged);
    }
}

impl Plan {
    fn next_pipeline(&self) -> usize {
        self.commands
            .iter()
            .filter_map(|command| command.pipeline)
            .max()
            .map_or(0, |last| last + 1)
    }
}

struct Collector<'a> {
    text: &'a str,
    script: &'a Script,
    constructs: Vec<Construct>,
    /// Pipelines around the current node, with the number of commands so far.
    pipelines: Vec<(usize, usize)>,
    next_pipeline: usize,
    commands: Vec<(usize, SimpleCommand, Input)>,
    assignments: Vec<Assigned>,
    redirections: Vec<Redirection>,
}

impl<'a> Visitor<'a> for Collector<'a> {
    fn enter(&mut self, construct: Construct) {
        self.constructs.push(construct);
        if construct == Construct::Pipeline {
            self.pipelines.push((self.next_pipeline, 0));
            self.next_pipeline += 1;
        }
    }

    fn leave(&mut self, construct: Construct) {
        self.constructs.pop();
        if construct == Construct::Pipeline {
            self.pipelines.pop();
        }
    }

    fn command(&mut self, command: &'a Command) {
        if let CommandKind::For { variable, .. } = &command.kind {
            self.set(variable.static_text(), Argument::unknown("loop variable"));
        }
        if let CommandKind::Coproc {
            name: Some(name), ..
        } = &command.kind
        {
            self.set(name.static_text(), Argument::unknown("coprocess"));
        }
    }

    fn simple(&mut self, command: &'a Command, simple: &'a Simple) {
        let assignments: Vec<_> = simple
            .assignments
            .iter()
            .map(|assignment| self.assigned(assignment))
            .collect();
        let Some(name) = simple.words.first() else {
            self.assignments.extend(assignments);
            return;
        };
        let input = self.input(command);
        let words: Vec<_> = simple
            .words
            .iter()
            .map(|word| Argument::read(word, self.text))
            .collect();
        self.set_by_builtin(&words);
        let position = name.span.start;
        let command = SimpleCommand {
            words,
            assignments,
            within: self.constructs.last().copied(),
            pipeline: self.pipelines.last().map(|(number, _)| *number),
            span: command.span,
            origin: Origin::Line,
            other_reading: self.constructs.contains(&Construct::SubshellReading),
            hidden: false,
        };
        if let Some((_, stage)) = self.pipelines.last_mut() {
            *stage += 1;
        }
        self.commands.push((position, command, input));
    }

    fn redirect(&mut self, redirect: &'a Redirect) {
        let RedirectTarget::Word(word) = &redirect.target else {
            return;
        };
        if redirect.operator == RedirectOperator::HereString {
            return;
        }
        let target = Argument::read(word, self.text);
        self.redirections.push(Redirection {
            operator: redirect.operator,
            target,
            span: redirect.span,
        });
    }

    fn parameter(&mut self, parameter: &'a Parameter) {
        // `${x:=value}` sets x where it is unset.
        if matches!(parameter.operator.as_str(), "=" | ":=") {
            self.set(
                Some(parameter.name.clone()),
                Argument::unknown("default value"),
            );
        }
    }
}

impl Collector<'_> {
    fn set(&mut self, name: Option<String>, value: Argument) {
        if let Some(name) = name {
            self.assignments.push(Assigned { name, value });
        }
    }

    fn assigned(&self, assignment: &Assignment) -> Assigned {
        let value = Argument::read(&assignment.value, self.text);
        // The new value has the old one in it.
        let value = if assignment.append {
            Argument::unknown(value.source())
        } else {
            value
        };
        Assigned {
            name: assignment.name.clone(),
            value,
        }
    }

    /// Variables set by the arguments of `export`, `read` and the like.
    fn set_by_builtin(&mut self, words: &[Argument]) {
        let Some((name, arguments)) = words.split_first() else {
            return;
        };
        let name = name.as_static().unwrap_or("");
        let declares = matches!(
            name,
            "export" | "declare" | "typeset" | "local" | "readonly" | "let" | "unset"
        );
        let reads = matches!(
            name,
            "read" | "mapfile" | "readarray" | "getopts" | "printf" | "wait"
        );
        if !declares && !reads {
            return;
        }
        for word in arguments {
            let text = word.known_prefix();
            let end = text.find(|ch: char| !ch.is_ascii_alphanumeric() && ch != '_');
            let (variable, rest) = text.split_at(end.unwrap_or(text.len()));
            if !shell_syntax::is_name(variable) {
                continue;
            }
            let value = match rest.strip_prefix('=') {
                Some(_) => word.after(variable.len() + 1),
                None => Argument::unknown(word.source()),
            };
            self.set(Some(variable.to_owned()), value);
        }
    }

    fn input(&self, command: &Command) -> Input {
        let mut input = match self.pipelines.last() {
            Some((_, stage)) if *stage > 0 => Input::Other,
            _ => Input::Inherited,
        };
        for redirect in &command.redirects {
            let text = match (redirect.operator, &redirect.target) {
                (RedirectOperator::HereString, RedirectTarget::Word(word)) => word.static_text(),
                (RedirectOperator::HereDoc, RedirectTarget::HereDoc(id)) => {
                    self.script.here_doc(*id).and_then(|doc| text_of(&doc.body))
                }
                (
                    RedirectOperator::Read
                    | RedirectOperator::ReadWrite
                    | RedirectOperator::DuplicateInput,
                    _,
                ) => None,
                _ => continue,
            };
            if redirect
                .descriptor
                .as_deref()
                .is_none_or(|descriptor| descriptor == "0")
            {
                input = text.map_or(Input::Other, Input::Text);
            }
        }
        input
    }
}

/// The text of a body without expansions.
fn text_of(body: &Word) -> Option<String> {
    let mut out = String::new();
    for part in &body.parts {
        let Part::Text { text, .. } = part else {
            return None;
        };
        out.push_str(text);
    }
    Some(out)
}
