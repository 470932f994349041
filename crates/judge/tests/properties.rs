//! What holds for every line and every rule set.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use judge::{Authority, Decision, Origin, Plan, RuleSet, credential, judge, risk};
use proptest::prelude::*;

fn lines() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "ls",
        "git",
        "docker",
        "rm",
        "cat",
        "sudo",
        "env",
        "sh -c",
        "timeout 5",
        "find",
        "xargs",
        "-exec",
        "-rf",
        "-l",
        "-u root",
        "--",
        "x",
        "/tmp/x",
        "/usr/bin/git",
        "/tmp/git",
        "'a b'",
        "\"$X\"",
        "$X",
        "*.log",
        "A=1",
        "PATH=/x",
        "|",
        ";",
        "&&",
        "||",
        "&",
        "\n",
        "$(",
        ")",
        "(",
        "{ ",
        "; }",
        "> out",
        "2>&1",
        "< in",
        "'ls x'",
        "\\;",
        "{}",
        "status",
        "`",
        "if",
        "then",
        "fi",
        "!",
    ]);
    prop::collection::vec(piece, 0..14).prop_map(|pieces| pieces.join(" "))
}

fn rule() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "ls",
        "git",
        "docker",
        "rm",
        "cat",
        "sudo",
        "env",
        "sh -c",
        "timeout",
        "find",
        "xargs",
        "*",
        "ls *",
        "git *",
        "-l",
        "status",
        "'a b'",
        "/usr/bin/git",
        "PATH=*",
        "x",
    ]);
    prop::collection::vec(piece, 1..4).prop_map(|pieces| pieces.join(" "))
}

fn rules() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(rule(), 0..8)
}

fn allows(rules: &[String], plan: &Plan) -> bool {
    let authority = Authority {
        commands: Some(RuleSet::compile(rules).unwrap()),
        ..Authority::default()
    };
    judge(plan, &authority, &[] as &[&str]).decision == Decision::Allow
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    #[test]
    fn answers_any_text(line in any::<String>(), rules in rules()) {
        let plan = Plan::read(&line);
        let found = credential::find(&plan).map(|finding| finding.to_string());
        prop_assert!(found.is_none_or(|shown| !shown.is_empty()));
        prop_assert!(risk::of(&plan) >= judge::Risk::Low);
        if allows(&rules, &plan) {
            prop_assert_eq!(plan.problem, None);
        }
    }

    #[test]
    fn adding_a_rule_never_denies(line in lines(), rules in rules(), more in rule(), at in any::<prop::sample::Index>()) {
        let plan = Plan::read(&line);
        if allows(&rules, &plan) {
            let mut grown = rules.clone();
            grown.insert(at.index(rules.len() + 1), more);
            prop_assert!(allows(&grown, &plan), "{line} under {grown:?}");
        }
    }

    #[test]
    fn an_allowed_line_runs_allowed_commands_only(line in lines(), rules in rules()) {
        let plan = Plan::read(&line);
        if allows(&rules, &plan) {
            for command in plan.commands.iter().filter(|command| command.origin == Origin::Line) {
                let alone = command.canonical();
                prop_assert!(allows(&rules, &Plan::read(&alone)), "{alone} in {line}");
            }
        }
    }

    #[test]
    fn allowed_lines_can_be_joined(one in lines(), two in lines(), rules in rules()) {
        // A line that defines or sets something may change the one after it.
        if allows(&rules, &Plan::read(&one)) && allows(&rules, &Plan::read(&two)) {
            let joined = Plan::read(&format!("{one}\n{two}"));
            prop_assert!(allows(&rules, &joined), "{one} then {two}: {:?}", joined.problem);
        }
    }

    #[test]
    fn the_parts_of_an_allowed_line_are_allowed(
        one in lines(),
        separator in prop::sample::select(vec![";", "&&", "||", "|", "&", "\n"]),
        two in lines(),
        rules in rules(),
    ) {
        if !allows(&rules, &Plan::read(&format!("{one} {separator} {two}"))) {
            return Ok(());
        }
        for part in [one, two] {
            let plan = Plan::read(&part);
            // A half may be no line by itself, as that of an `if`.
            let is_line = plan.problem.is_none() && !part.trim().is_empty();
            prop_assert!(!is_line || allows(&rules, &plan), "{part}");
        }
    }

    #[test]
    fn rendering_is_the_inverse_of_reading(words in prop::collection::vec("[^\0]{0,12}", 1..5)) {
        prop_assume!(!words[0].is_empty());
        let rendered = render(&words);
        let plan = Plan::read(&rendered);
        prop_assert!(plan.commands[1..].iter().all(|command| command.origin != Origin::Line));
        let read: Vec<_> = plan.commands[0].words.iter().map(|word| word.as_static().map(str::to_owned)).collect();
        let expected: Vec<_> = words.into_iter().map(Some).collect();
        prop_assert_eq!(read, expected);
        prop_assert_eq!(plan.commands[0].canonical(), rendered);
    }

    #[test]
    fn a_direct_argv_is_the_whole_line(line in lines()) {
        let plan = Plan::read(&line);
        if let Some(argv) = plan.direct_argv() {
            prop_assert_eq!(Plan::read(&render(&argv)).direct_argv(), Some(argv));
            prop_assert!(!line.contains(['|', '&', '>', '<', '$', '`', '(']));
        }
    }
}

/// Canonical form of static words, by way of fully quoted ones.
fn render(words: &[String]) -> String {
    let quoted: Vec<_> = words
        .iter()
        .map(|word| format!("'{}'", word.replace('\'', "'\\''")))
        .collect();
    Plan::read(&quoted.join(" ")).commands[0].canonical()
}
