//! What the table of `judgment.md` §3 says, row by row.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use judge::{Authority, Decision, DenyCode, Flag, Plan, RuleSet, Sudo, Verdict, judge};

fn rules(rules: &[&str]) -> RuleSet {
    RuleSet::compile(
        &rules
            .iter()
            .map(|rule| (*rule).to_owned())
            .collect::<Vec<_>>(),
    )
    .unwrap()
}

fn under(allowed: &[&str], line: &str) -> Verdict {
    let authority = Authority {
        commands: Some(rules(allowed)),
        ..Authority::default()
    };
    judge(&Plan::read(line), &authority, &[] as &[&str])
}

#[track_caller]
fn allows(allowed: &[&str], line: &str) {
    let verdict = under(allowed, line);
    assert_eq!(verdict.decision, Decision::Allow, "{line}");
}

#[track_caller]
fn denies(allowed: &[&str], line: &str, expected: DenyCode) {
    match under(allowed, line).decision {
        Decision::Deny { code, .. } => assert_eq!(code, expected, "{line}"),
        other => panic!("{line}: {other:?}"),
    }
}

#[test]
fn every_command_needs_a_rule() {
    allows(&["docker *"], "docker ps | docker stats && docker logs x");
    for line in [
        "docker ps; rm -rf /",
        "docker ps\nrm -rf /",
        "docker ps & rm -rf /",
        "docker ps $(rm -rf /)",
        "docker ps <(rm -rf /)",
        "x=$(rm -rf /) docker ps",
        "((docker <<E\n$(rm)\nE\n))",
        "docker",
    ] {
        denies(&["docker *"], line, DenyCode::CommandNotAllowed);
    }
}

#[test]
fn what_cannot_be_read_is_denied() {
    for line in [
        "docker ps 'x",
        "$X ps",
        "$(echo rm) -rf /",
        "do?ker ps",
        "docker ps; [[ a || b ]]",
    ] {
        denies(&["docker *", "echo *", "* *"], line, DenyCode::Undecidable);
    }
}

#[test]
fn dynamic_arguments_match_only_stars() {
    allows(&["rm *.log"], "rm *.log");
    allows(&["systemctl restart *"], "systemctl restart \"$X\"");
    denies(
        &["systemctl restart nginx"],
        "systemctl restart $X",
        DenyCode::CommandNotAllowed,
    );
}

#[test]
fn programs_match_by_name_or_trusted_path() {
    allows(&["docker *"], "/usr/bin/docker ps");
    allows(&["/opt/x/docker *"], "/opt/x/docker ps");
    denies(&["docker *"], "/tmp/docker ps", DenyCode::CommandNotAllowed);
    denies(&["docker *"], "./docker ps", DenyCode::CommandNotAllowed);
    denies(
        &["docker *"],
        "/usr/bin/../../tmp/docker ps",
        DenyCode::CommandNotAllowed,
    );
    denies(
        &["/opt/x/*"],
        "/opt/x/../../bin/rm -rf /",
        DenyCode::CommandNotAllowed,
    );
    denies(
        &["/usr/bin/docker *"],
        "docker ps",
        DenyCode::CommandNotAllowed,
    );
}

#[test]
fn wrapped_commands_are_judged_too() {
    allows(
        &["sudo *", "systemctl restart nginx"],
        "sudo systemctl restart nginx",
    );
    allows(
        &["sudo systemctl restart nginx"],
        "sudo systemctl restart nginx",
    );
    allows(&["sudo docker *"], "sudo docker ps");
    for line in [
        "sudo rm -rf /",
        "sudo -u root -- rm -rf /",
        "timeout -k 5 10 rm -rf /",
        "env -i A=1 rm -rf /",
        "nice -n 5 rm -rf /",
        "sh -c 'rm -rf /'",
        "find . -exec rm -rf {} +",
        "xargs rm",
    ] {
        denies(
            &[
                "sudo *",
                "timeout *",
                "env *",
                "nice *",
                "sh *",
                "find *",
                "xargs *",
            ],
            line,
            DenyCode::CommandNotAllowed,
        );
    }
    denies(
        &["sudo docker *"],
        "sudo docker exec c rm -rf /",
        DenyCode::CommandNotAllowed,
    );
    denies(
        &["docker *", "bash *"],
        "docker ps | bash -s",
        DenyCode::Undecidable,
    );
    denies(&["sudo *"], "sudo -i", DenyCode::Undecidable);
}

#[test]
fn the_environment_must_be_named() {
    denies(
        &["docker *"],
        "PATH=/tmp docker ps",
        DenyCode::EnvironmentNotAllowed,
    );
    denies(
        &["docker *"],
        "PATH=/tmp; docker ps",
        DenyCode::EnvironmentNotAllowed,
    );
    denies(
        &["docker *", "export *"],
        "export PATH=/tmp; docker ps",
        DenyCode::EnvironmentNotAllowed,
    );
    denies(
        &["env *", "docker *"],
        "env LD_PRELOAD=/x docker ps",
        DenyCode::EnvironmentNotAllowed,
    );
    allows(&["PATH=* docker *"], "PATH=/tmp docker ps");
    allows(&["docker *"], "FOO=1 docker ps");
    let authority = Authority {
        commands: Some(rules(&["docker *"])),
        ..Authority::default()
    };
    let verdict = judge(&Plan::read("docker ps"), &authority, &["LD_PRELOAD"]);
    assert!(matches!(
        verdict.decision,
        Decision::Deny {
            code: DenyCode::EnvironmentNotAllowed,
            ..
        }
    ));
}

#[test]
fn without_rules_everything_runs_and_is_flagged() {
    let authority = Authority::default();
    for (line, flag) in [
        ("rm 'x", Flag::Unparsed),
        ("$X", Flag::DynamicName),
        ("PATH=/tmp ls", Flag::EnvironmentChanged),
        ("ls > out", Flag::WritesFile),
        ("sudo ls", Flag::Privileged),
        ("curl x | sh", Flag::HiddenCommand),
    ] {
        let verdict = judge(&Plan::read(line), &authority, &[] as &[&str]);
        assert_eq!(verdict.decision, Decision::Allow, "{line}");
        assert!(verdict.flags.contains(&flag), "{line}: {:?}", verdict.flags);
    }
}

#[test]
fn sudo_needs_scope_and_policy() {
    let deny_code = |sudo: Sudo, line: &str| {
        let authority = Authority {
            sudo,
            ..Authority::default()
        };
        match judge(&Plan::read(line), &authority, &[] as &[&str]).decision {
            Decision::Deny { code, .. } => Some(code.as_str()),
            _ => None,
        }
    };
    let policy = || Sudo::Policies(rules(&["systemctl restart *"]));
    assert_eq!(
        deny_code(Sudo::Forbidden, "sudo ls"),
        Some("WORK_SESSION_SCOPE_NOT_ALLOWED")
    );
    assert_eq!(deny_code(Sudo::Forbidden, "ls"), None);
    assert_eq!(deny_code(policy(), "sudo systemctl restart nginx"), None);
    assert_eq!(
        deny_code(policy(), "sudo rm -rf /"),
        Some("SUDO_NO_WORKSESSION_POLICY")
    );
    assert_eq!(
        deny_code(policy(), "sudo -s"),
        Some("SUDO_NO_WORKSESSION_POLICY")
    );
}

#[test]
fn file_rules_bound_redirections() {
    let decide = |line: &str| {
        let authority = Authority {
            commands: Some(rules(&["echo *"])),
            files: Some(RuleSet::compile_paths(&["/srv/app/*".to_owned()]).unwrap()),
            ..Authority::default()
        };
        judge(&Plan::read(line), &authority, &[] as &[&str]).decision
    };
    assert_eq!(decide("echo a > /srv/app/x"), Decision::Allow);
    assert_eq!(decide("echo a > /dev/null 2>&1"), Decision::Allow);
    for line in [
        "echo a > /etc/x",
        "echo a > /srv/app/../../etc/x",
        "echo a >> x",
        "echo a > $X",
    ] {
        assert!(
            matches!(
                decide(line),
                Decision::Deny {
                    code: DenyCode::FileNotAllowed,
                    ..
                }
            ),
            "{line}"
        );
    }
}

#[test]
fn one_static_command_needs_no_shell() {
    let argv = |line: &str| Plan::read(line).direct_argv();
    assert_eq!(argv("uptime"), Some(vec!["uptime".to_owned()]));
    assert_eq!(argv("echo hi"), None);
    assert_eq!(
        argv("  systemctl  'restart' ng\\inx # now"),
        Some(
            ["systemctl", "restart", "nginx"]
                .map(str::to_owned)
                .to_vec()
        )
    );
    for line in [
        "ls > x",
        "A=1 ls",
        "ls *",
        "ls ~",
        "ls {a,b}",
        "ls $X",
        "cd /",
        "ls; ls",
        "ls &",
        "! ls",
        "time ls",
        "(ls)",
        "ls | ls",
        "",
        "'' a",
        "f() { ls; }",
        "$'ls\\'' a",
        "if",
        "ls \"",
    ] {
        assert_eq!(argv(line), None, "{line}");
    }
}

#[test]
fn rendering_is_canonical() {
    let rendered = |line: &str| Plan::read(line).rendered();
    assert_eq!(rendered("ls   -l  'a b'"), ["ls -l 'a b'"]);
    assert_eq!(rendered("r''m \"x\" 'it'\\''s'"), ["rm x 'it'\\''s'"]);
    assert_eq!(
        rendered("find . -exec ls {} \\;"),
        ["find . -exec ls {} ';'", "ls {}"]
    );
    assert_eq!(rendered("sudo ls && X=1 id"), ["sudo ls", "ls", "id"]);
    assert_eq!(rendered("rm $X"), ["rm $X"]);
    assert_eq!(rendered("((i++)); ls"), ["ls"]);
    assert_eq!(
        rendered("curl x | sudo bash -s"),
        ["curl x", "sudo bash -s", "bash -s"]
    );
    assert_eq!(rendered("ls | xargs rm -f"), ["ls", "xargs rm -f", "rm -f"]);
}
