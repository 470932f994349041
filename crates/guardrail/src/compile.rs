//! From text to policies, with every fault named.

use std::str::FromStr as _;
use std::sync::LazyLock;

use cedar_policy::{Effect as CedarEffect, Policy, PolicySet, Schema, ValidationMode, Validator};
use miette::Diagnostic;
use serde::Serialize;
use thiserror::Error;

use crate::set::Effect;

/// The schema, in Cedar's own notation.
pub const SCHEMA: &str = include_str!("guardrail.cedarschema");

/// Longest text, bytes.
pub const MAX_TEXT: usize = 64 * 1024;
/// Most policies in one text.
pub const MAX_POLICIES: usize = 100;
/// Operators in one policy, and how deep its brackets nest: what reads and evaluates it
/// recurses.
const MAX_OPERATORS: usize = 150;
const MAX_BRACKETS: usize = 32;
/// More than a policy of these bounds needs, whoever calls.
const PARSER_STACK: usize = 64 << 20;
/// Annotations with a meaning. A misspelt one would be silently ignored by Cedar.
const ANNOTATIONS: [&str; 3] = ["id", "reason", "effect"];

static VALIDATOR: LazyLock<Result<Validator, String>> = LazyLock::new(|| {
    Schema::from_cedarschema_str(SCHEMA)
        .map(|(schema, _)| Validator::new(schema))
        .map_err(|error| error.to_string())
});

/// A guardrail as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// For records.
    pub id: String,
    /// For people.
    pub name: String,
    /// Counts changes.
    pub version: i64,
    /// Cedar.
    pub text: String,
}

/// Why a text is no guardrail.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Error {
    /// Longer than [`MAX_TEXT`].
    #[error("the guardrail is longer than {MAX_TEXT} bytes; split it into several")]
    TooLong,
    /// More than [`MAX_POLICIES`].
    #[error("the guardrail has more than {MAX_POLICIES} policies; split it into several")]
    TooMany,
    /// Conditions nested deeper than any honest policy.
    #[error("policy {0} is nested too deeply; split it into several policies")]
    TooDeep(String),
    /// No room to parse it.
    #[error("the guardrail could not be read: {0}")]
    NoRoom(String),
    /// No policy.
    #[error(
        "the guardrail holds no policy; write for example: \
         forbid (principal, action == Action::\"tunnel\", resource);"
    )]
    Empty,
    /// Not Cedar.
    #[error("{at}{message}")]
    Syntax {
        /// `line:column: `, where known.
        at: String,
        /// What is wrong.
        message: String,
    },
    /// A `permit`.
    #[error(
        "policy {0} is a permit; guardrails only tighten what sessions and rules allow, \
         so write forbid, with unless for what stays allowed"
    )]
    Permit(String),
    /// A template with `?principal` or `?resource`.
    #[error("templates with ?principal or ?resource have no meaning here; write the policy out")]
    Template,
    /// An annotation without a meaning.
    #[error("policy {policy}: @{key} has no meaning; there are @id, @reason and @effect")]
    Annotation {
        /// Which.
        policy: String,
        /// As written.
        key: String,
    },
    /// Not an effect.
    #[error("policy {0}: @effect is \"deny\" (as without it) or \"hold\"")]
    Effect(String),
    /// Two policies with one id.
    #[error("two policies have the id {0}")]
    Twice(String),
    /// Not in the schema.
    #[error("{0}")]
    Schema(String),
}

/// A text that may be stored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Checked {
    /// Names of its policies, in order.
    pub policies: Vec<String>,
    /// What its author should look at, such as a policy that can never match.
    pub warnings: Vec<String>,
}

/// One policy, ready for a slice.
pub(crate) struct Compiled {
    pub(crate) name: String,
    pub(crate) effect: Effect,
    pub(crate) reason: Option<String>,
    pub(crate) policy: Policy,
}

/// Compiles and validates a text without keeping it.
///
/// # Errors
/// The first fault.
pub fn check(text: &str) -> Result<Checked, Error> {
    let (compiled, warnings) = compile(text)?;
    Ok(Checked {
        policies: compiled.into_iter().map(|policy| policy.name).collect(),
        warnings,
    })
}

pub(crate) fn compile(text: &str) -> Result<(Vec<Compiled>, Vec<String>), Error> {
    if text.len() > MAX_TEXT {
        return Err(Error::TooLong);
    }
    bound(text)?;
    let mut result = Err(Error::NoRoom("the reader ended".to_owned()));
    let outcome = std::thread::scope(|scope| {
        let reader = std::thread::Builder::new().stack_size(PARSER_STACK);
        let reader = reader.spawn_scoped(scope, || result = parse(text))?;
        Ok::<_, std::io::Error>(reader.join())
    });
    match outcome {
        Ok(Ok(())) => result,
        Ok(Err(_)) => Err(Error::NoRoom("the reader failed".to_owned())),
        Err(error) => Err(Error::NoRoom(error.to_string())),
    }
}

fn parse(text: &str) -> Result<(Vec<Compiled>, Vec<String>), Error> {
    let parsed = PolicySet::from_str(text).map_err(|error| Error::Syntax {
        at: position(text, &error),
        message: error.to_string(),
    })?;
    if parsed.templates().next().is_some() {
        return Err(Error::Template);
    }
    if parsed.num_of_policies() > MAX_POLICIES {
        return Err(Error::TooMany);
    }
    let mut policies: Vec<&Policy> = parsed.policies().collect();
    // `policy2` before `policy10`.
    policies.sort_by_key(|policy| {
        let id = policy.id().to_string();
        (id.len(), id)
    });
    if policies.is_empty() {
        return Err(Error::Empty);
    }
    let warnings = validate(&parsed)?;
    let mut compiled: Vec<Compiled> = Vec::with_capacity(policies.len());
    for (index, policy) in policies.into_iter().enumerate() {
        let policy = read(policy, index + 1)?;
        if compiled.iter().any(|known| known.name == policy.name) {
            return Err(Error::Twice(policy.name));
        }
        compiled.push(policy);
    }
    Ok((compiled, warnings))
}

fn read(policy: &Policy, number: usize) -> Result<Compiled, Error> {
    let given = policy.annotation("id").filter(|id| !id.is_empty());
    let name = given.map_or_else(|| number.to_string(), str::to_owned);
    if policy.effect() == CedarEffect::Permit {
        return Err(Error::Permit(name));
    }
    if let Some((key, _)) = policy
        .annotations()
        .find(|(key, _)| !ANNOTATIONS.contains(key))
    {
        return Err(Error::Annotation {
            policy: name,
            key: key.to_owned(),
        });
    }
    let effect = match policy.annotation("effect") {
        None | Some("deny") => Effect::Deny,
        Some("hold") => Effect::Hold,
        Some(_) => return Err(Error::Effect(name)),
    };
    let reason = policy.annotation("reason").map(str::trim);
    Ok(Compiled {
        effect,
        reason: reason.filter(|text| !text.is_empty()).map(str::to_owned),
        policy: policy.clone(),
        name,
    })
}

fn validate(policies: &PolicySet) -> Result<Vec<String>, Error> {
    let validator = VALIDATOR
        .as_ref()
        .map_err(|error| Error::Schema(error.clone()))?;
    let result = validator.validate(policies, ValidationMode::Strict);
    let errors: Vec<String> = result
        .validation_errors()
        .map(|error| match error.help() {
            Some(help) => format!("{error} ({help})"),
            None => error.to_string(),
        })
        .collect();
    if !errors.is_empty() {
        return Err(Error::Schema(errors.join("; ")));
    }
    Ok(result
        .validation_warnings()
        .map(ToString::to_string)
        .collect())
}

/// Refuses policies that are too deep to be read, before reading them. Strings and
/// comments count for nothing.
fn bound(text: &str) -> Result<(), Error> {
    let mut policy = 1_usize;
    let (mut operators, mut brackets) = (0_usize, 0_usize);
    let mut rest = text;
    while let Some(byte) = rest.bytes().next() {
        let length = token(rest);
        let word = rest.get(..length).unwrap_or_default();
        match byte {
            b'(' | b'[' | b'{' => brackets += 1,
            b')' | b']' | b'}' => brackets = brackets.saturating_sub(1),
            b'!' | b'-' | b'+' | b'*' | b'&' | b'|' => operators += 1,
            b'i' if word == "if" => operators += 1,
            b';' => {
                policy += 1;
                operators = 0;
            }
            _ => {}
        }
        if operators > MAX_OPERATORS || brackets > MAX_BRACKETS {
            return Err(Error::TooDeep(policy.to_string()));
        }
        rest = rest.get(length..).unwrap_or_default();
    }
    Ok(())
}

/// Length of the string, comment, word, operator or character that starts here.
fn token(text: &str) -> usize {
    let mut chars = text.char_indices();
    let Some((_, first)) = chars.next() else {
        return 0;
    };
    let end = |mut chars: std::str::CharIndices<'_>, stop: &dyn Fn(char) -> bool| {
        chars
            .find(|(_, ch)| stop(*ch))
            .map_or(text.len(), |(at, _)| at)
    };
    match first {
        '"' => {
            let mut escaped = false;
            for (at, ch) in chars {
                match ch {
                    _ if escaped => escaped = false,
                    '\\' => escaped = true,
                    '"' => return at + 1,
                    _ => {}
                }
            }
            text.len()
        }
        '/' if text.starts_with("//") => end(chars, &|ch| ch == '\n'),
        '&' if text.starts_with("&&") => 2,
        '|' if text.starts_with("||") => 2,
        ch if ch.is_alphanumeric() || ch == '_' => {
            end(chars, &|ch| !ch.is_alphanumeric() && ch != '_')
        }
        ch => ch.len_utf8(),
    }
}

/// Where a fault is, as `line:column: `.
fn position(text: &str, error: &dyn Diagnostic) -> String {
    let label = error.labels().and_then(|mut labels| labels.next());
    let Some(before) = label.and_then(|label| text.get(..label.offset())) else {
        return String::new();
    };
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
    format!("line {line}, column {column}: ")
}
