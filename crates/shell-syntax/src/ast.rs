//! The tree. Every place where a command can hide is a field of some node.

/// A byte range of the input, end exclusive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

impl Span {
    /// The range `start..end`.
    pub fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }
}

/// Commands separated by `;`, `&` or newlines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct List {
    /// The members.
    pub items: Vec<AndOr>,
    /// From the first to the last member.
    pub span: Span,
}

/// Pipelines joined by `&&` and `||`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AndOr {
    /// The first pipeline.
    pub first: Pipeline,
    /// What follows it.
    pub rest: Vec<(AndOrOperator, Pipeline)>,
    /// Ended by `&`.
    pub background: bool,
}

/// How two pipelines are joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AndOrOperator {
    /// `&&`
    And,
    /// `||`
    Or,
}

/// Commands joined by `|` or `|&`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pipeline {
    /// Preceded by an odd number of `!`.
    pub negated: bool,
    /// Preceded by the reserved word `time`.
    pub timed: bool,
    /// The commands; empty only for a bare `!` or `time`.
    pub commands: Vec<Command>,
}

/// A simple or compound command with its redirections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// What it is.
    pub kind: CommandKind,
    /// Redirections of a compound command; those of a simple command as well.
    pub redirects: Vec<Redirect>,
    /// The whole command.
    pub span: Span,
}

/// The kinds of command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommandKind {
    /// Assignments and words.
    Simple(Simple),
    /// `( list )`
    Subshell(List),
    /// `{ list; }`
    Group(List),
    /// `if … elif … else … fi`
    If {
        /// Conditions with what they guard.
        branches: Vec<(List, List)>,
        /// After `else`.
        otherwise: Option<List>,
    },
    /// `while` or `until`.
    Loop {
        /// `until`.
        until: bool,
        /// Between `while` and `do`.
        condition: List,
        /// Between `do` and `done`.
        body: List,
    },
    /// `for name in words` or `select name in words`.
    For {
        /// `select`.
        select: bool,
        /// The loop variable.
        variable: Word,
        /// After `in`; `None` runs over the positional parameters.
        words: Option<Vec<Word>>,
        /// Between `do` and `done`.
        body: List,
    },
    /// `for (( a; b; c ))`
    ArithmeticFor {
        /// The three expressions with their semicolons.
        header: Arithmetic,
        /// The body.
        body: List,
    },
    /// `case word in … esac`
    Case {
        /// What is compared.
        subject: Word,
        /// The arms.
        arms: Vec<CaseArm>,
    },
    /// A function definition.
    Function {
        /// Its name.
        name: Word,
        /// A compound command.
        body: Box<Command>,
    },
    /// `coproc`
    Coproc {
        /// The array that receives the descriptors.
        name: Option<Word>,
        /// What runs.
        body: Box<Command>,
    },
    /// `[[ … ]]`: its operands and operators as words.
    Conditional(Vec<Word>),
    /// `(( … ))`
    Arithmetic {
        /// As bash reads it.
        expression: Arithmetic,
        /// As a shell without arithmetic commands reads the same text: a
        /// subshell in a subshell. `None` where that is a syntax error.
        as_subshell: Option<List>,
    },
}

/// One arm of a `case`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseArm {
    /// Alternatives.
    pub patterns: Vec<Word>,
    /// What runs.
    pub body: List,
}

/// Assignments and words; one of them may be missing, not both unless there
/// are redirections.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Simple {
    /// Before the first word.
    pub assignments: Vec<Assignment>,
    /// Name and arguments.
    pub words: Vec<Word>,
}

/// `name=value`, `name+=value`, `name[subscript]=value`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// The variable.
    pub name: String,
    /// Between `[` and `]`.
    pub subscript: Option<Arithmetic>,
    /// `+=`
    pub append: bool,
    /// The value; an array literal is one [`Part::Array`].
    pub value: Word,
    /// The whole assignment.
    pub span: Span,
}

/// A redirection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirect {
    /// `2` in `2>x`, `{fd}` in `{fd}>x`.
    pub descriptor: Option<String>,
    /// The operator.
    pub operator: RedirectOperator,
    /// Where to.
    pub target: RedirectTarget,
    /// The whole redirection, without a here-document's body.
    pub span: Span,
}

/// Redirection operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RedirectOperator {
    /// `<`
    Read,
    /// `>`
    Write,
    /// `>>`
    Append,
    /// `>|`
    Clobber,
    /// `<>`
    ReadWrite,
    /// `<&`
    DuplicateInput,
    /// `>&`
    DuplicateOutput,
    /// `&>`
    WriteBoth,
    /// `&>>`
    AppendBoth,
    /// `<<` and `<<-`
    HereDoc,
    /// `<<<`
    HereString,
}

/// What a redirection names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RedirectTarget {
    /// A file name, descriptor or here-string.
    Word(Word),
    /// A body in [`crate::Script::here_docs`].
    HereDoc(HereDocId),
}

/// Index into [`crate::Script::here_docs`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct HereDocId(pub(crate) usize);

/// The body of a here-document.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HereDoc {
    /// Whether the delimiter was quoted, so that the body is taken literally.
    pub quoted: bool,
    /// The body. Leading tabs of `<<-` are kept.
    pub body: Word,
}

/// One word after tokenising, before expansion.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Word {
    /// Its pieces.
    pub parts: Vec<Part>,
    /// The word with its quotes.
    pub span: Span,
}

/// A piece of a word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Text after quote removal.
    Text {
        /// The text.
        text: String,
        /// Whether quotes or a backslash protect it from globbing, brace and
        /// tilde expansion.
        quoted: bool,
    },
    /// `$x` or `${x…}`
    Parameter(Parameter),
    /// A command substitution.
    Command(Substitution),
    /// `<(list)` or `>(list)`
    Process(List),
    /// `$((…))` or `$[…]`
    Arithmetic(Arithmetic),
    /// `@(…)`, `!(…)` and the like: an extended glob with what is inside.
    ExtendedGlob(Vec<Self>),
    /// `(word …)` as the value of an assignment.
    Array(Vec<Word>),
    /// A quoted string whose bytes are not UTF-8.
    Bytes,
}

/// A parameter expansion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Variable name, digits or one special character; empty where the text is
    /// no valid expansion.
    pub name: String,
    /// `${!name…}`
    pub indirect: bool,
    /// Text between name (and subscript) and operand, such as `:-`, `##`, `@`.
    pub operator: String,
    /// Between `[` and `]` after the name.
    pub subscript: Option<Arithmetic>,
    /// What follows the operator.
    pub operand: Vec<Part>,
    /// Inside double quotes or a here-document.
    pub quoted: bool,
}

/// A command substitution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Substitution {
    /// What runs.
    pub list: List,
    /// Inside double quotes or a here-document.
    pub quoted: bool,
}

/// An arithmetic expression: text with expansions, not parsed further.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Arithmetic {
    /// Its pieces.
    pub parts: Vec<Part>,
}

impl Word {
    /// The text of a word that quoting and literal text alone decide: no
    /// expansion, glob, brace or tilde. `None` for every other word.
    pub fn static_text(&self) -> Option<String> {
        if self.has_pattern() {
            return None;
        }
        let mut out = String::new();
        for part in &self.parts {
            let Part::Text { text, .. } = part else {
                return None;
            };
            out.push_str(text);
        }
        Some(out)
    }

    /// Whether pathname, brace or tilde expansion can change the word.
    pub fn has_pattern(&self) -> bool {
        let mut brace = Brace::Outside;
        let mut bracket = false;
        let mut first = true;
        for part in &self.parts {
            match part {
                Part::ExtendedGlob(_) => return true,
                Part::Text {
                    text,
                    quoted: false,
                } => {
                    if first && text.starts_with('~') {
                        return true;
                    }
                    // A lone `[` is text, and a command's name.
                    let closed = text.rfind(']').is_some_and(|end| {
                        bracket || text.find('[').is_some_and(|start| start < end)
                    });
                    if closed || text.contains(['*', '?']) || brace.feed(text) {
                        return true;
                    }
                    bracket |= text.contains('[');
                }
                _ => brace.interrupt(),
            }
            first = false;
        }
        false
    }
}

/// Recognises `{…,…}` and `{…..…}` over the unquoted text of a word. It may
/// see one where there is none, never the reverse.
enum Brace {
    Outside,
    Open { dot: bool },
    Separated,
}

impl Brace {
    fn feed(&mut self, text: &str) -> bool {
        for ch in text.chars() {
            *self = match (&self, ch) {
                (Self::Separated, '}') => return true,
                (Self::Separated, _) => Self::Separated,
                (_, '{') => Self::Open { dot: false },
                (Self::Open { .. }, ',') | (Self::Open { dot: true }, '.') => Self::Separated,
                (Self::Open { .. }, '.') => Self::Open { dot: true },
                (Self::Open { .. }, _) => Self::Open { dot: false },
                (Self::Outside, _) => Self::Outside,
            };
        }
        false
    }

    fn interrupt(&mut self) {
        if let Self::Open { dot } = self {
            *dot = false;
        }
    }
}
