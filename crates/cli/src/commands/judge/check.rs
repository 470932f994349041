//! `alpacon judge check`: the judge alone, for testing rules. No login, no network.

use std::collections::BTreeMap;
use std::io::{self, BufRead, Read as _, Write as _};

use ::judge::{Authority, Decision, Flag, Plan, RuleError, RuleSet, Sudo};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::error::{CliError, Failure};
use crate::output::json;

pub(crate) const HELP: &str = "\
Each line of stdin is one question:
  {\"id\":1,\"rules\":[\"git *\"],\"env\":{},\"files\":[\"/srv/*\"],\"sudo\":[],\"line\":\"git status\"}

  rules  globs over commands; empty: no allow-list
  env    variables that come with the command
  files  globs over files that output may go to; left out: no file rule exists
  sudo   globs over what sudo may run; left out: anything
  line   the command line

Each answer is one line of stdout:
  {\"id\",\"verdict\":\"allow|deny|hold\",\"code\",\"reason\",\"rule\",\"commands\",\"flags\"}

A question that cannot be used is answered with {\"id\",\"error\"}; the run goes on.";

/// Longest question, in bytes.
const MAX_QUESTION: usize = 16 << 20;

/// One question. What else a line holds, such as the verdict that a corpus expects,
/// is ignored.
#[derive(Debug, Deserialize)]
struct Question {
    #[serde(default)]
    rules: Option<Vec<String>>,
    /// Only the names matter.
    #[serde(default)]
    env: Option<BTreeMap<String, Value>>,
    #[serde(default)]
    files: Option<Vec<String>>,
    #[serde(default)]
    sudo: Option<Vec<String>>,
    line: String,
}

/// The id of a question that may be wrong otherwise.
#[derive(Debug, Deserialize)]
struct Id<'a> {
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
}

/// Members in the order they are written.
#[derive(Debug, Serialize)]
struct Answer<'a> {
    /// As it was asked, digit by digit.
    id: Option<&'a RawValue>,
    verdict: &'static str,
    code: Option<&'static str>,
    reason: Option<String>,
    rule: Option<String>,
    commands: Vec<String>,
    flags: Vec<Flag>,
}

#[derive(Debug, Serialize)]
struct Problem<'a> {
    id: Option<&'a RawValue>,
    error: String,
}

pub(super) fn run() -> Result<(), Failure> {
    let mut stdin = io::stdin().lock();
    let mut stdout = io::stdout().lock();
    let mut number = 0_u64;
    while let Some(question) = next(&mut stdin)? {
        number += 1;
        let answer = match &question {
            Line::TooLong => problem(None, number, &format!("longer than {MAX_QUESTION} bytes")),
            Line::Text(text) if text.trim_ascii().is_empty() => continue,
            Line::Text(text) => answer(text, number),
        };
        // A program that asks line by line waits for each answer. One that went away
        // wants no more of them.
        let written = stdout.write_all(answer.as_bytes());
        if written.and_then(|()| stdout.flush()).is_err() {
            break;
        }
    }
    Ok(())
}

#[derive(Debug, PartialEq, Eq)]
enum Line {
    Text(Vec<u8>),
    /// Its rest was skipped.
    TooLong,
}

/// The next line; `None` at the end.
fn next(input: &mut impl BufRead) -> Result<Option<Line>, CliError> {
    let unreadable =
        |error: io::Error| CliError::refusal(format!("cannot read the questions: {error}"));
    let mut text = Vec::new();
    let limit = u64::try_from(MAX_QUESTION).unwrap_or(u64::MAX);
    let read = input
        .by_ref()
        .take(limit + 1)
        .read_until(b'\n', &mut text)
        .map_err(unreadable)?;
    if read == 0 {
        return Ok(None);
    }
    if text.len() > MAX_QUESTION && text.last() != Some(&b'\n') {
        input.skip_until(b'\n').map_err(unreadable)?;
        return Ok(Some(Line::TooLong));
    }
    Ok(Some(Line::Text(text)))
}

fn answer(text: &[u8], number: u64) -> String {
    let id = serde_json::from_slice::<Id<'_>>(text)
        .ok()
        .and_then(|question| question.id);
    match serde_json::from_slice::<Question>(text) {
        Err(error) => problem(id, number, &reason(&error)),
        Ok(question) => match judged(id, &question) {
            Ok(answer) => json::line(&answer),
            Err(error) => problem(id, number, &error.to_string()),
        },
    }
}

/// The decoder counts lines too, of which there is always one.
fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rsplit_once(" at line ") {
        Some((reason, _)) => format!("{reason} at column {}", error.column()),
        None => text,
    }
}

fn problem(id: Option<&RawValue>, number: u64, reason: &str) -> String {
    json::line(&Problem {
        id,
        error: format!("line {number}: {reason}"),
    })
}

fn judged<'a>(id: Option<&'a RawValue>, question: &Question) -> Result<Answer<'a>, RuleError> {
    let authority = question.authority()?;
    let names: Vec<&String> = question
        .env
        .iter()
        .flatten()
        .map(|(name, _)| name)
        .collect();
    let plan = Plan::read(&question.line);
    let verdict = ::judge::judge(&plan, &authority, &names);
    let (word, code, reason) = match verdict.decision {
        Decision::Allow => ("allow", None, None),
        Decision::Deny { code, reason } => ("deny", Some(code.as_str()), Some(reason)),
        Decision::Hold { reason } => ("hold", None, Some(reason)),
    };
    Ok(Answer {
        id,
        verdict: word,
        code,
        reason,
        rule: verdict.rule,
        commands: plan.rendered(),
        flags: verdict.flags,
    })
}

impl Question {
    /// What it may do. The rest is as by default: the usual folders are trusted, and
    /// risk denies nothing.
    fn authority(&self) -> Result<Authority, RuleError> {
        let rules = self.rules.as_ref().filter(|rules| !rules.is_empty());
        let sudo = match &self.sudo {
            Some(policies) => Sudo::Policies(RuleSet::compile(policies)?),
            None => Sudo::Unrestricted,
        };
        Ok(Authority {
            commands: rules.map(|rules| RuleSet::compile(rules)).transpose()?,
            files: self
                .files
                .as_ref()
                .map(|globs| RuleSet::compile_paths(globs))
                .transpose()?,
            sudo,
            ..Authority::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn asked(text: &str) -> String {
        answer(text.as_bytes(), 7)
    }

    #[test]
    fn members_come_in_the_promised_order() {
        insta::assert_snapshot!(
            asked(r#"{"id":"a","rules":["git *"],"line":"git  status > out","verdict":"deny"}"#),
            @r#"{"id":"a","verdict":"allow","code":null,"reason":null,"rule":"git *","commands":["git status"],"flags":["writes_file"]}"#
        );
        insta::assert_snapshot!(
            asked(r#"{"rules":["git *"],"line":"rm x"}"#),
            @r#"{"id":null,"verdict":"deny","code":"command_not_allowed","reason":"no rule allows `rm x`","rule":null,"commands":["rm x"],"flags":[]}"#
        );
    }

    #[test]
    fn absent_and_empty_lists_differ_where_they_should() {
        let verdict = |text: &str| {
            let answer: Value = serde_json::from_str(&asked(text)).unwrap();
            answer["verdict"].as_str().unwrap().to_owned()
        };
        assert_eq!(verdict(r#"{"rules":[],"line":"rm x"}"#), "allow");
        assert_eq!(
            verdict(r#"{"rules":["echo *"],"line":"echo a > /x"}"#),
            "allow"
        );
        let files = r#"{"rules":["echo *"],"files":[],"line":"echo a > /x"}"#;
        assert_eq!(verdict(files), "deny");
        assert_eq!(verdict(r#"{"line":"sudo ls"}"#), "allow");
        assert_eq!(verdict(r#"{"sudo":[],"line":"sudo ls"}"#), "deny");
        let env = r#"{"rules":["ls"],"env":{"LD_PRELOAD":"/x"},"line":"ls"}"#;
        assert_eq!(verdict(env), "deny");
    }

    #[test]
    fn the_id_of_a_bad_question_is_kept() {
        insta::assert_snapshot!(
            asked(r#"{"id":18446744073709551616}"#),
            @r#"{"id":18446744073709551616,"error":"line 7: missing field `line` at column 27"}"#
        );
        let empty_rule = asked(r#"{"id":[1],"rules":[" "],"line":"ls"}"#);
        assert!(
            empty_rule.starts_with(r#"{"id":[1],"error":"line 7: rule 1 is empty;"#),
            "{empty_rule}"
        );
        let nonsense = asked("nonsense");
        assert!(
            nonsense.starts_with(r#"{"id":null,"error":"line 7: "#),
            "{nonsense}"
        );
    }

    #[test]
    fn a_line_that_is_too_long_is_skipped() {
        let mut text = vec![b' '; MAX_QUESTION + 5];
        text.extend(b"\nnext\nlast");
        let mut input = text.as_slice();
        assert_eq!(next(&mut input).unwrap(), Some(Line::TooLong));
        assert_eq!(
            next(&mut input).unwrap(),
            Some(Line::Text(b"next\n".to_vec()))
        );
        assert_eq!(
            next(&mut input).unwrap(),
            Some(Line::Text(b"last".to_vec()))
        );
        assert_eq!(next(&mut input).unwrap(), None);
    }

    proptest! {
        #[test]
        fn any_text_gets_one_line(text in "\\PC*") {
            let answer = asked(&text);
            prop_assert_eq!(answer.matches('\n').count(), 1);
            prop_assert!(serde_json::from_str::<Value>(&answer).is_ok());
        }
    }
}
