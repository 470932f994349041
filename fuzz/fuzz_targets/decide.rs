//! No panic, and an allowed line runs allowed commands only.
#![no_main]

use std::sync::LazyLock;

use judge::{Authority, Decision, Plan, RuleSet, credential, judge, risk};
use libfuzzer_sys::fuzz_target;

static AUTHORITY: LazyLock<Authority> = LazyLock::new(|| {
    let rules = ["ls", "ls *", "echo *", "sudo *", "sh *", "find *"].map(str::to_owned);
    Authority {
        commands: RuleSet::compile(&rules).ok(),
        ..Authority::default()
    }
});

fuzz_target!(|text: &str| {
    let plan = Plan::read(text);
    let verdict = judge(&plan, &AUTHORITY, &[] as &[&str]);
    if verdict.decision == Decision::Allow {
        for command in &plan.commands {
            let name = command.base_name().expect("an allowed command has a name");
            assert!(
                ["ls", "echo", "sudo", "sh", "find"].contains(&name),
                "{name}"
            );
        }
        assert_eq!(plan.problem, None);
    }
    let _ = (credential::find(&plan), risk::of(&plan), plan.direct_argv());
});
