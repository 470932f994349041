//! Runs `corpus/*.jsonl`; its README explains the form.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use std::{collections::BTreeMap, fs, path::Path};

use judge::{Authority, Decision, Flag, Plan, RuleSet, Sudo, judge};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    #[serde(default)]
    rules: Vec<String>,
    #[serde(default)]
    env: BTreeMap<String, String>,
    files: Option<Vec<String>>,
    sudo: Option<Vec<String>>,
    line: String,
    verdict: String,
    code: Option<String>,
    commands: Option<Vec<String>>,
    flags: Option<Vec<String>>,
    #[serde(rename = "host")]
    _host: Option<String>,
}

#[test]
fn every_case_gets_its_verdict() {
    let mut wrong = Vec::new();
    let mut cases = 0;
    let mut allowed = 0;
    for (name, text) in files() {
        for (number, line) in text.lines().enumerate() {
            let at = format!("{name}:{}", number + 1);
            let case: Case =
                serde_json::from_str(line).unwrap_or_else(|error| panic!("{at}: {error}"));
            cases += 1;
            allowed += usize::from(case.verdict == "allow");
            if let Err(difference) = run(&case) {
                wrong.push(format!("{at}: {:?}\n    {difference}", case.line));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {cases}:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(cases >= 300, "only {cases} cases");
    assert!(
        allowed * 100 >= cases * 40,
        "only {allowed} of {cases} cases are honest lines"
    );
}

fn files() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../corpus");
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "jsonl")
        })
        .map(|path| {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            (name, fs::read_to_string(path).unwrap())
        })
        .collect();
    files.sort();
    files
}

fn run(case: &Case) -> Result<(), String> {
    let compile = |rules: &[String]| RuleSet::compile(rules).unwrap();
    let authority = Authority {
        commands: (!case.rules.is_empty()).then(|| compile(&case.rules)),
        files: case
            .files
            .as_ref()
            .map(|globs| RuleSet::compile_paths(globs).unwrap()),
        sudo: case
            .sudo
            .as_ref()
            .map_or(Sudo::Unrestricted, |rules| Sudo::Policies(compile(rules))),
        ..Authority::default()
    };
    let names: Vec<_> = case.env.keys().collect();
    let plan = Plan::read(&case.line);
    let verdict = judge(&plan, &authority, &names);
    let (word, code, reason) = match &verdict.decision {
        Decision::Allow => ("allow", None, ""),
        Decision::Deny { code, reason } => ("deny", Some(code.as_str()), reason.as_str()),
        Decision::Hold { reason } => ("hold", None, reason.as_str()),
    };
    if word != case.verdict {
        return Err(format!("{word} ({reason})"));
    }
    if case.code.is_some() && case.code.as_deref() != code {
        return Err(format!("code {code:?} ({reason})"));
    }
    let commands = plan.rendered();
    if case
        .commands
        .as_ref()
        .is_some_and(|expected| *expected != commands)
    {
        return Err(format!("commands {commands:?}"));
    }
    let has = |name: &String| {
        serde_json::from_value::<FlagName>(name.as_str().into())
            .is_ok_and(|FlagName(flag)| verdict.flags.contains(&flag))
    };
    if !case.flags.iter().flatten().all(has) {
        return Err(format!("flags {:?}", verdict.flags));
    }
    Ok(())
}

/// A flag by its name in the corpus.
#[derive(Deserialize)]
#[serde(try_from = "String")]
struct FlagName(Flag);

impl TryFrom<String> for FlagName {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        let all = [
            Flag::Unparsed,
            Flag::DynamicName,
            Flag::HiddenCommand,
            Flag::EnvironmentChanged,
            Flag::WritesFile,
            Flag::Privileged,
        ];
        let named = |flag: &Flag| serde_json::to_value(flag).unwrap() == name.as_str();
        all.into_iter().find(named).map(FlagName).ok_or(name)
    }
}
