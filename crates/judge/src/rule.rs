//! Command rules: globs over the canonical form of a simple command.

use std::collections::HashMap;

use shell_syntax::{CommandKind, Part, Word};
use thiserror::Error;

use crate::{
    argument::{Argument, UNKNOWN},
    glob::Glob,
    plan::Assigned,
    render,
};

/// Longest rule, in bytes.
const MAX_RULE_LENGTH: usize = 4096;
/// Most rules in a set.
const MAX_RULES: usize = 10_000;

/// Why a rule cannot be used.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum RuleError {
    /// Nothing but blanks.
    #[error("rule {0} is empty; write the command it allows, such as `systemctl restart nginx`")]
    Empty(usize),
    /// Longer than 4096 bytes.
    #[error("rule {0} is longer than {MAX_RULE_LENGTH} bytes")]
    TooLong(usize),
    /// A control character can be in no readable rule.
    #[error("rule {0} contains a control character")]
    Control(usize),
    /// More than 10,000 rules.
    #[error("more than {MAX_RULES} rules; use `*` to join some")]
    TooMany,
}

/// A compiled list of rules (`judgment.md` §3).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleSet {
    rules: Vec<Rule>,
    /// By program, for rules that name one; indices in order.
    by_program: HashMap<String, Vec<usize>>,
    /// Rules whose program part has a star, or that only set variables.
    others: Vec<usize>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rule {
    text: String,
    /// Variables the rule names, with what they may be set to.
    variables: Vec<(String, Glob)>,
    glob: Glob,
    /// The program part, unless it has a star.
    program: Option<String>,
}

/// What is compared with rules: one simple command.
pub(crate) struct Subject {
    /// The program as typed, when static.
    program: Option<String>,
    typed: String,
    /// With the base name for a path in a trusted folder.
    by_base_name: Option<(String, String)>,
    /// A path with `..` and the like, which a star must not see.
    crooked: bool,
}

impl RuleSet {
    /// Compiles rules. Their order is kept: the first that matches decides.
    ///
    /// # Errors
    /// On the first rule that cannot be used; its position counts from 1.
    pub fn compile(rules: &[String]) -> Result<Self, RuleError> {
        if rules.len() > MAX_RULES {
            return Err(RuleError::TooMany);
        }
        let mut set = Self::default();
        for (index, text) in rules.iter().enumerate() {
            let rule = Rule::compile(text, index + 1)?;
            match &rule.program {
                Some(program) => set
                    .by_program
                    .entry(program.clone())
                    .or_default()
                    .push(index),
                None => set.others.push(index),
            }
            set.rules.push(rule);
        }
        Ok(set)
    }

    /// Whether there are no rules, so that nothing matches.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// The first rule for `subject` that also names all `variables`.
    pub(crate) fn find(&self, subject: &Subject, variables: &[&Assigned]) -> Option<&Rule> {
        let none = Vec::new();
        let typed = subject
            .program
            .as_ref()
            .and_then(|name| self.by_program.get(name));
        let base = subject
            .by_base_name
            .as_ref()
            .and_then(|(name, _)| self.by_program.get(name));
        let mut lists = [typed.unwrap_or(&none), base.unwrap_or(&none), &self.others]
            .map(|list| list.iter().copied().peekable());
        loop {
            // The lowest index of the three lists comes next.
            let next = lists
                .iter_mut()
                .filter_map(|list| list.peek().copied())
                .min()?;
            for list in &mut lists {
                list.next_if_eq(&next);
            }
            let rule = self.rules.get(next)?;
            if rule.allows(subject) && rule.names(variables) {
                return Some(rule);
            }
        }
    }

    /// Whether some rule names each of these variables without a value in mind.
    pub(crate) fn names_variable(&self, name: &str) -> bool {
        self.rules.iter().any(|rule| {
            rule.variables
                .iter()
                .any(|(known, value)| known == name && value == &Glob::new("*"))
        })
    }

    /// A rule for a plain text such as a path.
    pub(crate) fn find_text(&self, text: &str) -> Option<&str> {
        self.rules
            .iter()
            .find(|rule| rule.glob.matches(text))
            .map(|rule| rule.text.as_str())
    }

    /// Compiles globs over plain text such as paths, in which blanks and quotes
    /// mean nothing.
    ///
    /// # Errors
    /// As [`RuleSet::compile`].
    pub fn compile_paths(patterns: &[String]) -> Result<Self, RuleError> {
        if patterns.len() > MAX_RULES {
            return Err(RuleError::TooMany);
        }
        let mut set = Self::default();
        for (index, text) in patterns.iter().enumerate() {
            check(text, index + 1)?;
            set.rules.push(Rule {
                text: text.clone(),
                variables: Vec::new(),
                glob: Glob::new(text),
                program: None,
            });
        }
        Ok(set)
    }
}

fn check(text: &str, position: usize) -> Result<(), RuleError> {
    if text.trim().is_empty() {
        return Err(RuleError::Empty(position));
    }
    if text.len() > MAX_RULE_LENGTH {
        return Err(RuleError::TooLong(position));
    }
    if text.contains(char::is_control) {
        return Err(RuleError::Control(position));
    }
    Ok(())
}

impl Rule {
    fn compile(text: &str, position: usize) -> Result<Self, RuleError> {
        check(text, position)?;
        let (variables, pattern) = canonical(text).unwrap_or_else(|| {
            (
                Vec::new(),
                text.split_ascii_whitespace().collect::<Vec<_>>().join(" "),
            )
        });
        let first = pattern.split(' ').next().unwrap_or("");
        let program = (!first.is_empty() && !first.contains(['*', '\''])).then(|| first.to_owned());
        Ok(Self {
            text: text.to_owned(),
            variables,
            glob: Glob::new(&pattern),
            program,
        })
    }

    /// The rule as it was written.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    fn allows(&self, subject: &Subject) -> bool {
        if subject.crooked && self.program.is_none() && self.glob != Glob::new("*") {
            return false;
        }
        self.glob.matches(&subject.typed)
            || subject
                .by_base_name
                .as_ref()
                .is_some_and(|(_, text)| self.glob.matches(text))
    }

    fn names(&self, variables: &[&Assigned]) -> bool {
        variables.iter().all(|assigned| {
            self.variables.iter().any(|(name, value)| {
                *name == assigned.name && value.matches(assigned.value.pattern())
            })
        })
    }

    /// Whether the rule spells out the command that starts at word `index` of
    /// `words`, which it matched as a whole, at least up to its program.
    pub(crate) fn spells_out(&self, words: &[Argument], index: usize) -> bool {
        if self.glob.is_literal() {
            return true;
        }
        let Some(through) = words.get(..=index) else {
            return false;
        };
        let mut text = render::matchable(through);
        text.push(' ');
        !text.contains(UNKNOWN) && self.glob.literal_prefix().starts_with(&text)
    }

    /// Whether the rule has no star at all.
    pub(crate) fn is_literal(&self) -> bool {
        self.glob.is_literal()
    }
}

impl Subject {
    pub(crate) fn new(words: &[Argument], trusted: &[String]) -> Self {
        let typed = render::matchable(words);
        let program = words
            .first()
            .and_then(Argument::as_static)
            .map(str::to_owned);
        let mut by_base_name = None;
        let mut crooked = false;
        if let Some((folder, base)) = program.as_deref().and_then(|path| path.rsplit_once('/')) {
            crooked = folder
                .split('/')
                .skip(1)
                .any(|part| matches!(part, "" | "." | ".."));
            if !base.is_empty() && trusted.iter().any(|known| known == folder) {
                let mut renamed = words.to_vec();
                if let Some(first) = renamed.first_mut() {
                    *first = Argument::fixed(base);
                }
                by_base_name = Some((base.to_owned(), render::matchable(&renamed)));
            }
        }
        Self {
            program,
            typed,
            by_base_name,
            crooked,
        }
    }
}

/// The rule in the form in which commands are compared, if it reads as one
/// command: variables with values, and the pattern over the words.
fn canonical(text: &str) -> Option<(Vec<(String, Glob)>, String)> {
    let script = shell_syntax::parse(text).ok()?;
    let [item] = script.list.items.as_slice() else {
        return None;
    };
    let [command] = item.first.commands.as_slice() else {
        return None;
    };
    let CommandKind::Simple(simple) = &command.kind else {
        return None;
    };
    let bare = item.rest.is_empty()
        && !item.background
        && !item.first.negated
        && !item.first.timed
        && command.redirects.is_empty()
        && script.doubts.is_empty();
    if !bare || command.span.end != text.trim_end().len() {
        return None;
    }
    let mut variables = Vec::new();
    for assignment in &simple.assignments {
        let (value, _) = plain(&assignment.value)?;
        variables.push((assignment.name.clone(), Glob::new(&value)));
    }
    let mut words = Vec::new();
    for (index, word) in simple.words.iter().enumerate() {
        let (value, quoted) = plain(word)?;
        words.push(if quoted {
            render::quote(&value, index == 0).into_owned()
        } else {
            value
        });
    }
    Some((variables, words.join(" ")))
}

/// Text of a word without expansions, and whether any of it was quoted.
fn plain(word: &Word) -> Option<(String, bool)> {
    let mut out = String::new();
    let mut any_quoted = false;
    for part in &word.parts {
        let Part::Text { text, quoted } = part else {
            return None;
        };
        any_quoted |= quoted;
        out.push_str(text);
    }
    Some((out, any_quoted))
}
