//! What a line would run.

use serde::Serialize;
use shell_syntax::{Construct, RedirectOperator, Span};

use crate::{argument::Argument, builtin, reader, render};

/// The judge's reading of a command line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Every simple command with a name, in source order. What a wrapper runs
    /// follows the wrapper.
    pub commands: Vec<SimpleCommand>,
    /// Assignments that stand alone or set variables by other means, such as
    /// `export`, `read`, `for` and `${x:=…}`.
    pub assignments: Vec<Assigned>,
    /// Every redirection of a file, in source order.
    pub redirections: Vec<Redirection>,
    /// What is noteworthy, without duplicates.
    pub flags: Vec<Flag>,
    /// Why the line is undecidable, if it is.
    pub problem: Option<String>,
    /// Texts that do not parse.
    pub(crate) unread: Vec<String>,
    /// Variables from outside whose contents are evaluated as arithmetic.
    pub(crate) evaluated: Vec<String>,
    /// The line is nothing but the first of `commands`.
    pub(crate) plain: bool,
}

/// A command with its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SimpleCommand {
    /// Name and arguments; never empty.
    pub words: Vec<Argument>,
    /// Assignments before the name.
    pub assignments: Vec<Assigned>,
    /// The innermost construct around it.
    pub within: Option<Construct>,
    /// Number of the pipeline it belongs to, if any.
    pub pipeline: Option<usize>,
    /// Where it is in the line; for what a wrapper runs, the wrapper.
    pub span: Span,
    /// Where it comes from.
    pub origin: Origin,
    /// Only a shell other than bash runs this (see
    /// [`Construct::SubshellReading`]).
    pub other_reading: bool,
    /// Stands for something that runs and is not in the line, such as the
    /// commands on a shell's standard input; its only word says what.
    pub hidden: bool,
}

/// Where a command comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It stands in the line.
    Line,
    /// Another command runs it.
    Wrapper {
        /// Index of the wrapper in [`Plan::commands`].
        wrapper: usize,
        /// Index of the wrapper's word that names it, where it is made of the
        /// wrapper's words.
        word: Option<usize>,
        /// It stands in the wrapper's words, rather than in its input.
        in_words: bool,
        /// It runs as another user.
        privileged: bool,
    },
}

/// A variable that is set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assigned {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: Argument,
}

/// A redirection to or from a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirection {
    /// The operator.
    pub operator: RedirectOperator,
    /// The file.
    pub target: Argument,
    /// Where it is in the line.
    pub span: Span,
}

/// What the audit shows beside a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Flag {
    /// The line does not parse, or shells read it differently.
    Unparsed,
    /// Only the shell will know the name of a command.
    DynamicName,
    /// A command runs another that cannot be seen in the line.
    HiddenCommand,
    /// A variable is set that changes what runs.
    EnvironmentChanged,
    /// Output goes to a file.
    WritesFile,
    /// A command runs as another user.
    Privileged,
}

impl Flag {
    /// As it is serialised.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unparsed => "unparsed",
            Self::DynamicName => "dynamic_name",
            Self::HiddenCommand => "hidden_command",
            Self::EnvironmentChanged => "environment_changed",
            Self::WritesFile => "writes_file",
            Self::Privileged => "privileged",
        }
    }
}

impl Plan {
    /// Reads a line. Always answers; what could not be read is flagged.
    pub fn read(line: &str) -> Self {
        reader::read(line)
    }

    /// The words of the line's only command, where the whole line is one static
    /// simple command that needs no shell: no redirection, assignment,
    /// expansion or shell builtin (`judgment.md` §6.2).
    pub fn direct_argv(&self) -> Option<Vec<String>> {
        let first = self.commands.first().filter(|_| self.plain)?;
        let argv: Option<Vec<_>> = first
            .words
            .iter()
            .map(|word| word.as_static().map(str::to_owned))
            .collect();
        argv.filter(|argv| {
            argv.first()
                .is_some_and(|name| !name.is_empty() && !builtin::is_shell_name(name))
        })
    }

    /// The commands of the line in canonical form, as a reviewer reads them.
    pub fn rendered(&self) -> Vec<String> {
        let bash = |command: &&SimpleCommand| !command.other_reading && !command.hidden;
        self.commands
            .iter()
            .filter(bash)
            .map(SimpleCommand::canonical)
            .collect()
    }

    pub(crate) fn flag(&mut self, flag: Flag) {
        if let Err(at) = self.flags.binary_search(&flag) {
            self.flags.insert(at, flag);
        }
    }

    pub(crate) fn undecidable(&mut self, why: impl Into<String>) {
        self.flag(Flag::Unparsed);
        self.problem.get_or_insert_with(|| why.into());
    }
}

impl SimpleCommand {
    /// Canonical form: single spaces, minimal quoting; dynamic words as written.
    pub fn canonical(&self) -> String {
        render::canonical(&self.words)
    }

    /// The name, if it is static.
    pub fn name(&self) -> Option<&str> {
        self.words.first().and_then(Argument::as_static)
    }

    /// The name without its folder, if it is static.
    pub fn base_name(&self) -> Option<&str> {
        self.name().map(base_name)
    }

    /// Whether a wrapper runs it as another user.
    pub fn is_privileged(&self) -> bool {
        matches!(
            self.origin,
            Origin::Wrapper {
                privileged: true,
                ..
            }
        )
    }

    /// Everything after the name.
    pub fn arguments(&self) -> &[Argument] {
        self.words.get(1..).unwrap_or_default()
    }
}

/// The last component of a path.
pub(crate) fn base_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

impl Redirection {
    /// Whether it can change the file.
    pub fn writes(&self) -> bool {
        match self.operator {
            RedirectOperator::Write
            | RedirectOperator::Append
            | RedirectOperator::Clobber
            | RedirectOperator::ReadWrite
            | RedirectOperator::WriteBoth
            | RedirectOperator::AppendBoth => true,
            // `>&1` is a descriptor, `>&name` a file.
            RedirectOperator::DuplicateOutput => !self.target.as_static().is_some_and(|text| {
                text.strip_suffix('-')
                    .unwrap_or(text)
                    .bytes()
                    .all(|byte| byte.is_ascii_digit())
            }),
            RedirectOperator::Read
            | RedirectOperator::DuplicateInput
            | RedirectOperator::HereDoc
            | RedirectOperator::HereString => false,
        }
    }
}
