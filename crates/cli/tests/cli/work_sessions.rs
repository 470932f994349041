use serde_json::json;

use crate::environment::{Environment, Run};
use crate::fake::Fake;

const PATH: &str = "/api/work-sessions/sessions/";

fn create(environment: &Environment, more: &[&str]) -> Run {
    let line = [
        "work-session",
        "create",
        "--purpose",
        "rotate logs",
        "--scope",
        "command",
        "--server",
        "web-01",
        "--expires-in",
        "1h",
    ];
    environment.run(&[&line, more].concat())
}

#[test]
fn a_session_is_created_used_and_forgotten() {
    let server = Fake::start();
    let environment = Environment::logged_in(&server);
    let run = create(&environment, &["--use", "--output", "json"]);
    assert_eq!(run.status, 0, "{run:?}");
    let body = run.json();
    assert_eq!(body["ok"], true);
    assert_eq!(body["operation"], "create");
    assert_eq!(body["work_session_id"], "ws-1");
    assert_eq!(body["status"], "active");
    assert_eq!(body["active_worksession"], "ws-1");
    assert_eq!(body["work_session"]["servers"][0]["name"], "web-01");
    assert!(body["work_session"].get("future").is_none());

    let sent = &server.posted(PATH)[0];
    assert_eq!(sent["description"], "rotate logs");
    assert_eq!(sent["servers"], json!(["s-1"]));
    assert_eq!(sent["scopes"], json!(["command"]));
    assert_eq!(sent["requester_type"], "user");
    assert!(
        sent["expires_at"].as_str().unwrap().ends_with('Z'),
        "{sent}"
    );
    assert!(sent.get("sudo_policies").is_none() && sent.get("allow_commands").is_none());

    let current = environment
        .run(&["work-session", "current", "--output", "json"])
        .json();
    assert_eq!(current["future"], "unknown to the client");
    let table = environment.run(&["work-session", "current"]).stdout;
    assert!(
        table.lines().nth(1).unwrap().starts_with("*        ws-1"),
        "{table}"
    );

    for _ in 0..2 {
        let run = environment.run(&["work-session", "use", "--unset", "--output=json"]);
        assert_eq!(run.json()["active_worksession"], json!(null));
    }
    let run = environment.run(&["work-session", "current", "--output", "json"]);
    assert_eq!((run.status, run.stdout.as_str()), (0, "null\n"));
    let run = environment.run(&["work-session", "use", "ws-1"]);
    assert_eq!((run.status, run.stdout.as_str()), (0, ""), "{run:?}");
    assert_eq!(environment.run(&["work-session", "use", "ws-2"]).status, 1);
}

#[test]
fn a_pending_session_ends_with_four_even_with_use() {
    let server = Fake::start().creating("pending");
    let environment = Environment::logged_in(&server);
    for more in [&[][..], &["--use"]] {
        let run = create(&environment, &[more, &["--output", "json"]].concat());
        assert_eq!(run.status, 4, "{run:?}");
        let signal = run.json();
        assert_eq!(signal["status"], "pending_approval");
        assert_eq!(signal["request_id"], "apr-1");
        assert_eq!(signal["work_session_id"], "ws-1");
        assert_eq!(
            signal["next_actions"][0],
            "alpacon work-session use ws-1 # after approval"
        );
    }
    let run = create(&environment, &["--wait-approval", "1ms"]);
    assert_eq!((run.status, run.stdout.as_str()), (4, ""), "{run:?}");
    assert!(environment.config().get("active_work_sessions").is_none());
}

#[test]
fn a_wait_ends_with_six_when_it_is_not_granted() {
    let server = Fake::start().creating("rejected");
    let environment = Environment::logged_in(&server);
    let run = create(&environment, &["--wait", "--output", "json"]);
    assert_eq!(run.status, 6, "{run:?}");
    let envelope = run.envelope();
    assert_eq!(envelope["exit_code"], 6);
    assert!(envelope.get("error_code").is_none());
    assert_eq!(envelope["context"]["operation"], "create");
}

#[test]
fn our_own_rules_and_sudo_are_sent_when_given() {
    let server = Fake::start();
    let environment = Environment::logged_in(&server);
    let run = environment.run(&[
        "work-session",
        "create",
        "--purpose",
        "p",
        "--server",
        "web-01",
        "--expires-in",
        "1h",
        "--sudo",
        "systemctl restart *,journalctl",
        "--sudo-reason",
        "disk full",
        "--allow-command",
        "docker *",
        "--allow-command",
        "uptime",
        "--allow-path",
        "/srv/*",
        "--allow-port",
        "5432",
        "--title",
        "t",
        "--starts-at",
        "2099-01-01T00:00:00Z",
    ]);
    assert_eq!(run.status, 0, "{run:?}");
    let sent = &server.posted(PATH)[0];
    assert_eq!(sent["scopes"], json!(["command", "sudo"]));
    assert_eq!(
        sent["sudo_policies"],
        json!([{"commands": ["systemctl restart *", "journalctl"], "reason": "disk full",
                "allow_bypass_mfa": true}])
    );
    assert_eq!(sent["allow_commands"], json!(["docker *", "uptime"]));
    assert_eq!(sent["allow_paths"], json!(["/srv/*"]));
    assert_eq!(sent["allow_ports"], json!(["5432"]));
    assert_eq!(sent["starts_at"], "2099-01-01T00:00:00Z");
}

#[test]
fn transitions_answer_programs_too() {
    let server = Fake::start();
    let environment = Environment::logged_in(&server);
    for (verb, status) in [
        ("activate", "active"),
        ("complete", "completed"),
        ("revoke", "revoked"),
        ("cancel", "cancelled"),
    ] {
        let body = environment
            .run(&["work-session", verb, "ws-1", "--output", "json"])
            .json();
        assert_eq!(body["operation"], verb);
        assert_eq!(body["status"], status);
        assert_eq!(server.posted(&format!("{PATH}ws-1/{verb}/")), [json!({})]);
    }
}

#[test]
fn a_refused_approval_points_to_the_console() {
    let server = Fake::start();
    let environment = Environment::logged_in(&server);
    for verb in ["approve", "reject"] {
        let run = environment.run(&["work-session", verb, "ws-1"]);
        assert_eq!(run.status, 1, "{run:?}");
        assert!(
            run.stderr.contains("may not; approvals are decided in"),
            "{run:?}"
        );
    }
}

#[test]
fn the_list_defaults_to_my_active_sessions() {
    let server = Fake::start();
    let environment = Environment::logged_in(&server);
    let run = create(&environment, &["--use"]);
    assert_eq!(run.status, 0, "{run:?}");
    let rows = environment
        .run(&["work-session", "ls", "--output", "json"])
        .json();
    assert_eq!(rows[0]["scopes"], "command");
    assert_eq!(rows[0]["servers"], "web-01");
    let last = server.requests().pop().unwrap();
    assert_eq!(
        last.query,
        "assigned_user=u-1&page=1&page_size=100&status=active"
    );
    let run = environment.run(&["session", "list", "--user", "all", "--status", "ALL"]);
    assert_eq!(run.status, 0, "{run:?}");
    assert_eq!(
        server.requests().pop().unwrap().query,
        "page=1&page_size=100"
    );
}

#[test]
fn the_timeline_has_rows_and_recordings() {
    let server = Fake::start();
    let environment = Environment::logged_in(&server);
    let body = environment
        .run(&["work-session", "tl", "ws-1", "--output", "json"])
        .json();
    assert_eq!(body["timeline"][0]["details"], "[ok] uptime");
    assert_eq!(body["recordings"], json!([]));
    let run = environment.run(&["work-session", "recording", "ws-1"]);
    assert_eq!(run.status, 1, "{run:?}");
}

#[test]
fn failures_carry_the_servers_code() {
    let server = Fake::start();
    let environment = Environment::logged_in(&server);
    let run = environment.run(&["work-session", "describe", "ws-9", "--output", "json"]);
    assert_eq!(run.status, 1);
    let envelope = run.envelope();
    assert_eq!(envelope["exit_code"], 1);
    assert_eq!(envelope["error_code"], "work_session_not_found");
    assert_eq!(envelope["context"], json!({"operation": "describe"}));
}
