//! Text that bash runs although no command stands in it.
//!
//! Arithmetic evaluates the *contents* of variables, and a subscript in them is
//! expanded: `x='a[$(id)]'; echo $((x))` runs `id`. The same holds for `let`,
//! `[[ -eq ]]`, substring offsets, `${!x}`, `printf -v`, `test -v`, `unset` and
//! others. Such a line is decidable only where what is evaluated is a number.

use std::collections::{BTreeSet, HashMap};

use shell_syntax::{
    Arithmetic, Assignment, Command, CommandKind, Parameter, Part, Script, Simple, Substitution,
    Visitor, Word,
};

/// Programs that print numbers, unless a format says otherwise.
const NUMERIC: [&str; 9] = [
    "date", "nproc", "id", "wc", "expr", "stat", "seq", "getconf", "pgrep",
];

/// Builtins that expand subscripts in their arguments.
const SUBSCRIPTING: [&str; 14] = [
    "let",
    "unset",
    "read",
    "printf",
    "test",
    "[",
    "declare",
    "typeset",
    "local",
    "export",
    "readonly",
    "mapfile",
    "readarray",
    "getopts",
];

/// Operators of `[[ ]]` that evaluate their operands.
const COMPARISONS: [&str; 6] = ["-eq", "-ne", "-lt", "-le", "-gt", "-ge"];

/// What a plan evaluates. Variables live longer than one text: what `eval` and
/// `sh -c` parse again belongs to the same examination.
#[derive(Debug, Default)]
pub(crate) struct Examiner {
    /// Variables whose contents are evaluated.
    names: BTreeSet<String>,
    /// Variables that the line sets; `true` while only numbers are put there.
    values: HashMap<String, bool>,
    hidden: Option<&'static str>,
    /// Some quoted text has a substitution in it.
    literal_substitution: bool,
}

impl Examiner {
    pub(crate) fn examine(&mut self, script: &Script) {
        shell_syntax::walk(script, self);
    }

    /// Why the line may run something that cannot be seen.
    pub(crate) fn hidden(&self) -> Option<&'static str> {
        if !self.names.is_empty() && self.literal_substitution {
            return Some("a quoted substitution as arithmetic");
        }
        let unknown = self
            .names
            .iter()
            .any(|name| self.values.get(name) == Some(&false));
        self.hidden
            .or_else(|| unknown.then_some("the contents of a variable as arithmetic"))
    }

    /// Variables whose contents are evaluated and come from outside.
    pub(crate) fn variables(self) -> Vec<String> {
        let Self { names, values, .. } = self;
        names
            .into_iter()
            .filter(|name| !values.contains_key(name))
            .collect()
    }
}

impl<'a> Visitor<'a> for Examiner {
    fn command(&mut self, command: &'a Command) {
        match &command.kind {
            CommandKind::For {
                variable, words, ..
            } => {
                let numbers = words
                    .as_ref()
                    .is_some_and(|words| words.iter().all(is_numeric));
                self.set(variable.static_text(), numbers);
            }
            CommandKind::Conditional(words) => self.conditional(words),
            _ => {}
        }
    }

    fn simple(&mut self, _command: &'a Command, simple: &'a Simple) {
        // `command` and `builtin` stand before the builtin they run.
        let prefix = |word: &&Word| {
            let text = word.static_text();
            matches!(text.as_deref(), Some("command" | "builtin" | "-p" | "--"))
        };
        let skipped = simple.words.iter().take_while(prefix).count();
        let Some((first, arguments)) = simple.words.get(skipped..).and_then(<[Word]>::split_first)
        else {
            return;
        };
        if let Some(name) = first.static_text()
            && SUBSCRIPTING.contains(&name.as_str())
        {
            self.subscripting(&name, arguments);
        }
    }

    fn assignment(&mut self, assignment: &'a Assignment) {
        let numeric = assignment.subscript.is_none() && is_numeric(&assignment.value);
        self.set(Some(assignment.name.clone()), numeric);
    }

    fn word(&mut self, word: &'a Word) {
        self.literal_substitution |= word.parts.iter().any(has_literal_substitution);
    }

    fn parameter(&mut self, parameter: &'a Parameter) {
        let operator = parameter.operator.as_str();
        if operator == "@P" {
            self.hidden = Some("`${…@P}`, which expands the contents of a variable");
        }
        if parameter.indirect && !matches!(operator, "*" | "@") {
            self.names.insert(parameter.name.clone());
        }
        if operator == ":" {
            self.evaluate(&parameter.operand);
        }
        if matches!(operator, "=" | ":=") {
            self.set(Some(parameter.name.clone()), false);
        }
    }

    fn arithmetic(&mut self, arithmetic: &'a Arithmetic) {
        if let [Part::Text { text, .. }] = arithmetic.parts.as_slice()
            && matches!(text.as_str(), "@" | "*")
        {
            return; // All elements of an array.
        }
        self.evaluate(&arithmetic.parts);
    }
}

impl Examiner {
    fn set(&mut self, name: Option<String>, numeric: bool) {
        if let Some(name) = name {
            let all = self.values.entry(name).or_insert(true);
            *all &= numeric;
        }
    }

    /// Notes what an arithmetic text evaluates.
    fn evaluate(&mut self, parts: &[Part]) {
        for part in parts {
            match part {
                Part::Text { text, .. } => self.identifiers(text),
                Part::Parameter(parameter) => self.evaluated_parameter(parameter),
                Part::Command(substitution) if prints_numbers(substitution) => {}
                // Visited on its own.
                Part::Arithmetic(_) => {}
                _ => self.hidden = self.hidden.or(Some("unknown text as arithmetic")),
            }
        }
    }

    fn evaluated_parameter(&mut self, parameter: &Parameter) {
        let counts = parameter.operator.starts_with('#') && parameter.operand.is_empty();
        match parameter.name.as_str() {
            "#" | "?" | "$" | "!" => {}
            _ if counts => {}
            name if shell_syntax::is_name(name) => {
                self.names.insert(name.to_owned());
            }
            // Arguments of a function or of the script.
            _ => self.hidden = self.hidden.or(Some("unknown text as arithmetic")),
        }
        if !counts && parameter.operator != ":" {
            self.evaluate(&parameter.operand);
        }
    }

    fn identifiers(&mut self, text: &str) {
        let words = text.split(|ch: char| !ch.is_ascii_alphanumeric() && ch != '_');
        for word in words.filter(|word| shell_syntax::is_name(word)) {
            self.names.insert(word.to_owned());
        }
    }

    fn conditional(&mut self, words: &[Word]) {
        for (index, word) in words.iter().enumerate() {
            let Some(operator) = word.static_text() else {
                continue;
            };
            let before = index.checked_sub(1).and_then(|before| words.get(before));
            let after = words.get(index + 1);
            if COMPARISONS.contains(&operator.as_str()) {
                for operand in [before, after].into_iter().flatten() {
                    self.evaluate(&operand.parts);
                }
            }
            if operator == "-v"
                && let Some(name) = after
            {
                self.variable_name(name);
            }
        }
    }

    /// A word that names a variable: a subscript in it is expanded.
    fn variable_name(&mut self, word: &Word) {
        let known = word.static_text();
        if known.is_none_or(|text| text.contains(['$', '`'])) {
            self.hidden = self.hidden.or(Some("a variable's name that is not known"));
        }
    }

    fn subscripting(&mut self, name: &str, arguments: &[Word]) {
        let option = |text: &str| {
            arguments
                .iter()
                .position(|word| word.static_text().as_deref() == Some(text))
        };
        match name {
            "printf" | "test" | "[" => {
                // A dynamic word may turn out to be `-v`.
                let dynamic = arguments.iter().any(|word| word.static_text().is_none());
                let subscripted = arguments.iter().filter_map(Word::static_text);
                if dynamic
                    && subscripted
                        .into_iter()
                        .any(|text| expands_in_subscript(&text))
                {
                    self.hidden = self.hidden.or(Some("a variable's name that is not known"));
                }
                if let Some(variable) = option("-v").and_then(|at| arguments.get(at + 1)) {
                    self.variable_name(variable);
                    self.set(variable.static_text(), false);
                }
            }
            "let" => arguments.iter().for_each(|word| self.evaluate(&word.parts)),
            _ => {
                let evaluates = arguments.iter().filter_map(Word::static_text).any(|text| {
                    text.starts_with(['-', '+']) && !text.starts_with("--") && text.contains('i')
                });
                if evaluates && matches!(name, "declare" | "typeset" | "local") {
                    self.hidden = self.hidden.or(Some("an integer variable"));
                }
                for word in arguments {
                    self.declared(name, word);
                }
            }
        }
    }

    /// One argument of `declare`, `read` and the like.
    fn declared(&mut self, builtin: &str, word: &Word) {
        let Some(Part::Text { text, .. }) = word.parts.first() else {
            return self.variable_name(word);
        };
        if text.starts_with(['-', '+']) {
            return;
        }
        let end = text
            .find(|ch: char| !ch.is_ascii_alphanumeric() && ch != '_')
            .unwrap_or(text.len());
        let (variable, rest) = text.split_at(end);
        // A pattern may match a file whose name has a subscript.
        let is_pattern = word.static_text().is_none() && !rest.starts_with(['=', '+']);
        if rest.starts_with('[') || (rest.is_empty() && word.parts.len() > 1) || is_pattern {
            return self.variable_name(word);
        }
        let assigns = rest.starts_with('=')
            && matches!(
                builtin,
                "declare" | "typeset" | "local" | "export" | "readonly"
            );
        let bare_number = word.static_text().is_some_and(|all| {
            all.get(end + 1..)
                .is_some_and(|value| value.bytes().all(|byte| byte.is_ascii_digit()))
        });
        if shell_syntax::is_name(variable)
            && (assigns || matches!(builtin, "read" | "mapfile" | "readarray" | "getopts"))
        {
            self.set(Some(variable.to_owned()), assigns && bare_number);
        }
    }
}

/// `a[$(id)]`
fn expands_in_subscript(text: &str) -> bool {
    text.contains('[') && text.contains(['$', '`'])
}

/// Whether the word is a number, or several.
fn is_numeric(word: &Word) -> bool {
    word.parts.iter().all(|part| match part {
        // Ranges such as `{1..5}` stay numbers.
        Part::Text { text, .. } => text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || b"{}.,-+".contains(&byte)),
        Part::Arithmetic(_) => true,
        Part::Command(substitution) => prints_numbers(substitution),
        Part::Parameter(parameter) => {
            matches!(parameter.name.as_str(), "#" | "?" | "$" | "!") || parameter.operator == "#"
        }
        _ => false,
    })
}

fn prints_numbers(substitution: &Substitution) -> bool {
    let pipelines = substitution.list.items.iter().flat_map(|item| {
        std::iter::once(&item.first).chain(item.rest.iter().map(|(_, next)| next))
    });
    pipelines.into_iter().all(|pipeline| {
        let last = pipeline.commands.last().map(|command| &command.kind);
        let Some(CommandKind::Simple(simple)) = last else {
            return false;
        };
        let name = simple.words.first().and_then(Word::static_text);
        name.is_some_and(|name| NUMERIC.contains(&name.as_str()))
            && simple.words.iter().all(|word| word.static_text().is_some())
    })
}

fn has_literal_substitution(part: &Part) -> bool {
    match part {
        Part::Text { text, .. } => text.contains("$(") || text.contains('`') || text.contains("${"),
        Part::Bytes => true,
        Part::Array(words) => words
            .iter()
            .flat_map(|word| &word.parts)
            .any(has_literal_substitution),
        _ => false,
    }
}
