//! Wrong command lines: exit 2, said once, before configuration and network.

use serde_json::json;

use crate::environment::Environment;

#[test]
fn wrong_lines_never_reach_the_configuration() {
    // Nobody is logged in: reading the configuration would end with 1.
    let environment = Environment::new();
    let id = "ws-1";
    let lines: &[&[&str]] = &[
        &["nonsense"],
        &["server"],
        &["server", "nonsense"],
        &["server", "describe"],
        &["server", "ls", "--output", "yaml"],
        &["server", "reboot", "web-01"],
        &["server", "create"],
        &["server", "create", "--platform", "amiga", "--token", "t"],
        &[
            "server",
            "create",
            "--platform",
            "debian",
            "--token",
            "a",
            "--new-token",
            "b",
        ],
        &["server", "token", "create"],
        &[
            "server",
            "token",
            "create",
            "-n",
            "x",
            "--expires-in-days",
            "-1",
        ],
        &["exec"],
        &["exec", "web-01"],
        &["exec", "--bad", "web-01", "x"],
        &["exec", "--env", "A=b", "web-01", "x"],
        &["exec", "--detach", "--wait", "web-01", "x"],
        &["exec", "logs", "no-uuid"],
        &["exec", "ls", "--tail", "0"],
        &["log", "web-01", "--tail", "0"],
        &["audit", "--tail", "-3"],
        &["work-session"],
        &["work-session", "use"],
        &["work-session", "use", id, "--unset"],
        &["work-session", "ls", "--requester-type", "robot"],
        &["work-session", "extend", id],
        &["work-session", "extend", id, "--expires-in", "1d"],
        &["work-session", "update", id],
        &["work-session", "update", id, "--title", " "],
        &["work-session", "update", id, "--sudo-reason", "x"],
        &["work-session", "create"],
        &["token", "create"],
        &["token", "create", "-n", "x", "--expiration-in-days", "-1"],
        &["token", "create", "-n", "x", "--limit=maybe"],
        &["token", "delete", "ci"],
        &["token", "acl", "command", "add", "ci"],
        &["token", "acl", "add", "-c", "x"],
        &["token", "acl", "add", "ci"],
        &["token", "acl", "server", "add", "ci"],
        &["token", "acl", "server", "add", "ci", "--servers", ","],
        &[
            "token",
            "acl",
            "server",
            "add",
            "ci",
            "--server",
            "a",
            "--servers",
            "b",
        ],
        &[
            "token", "acl", "file", "add", "ci", "--path", "/x", "--action", "both",
        ],
        &["user", "create"],
        &[
            "user",
            "create",
            "--username",
            "kim",
            "--email",
            "k@example.com",
        ],
        &["user", "invite"],
        &["user", "invite", "nobody"],
        &["user", "update", "kim"],
        &["user", "delete", "kim"],
        &["group", "create", "--name", "ops"],
        &["group", "update", "ops"],
        &["group", "delete", "ops"],
        &["group", "member"],
        &["group", "member", "add", "-g", "ops", "-u", "kim"],
        &[
            "group", "member", "add", "-g", "ops", "-u", "kim", "-r", "king",
        ],
        &["group", "member", "delete", "-g", "ops", "-y"],
        &["group", "member", "delete", "-g", "ops", "-u", "kim"],
        &["username", "get", "more"],
        &["username", "set"],
        &["workspace", "nonsense"],
        &["workspace", "switch"],
        &["workspace", "preferences", "update"],
        &["workspace", "authentication", "update"],
        &["event", "watch"],
        &["event", "wait", "--type", "notification"],
        &["event", "wait", "--type", "work_session", "--timeout", "0s"],
        &["approval", "ls", "--status", "odd"],
        &["completion", "tcsh"],
        &["login", "u@host"],
        &["login", "--workspace", "a"],
        &["login", "host", "--workspace", "a", "--region", "us1"],
        &["login", "-t", "s3cret"],
    ];
    for line in lines {
        let run = environment.run(line);
        assert_eq!(
            (run.status, run.stdout.as_str()),
            (2, ""),
            "{line:?}: {run:?}"
        );
        assert!(
            !run.stderr.is_empty() && !run.stderr.contains("s3cret"),
            "{line:?}: {run:?}"
        );
        assert!(
            run.stderr.matches("Error:").count() <= 1,
            "{line:?}: {run:?}"
        );

        let json = [&["--output", "json"], *line].concat();
        if line.contains(&"yaml") {
            continue;
        }
        let run = environment.run(&json);
        assert_eq!(run.status, 2, "{line:?}: {run:?}");
        assert_eq!(run.envelope()["exit_code"], 2, "{line:?}");
        assert_eq!(run.envelope()["error_code"], "usage_error", "{line:?}");
    }
}

#[test]
fn sessions_are_checked_in_order() {
    let environment = Environment::new();
    let complete = [
        "work-session",
        "create",
        "--output",
        "json",
        "--purpose",
        "p",
        "--scope",
        "command,websh",
        "--server",
        "web-01",
        "--expires-in",
        "1h",
    ];
    let with = |more: &[&str]| {
        let run = environment.run(&[&complete, more].concat());
        assert_eq!(run.status, 2, "{run:?}");
        run.envelope()["message"].as_str().unwrap().to_owned()
    };
    assert!(with(&["--scope", "shell"]).starts_with("Invalid --scope: shell. valid: command, "));
    assert!(with(&["--requester-type", "agent"]).contains("websh"));
    assert!(with(&["--requester-type", "agent", "--use"]).contains("--use"));
    assert!(with(&["--wait-approval", ""]).contains("--wait-approval"));
    assert!(with(&["--wait-approval", "-5m"]).contains("--wait-approval"));
    assert!(with(&["--starts-at", "soon"]).contains("--starts-at"));
}

#[test]
fn operations_are_named() {
    let environment = Environment::new();
    for (line, operation) in [
        (&["work-session", "create"][..], "create"),
        (&["work-session", "use", "x", "--unset"], "unset"),
        (&["work-session", "list", "--bad"], "list"),
        (&["exec", "--bad", "s", "x"], "exec"),
        (&["event", "wait", "--type", "x"], "wait"),
    ] {
        let run = environment.run(&[&["--output", "json"], line].concat());
        assert_eq!(
            run.envelope()["context"],
            json!({ "operation": operation }),
            "{run:?}"
        );
    }
}
