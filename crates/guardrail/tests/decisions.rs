//! What guardrails accept as a text, and what they say about operations.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use chrono::{TimeZone as _, Utc};
use guardrail::{
    Detail, Facts, Outcome, Principal, PrincipalKind, Requester, Server, Set, Source, check,
};
use judge::Plan;
use proptest::prelude::*;

fn source(text: &str) -> Source {
    Source {
        id: "g1".to_owned(),
        name: "test".to_owned(),
        version: 3,
        text: text.to_owned(),
    }
}

fn set(text: &str) -> Set {
    Set::compile(&[source(text)]).unwrap()
}

/// alice of the group ops on web-1, which is tagged env=prod, on a Wednesday at 14:05.
fn facts(detail: Detail<'_>) -> Facts<'_> {
    Facts {
        principal: Principal {
            name: "alice".to_owned(),
            groups: vec!["ops".to_owned()],
            ..Principal::default()
        },
        server: Server {
            name: "web-1".to_owned(),
            platform: "debian".to_owned(),
            tags: [("env".to_owned(), "prod".to_owned())].into(),
        },
        requester: Requester::Agent,
        interactive: false,
        ip: Some("10.1.2.3".parse().unwrap()),
        time: Utc.with_ymd_and_hms(2026, 11, 25, 14, 5, 0).unwrap(),
        username: "root".to_owned(),
        in_session: true,
        detail,
    }
}

fn command(text: &str, line: &str) -> Outcome {
    let plan = Plan::read(line);
    set(text).decide(&facts(Detail::Command {
        line,
        plan: &plan,
        env: vec!["LD_PRELOAD".to_owned()],
    }))
}

fn denies(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Deny(_))
}

#[test]
fn every_fact_can_be_asked_for() {
    let line = "sudo rm -rf /srv/x > /tmp/log";
    for condition in [
        r#"principal == User::"alice""#,
        r#"principal in Group::"ops""#,
        "!principal.superuser && !principal.staff",
        r#"resource == Server::"web-1""#,
        r#"resource.platform == "debian""#,
        r#"resource.hasTag("env") && resource.getTag("env") == "prod""#,
        r#"context.request.requester == "agent""#,
        "!context.request.interactive",
        r#"context.request has ip && context.request.ip.isInRange(ip("10.0.0.0/8"))"#,
        "context.request.hour == 14 && context.request.weekday == 3",
        r#"context.request.username == "root""#,
        "context.request.in_session",
        r#"context.plan.line like "sudo *""#,
        r#"context.plan.commands.contains("rm -rf /srv/x")"#,
        r#"context.plan.programs.contains("rm")"#,
        r#"context.plan.risk == "high" || context.plan.risk_level >= 1"#,
        r#"context.plan.flags.contains("writes_file")"#,
        r#"context.plan.flags.contains("privileged")"#,
        r#"context.plan.writes.contains("/tmp/log")"#,
        r#"context.plan.env.contains("LD_PRELOAD")"#,
        "!context.plan.undecidable",
    ] {
        let policy = |condition: &str| {
            format!(
                r#"forbid (principal is User, action == Action::"command", resource) when {{ {condition} }};"#
            )
        };
        assert!(denies(&command(&policy(condition), line)), "{condition}");
        let negated = policy(&format!("!({condition})"));
        assert_eq!(command(&negated, line), Outcome::Pass, "not {condition}");
    }
}

#[test]
fn each_operation_has_its_facts() {
    let plan = Plan::read("'id'");
    let cases = [
        (
            "sudo",
            r#"context.run_as == "root" && context.plan.programs.contains("id")"#,
            Detail::Sudo {
                line: "id",
                plan: &plan,
                run_as: "root".to_owned(),
            },
        ),
        (
            "upload",
            r#"context.path like "/etc/*""#,
            Detail::Upload("/etc/passwd".to_owned()),
        ),
        (
            "download",
            r#"context.path like "*/.ssh/*""#,
            Detail::Download("/root/.ssh/id".to_owned()),
        ),
        ("tunnel", "context.port == 22", Detail::Tunnel(22)),
        ("websh", "true", Detail::Websh),
        ("editor", "true", Detail::Editor),
        (
            "work_session",
            r#"context.scopes.contains("sudo") && context.minutes > 60 && !context.has_command_rules"#,
            Detail::WorkSession {
                scopes: vec!["sudo".to_owned()],
                has_command_rules: false,
                minutes: 61,
            },
        ),
    ];
    for (action, condition, _) in &cases {
        let set = set(&format!(
            r#"forbid (principal, action == Action::"{action}", resource) when {{ {condition} }};"#
        ));
        for (other, _, asked) in &cases {
            let denied = denies(&set.decide(&facts(asked.clone())));
            assert_eq!(denied, other == action, "{action} asked for {other}");
        }
    }
}

#[test]
fn principals_are_told_apart() {
    let tunnel = || facts(Detail::Tunnel(22));
    for (principal, denied) in [
        (r#"principal == User::"alice""#, true),
        (r#"principal == User::"bob""#, false),
        (r#"principal in Group::"ops""#, true),
        (r#"principal in Group::"dev""#, false),
        (r#"principal is User in Group::"ops""#, true),
        (r#"principal is Application"#, false),
        ("principal is User", true),
        ("principal", true),
    ] {
        let set = set(&format!("forbid ({principal}, action, resource);"));
        assert_eq!(denies(&set.decide(&tunnel())), denied, "{principal}");
    }
    let robot = Facts {
        principal: Principal {
            kind: PrincipalKind::Application,
            name: "alice".to_owned(),
            ..Principal::default()
        },
        ..tunnel()
    };
    let alice = set(r#"forbid (principal == User::"alice", action, resource);"#);
    assert_eq!(alice.decide(&robot), Outcome::Pass);
    let robots = set("forbid (principal is Application, action, resource);");
    assert!(denies(&robots.decide(&robot)));
}

#[test]
fn the_answer_names_what_decided() {
    let text = r#"
        @id("later") @effect("hold")
        forbid (principal, action, resource);
        @id("never") @reason("not here")
        forbid (principal, action == Action::"tunnel", resource);
    "#;
    let Outcome::Deny(decided) = set(text).decide(&facts(Detail::Tunnel(1))) else {
        panic!("a denial comes before a hold")
    };
    assert_eq!(
        (
            decided.guardrail.as_str(),
            decided.name.as_str(),
            decided.version,
            decided.policy.as_str(),
            decided.reason.as_str()
        ),
        ("g1", "test", 3, "never", "not here")
    );
    let Outcome::Hold(decided) = set(text).decide(&facts(Detail::Websh)) else {
        panic!("the hold is all there is")
    };
    assert_eq!(decided.policy, "later");
    assert_eq!(decided.reason, "The guardrail test asks for an approval.");
}

#[test]
fn what_fails_to_evaluate_denies() {
    let text = r#"forbid (principal, action == Action::"tunnel", resource)
        when { context.port + 9223372036854775807 > 0 && false };"#;
    let Outcome::Deny(decided) = set(text).decide(&facts(Detail::Tunnel(1))) else {
        panic!("an overflow must deny")
    };
    assert!(
        decided.reason.contains("could not be evaluated"),
        "{}",
        decided.reason
    );
}

#[test]
fn texts_that_are_no_guardrails_are_refused_with_the_reason() {
    for (text, reason) in [
        ("", "holds no policy"),
        ("// nothing", "holds no policy"),
        (
            "permit (principal, action, resource);",
            "policy 1 is a permit",
        ),
        (
            "forbid (principal, action, resource)",
            "unexpected end of input",
        ),
        (
            "\n  forbid (principle, action, resource);",
            "line 2, column 11",
        ),
        (
            r#"forbid (principal, action == Action::"exec", resource);"#,
            "exec",
        ),
        (
            r#"forbid (principal, action == Action::"tunnel", resource) when { context.prot == 22 };"#,
            "prot",
        ),
        (
            r#"forbid (principal, action == Action::"tunnel", resource) when { context.port == "22" };"#,
            "not compatible",
        ),
        (
            r#"forbid (principal, action, resource) when { resource.getTag("env") == "prod" };"#,
            "env",
        ),
        (
            r#"forbid (principal, action, resource) when { context.request.ip.isLoopback() };"#,
            "ip",
        ),
        (
            "forbid (principal == ?principal, action, resource);",
            "template",
        ),
        (
            r#"@efect("hold") forbid (principal, action, resource);"#,
            "@efect has no meaning",
        ),
        (
            r#"@effect("ask") forbid (principal, action, resource);"#,
            "\"hold\"",
        ),
        (
            r#"@id("a") forbid (principal, action, resource); @id("a") forbid (principal, action, resource);"#,
            "two policies",
        ),
        (
            r#"forbid (principal == Usr::"a", action, resource);"#,
            "Usr",
        ),
    ] {
        let error = check(text).expect_err(text).to_string();
        assert!(error.contains(reason), "{text}: {error}");
    }
}

#[test]
fn sizes_are_bounded() {
    let many = "forbid (principal, action, resource);".repeat(101);
    assert!(
        check(&many)
            .unwrap_err()
            .to_string()
            .contains("more than 100")
    );
    let long = " ".repeat(65 * 1024);
    assert!(check(&long).unwrap_err().to_string().contains("longer"));
    for deep in [
        format!(
            "forbid (principal, action, resource) when {{ {}true{} }};",
            "(".repeat(10_000),
            ")".repeat(10_000)
        ),
        format!(
            "forbid (principal, action, resource) when {{ {}true }};",
            "!".repeat(60_000)
        ),
        format!(
            "forbid (principal, action, resource) when {{ {}true }};",
            "if true then true else ".repeat(2_500)
        ),
        format!(
            "forbid (principal, action, resource) when {{ true{} }};",
            " && true".repeat(8_000)
        ),
    ] {
        // An answer of either kind, on a small stack.
        let answer = std::thread::Builder::new()
            .stack_size(1 << 20)
            .spawn(move || check(&deep).is_ok())
            .unwrap()
            .join();
        assert!(!answer.unwrap());
    }
    // Strings and comments are no operators.
    let quoted = "!".repeat(1_000);
    let text = format!(
        r#"// {quoted}
        forbid (principal, action == Action::"upload", resource)
        when {{ context.path == "\" {quoted}" }};"#
    );
    assert_eq!(check(&text).map(|checked| checked.policies.len()), Ok(1));
}

#[test]
fn long_lists_are_allowed_and_asked_on_a_small_stack() {
    let ports: Vec<String> = (1..100)
        .map(|port| format!("context.port == {port}"))
        .collect();
    let text = format!(
        r#"forbid (principal, action == Action::"tunnel", resource) when {{ {} }};"#,
        ports.join(" || ")
    );
    let ask = move || {
        let set = set(&text);
        assert!(denies(&set.decide(&facts(Detail::Tunnel(99)))));
        assert_eq!(set.decide(&facts(Detail::Tunnel(100))), Outcome::Pass);
    };
    let thread = std::thread::Builder::new().stack_size(2 << 20).spawn(ask);
    assert!(thread.unwrap().join().is_ok());
}

#[test]
fn a_policy_that_can_never_match_is_warned_about() {
    let text = r#"forbid (principal, action == Action::"tunnel", resource) when { false };"#;
    let checked = check(text).unwrap();
    assert_eq!(checked.policies, ["1"]);
    assert_eq!(checked.warnings.len(), 1);
}

fn policies() -> impl Strategy<Value = Vec<String>> {
    let principal = prop::sample::select(vec![
        "principal",
        r#"principal == User::"alice""#,
        r#"principal == User::"bob""#,
        r#"principal in Group::"ops""#,
        "principal is Application",
    ]);
    let action = prop::sample::select(vec![
        "action",
        r#"action == Action::"command""#,
        r#"action in [Action::"command", Action::"tunnel"]"#,
        r#"action == Action::"websh""#,
    ]);
    let condition = prop::sample::select(vec![
        "true",
        "context.request.interactive",
        r#"resource.hasTag("env")"#,
        r#"context.request.username == "root""#,
    ]);
    let effect = prop::sample::select(vec!["", r#"@effect("hold") "#]);
    let policy = (effect, principal, action, condition).prop_map(|(effect, who, what, when)| {
        format!("{effect}forbid ({who}, {what}, resource) when {{ {when} }};")
    });
    prop::collection::vec(policy, 0..6)
}

fn severity(outcome: &Outcome) -> u8 {
    match outcome {
        Outcome::Pass => 0,
        Outcome::Hold(_) => 1,
        Outcome::Deny(_) => 2,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn another_guardrail_never_loosens(texts in policies(), more in policies()) {
        let line = "systemctl restart nginx";
        let plan = Plan::read(line);
        let sources = |texts: &[String]| texts.iter().map(|text| source(text)).collect::<Vec<_>>();
        let grown: Vec<String> = texts.iter().chain(&more).cloned().collect();
        let detail = Detail::Command { line, plan: &plan, env: Vec::new() };
        let before = Set::compile(&sources(&texts)).unwrap().decide(&facts(detail.clone()));
        let after = Set::compile(&sources(&grown)).unwrap().decide(&facts(detail));
        prop_assert!(severity(&after) >= severity(&before), "{before:?} became {after:?}");
    }

    #[test]
    fn slicing_changes_no_answer(texts in policies()) {
        // One text per policy or all in one: the slices differ, the answer does not.
        let detail = || facts(Detail::Tunnel(22));
        let sources: Vec<_> = texts.iter().map(|text| source(text)).collect();
        let apart = Set::compile(&sources).unwrap().decide(&detail());
        let worst = texts
            .iter()
            .map(|text| severity(&set(text).decide(&detail())))
            .max()
            .unwrap_or(0);
        prop_assert_eq!(severity(&apart), worst);
    }

    #[test]
    fn any_text_is_answered(text in "\\PC{0,200}") {
        let _answer = check(&text).is_ok();
    }
}
