//! The public flow: event channel, chunks over REST, polling.

use serde_json::{Value, json};

use crate::environment::Environment;
use crate::fake::{Fake, Script};

fn finished(exit_code: i64) -> Value {
    json!({
        "status": if exit_code == 0 { "success" } else { "failed" },
        "success": exit_code == 0, "exit_code": exit_code, "error_phase": null, "result": "",
    })
}

fn token_login(server: &Fake) -> Environment {
    let environment = Environment::new();
    assert_eq!(
        environment
            .run(&["login", &server.url(), "-t", "alpat-1"])
            .status,
        0
    );
    environment
}

#[test]
fn output_comes_over_the_event_channel() {
    let server = Fake::start().script(Script {
        chunks: vec!["one\n", "two\n", "three\n"],
        live: vec![0, 1, 2],
        detail: finished(0),
        early: Some((1, json!({"status": "running"}))),
        hidden_reads: 1,
        ..Script::default()
    });
    let run = token_login(&server).run(&["exec", "root@web-01", "a", "b c"]);
    assert_eq!(
        (run.status, run.stdout.as_str()),
        (0, "one\ntwo\nthree\n"),
        "{run:?}"
    );
    assert_eq!(run.stderr, "");
    // Before the first frame and after the last; nothing in between.
    let query = |from: u32| format!("ordering=seq&page=1&page_size=100&seq__gte={from}");
    assert_eq!(server.chunk_reads(), [query(0), query(3)]);
    let body = &server.posted("/api/events/commands/")[0];
    assert_eq!(body["line"], "a 'b c'");
    assert_eq!(body["username"], "root");
    assert_eq!(body["server"], "s-1");
    assert_eq!(body["env"], json!({}));
    assert!(body.get("work_session").is_none());
}

#[test]
fn a_gap_is_filled_over_rest_and_the_order_kept() {
    let server = Fake::start().script(Script {
        chunks: vec!["one\n", "two\n", "three\n", "four\n"],
        live: vec![3, 1, 0],
        detail: finished(0),
        early: Some((1, json!({"status": "running"}))),
        hidden_reads: 1,
        ..Script::default()
    });
    let run = token_login(&server).run(&["exec", "web-01", "x"]);
    assert_eq!(
        (run.status, run.stdout.as_str()),
        (0, "one\ntwo\nthree\nfour\n"),
        "{run:?}"
    );
    let gap = "ordering=seq&page=1&page_size=100&seq__gte=0&seq__lte=2";
    assert_eq!(server.chunk_reads()[1], gap);
}

#[test]
fn a_lost_channel_is_made_up_for_by_polling() {
    let server = Fake::start().script(Script {
        chunks: vec!["one\n", "two\n"],
        detail: finished(7),
        early: Some((1, json!({"status": "running"}))),
        hidden_reads: 1,
        drops_channel: true,
        ..Script::default()
    });
    let run = token_login(&server).run(&["exec", "web-01", "x"]);
    assert_eq!(
        (run.status, run.stdout.as_str()),
        (7, "one\ntwo\n"),
        "{run:?}"
    );
    assert_eq!(server.posted("/api/events/commands/").len(), 1);
}

#[test]
fn a_server_without_a_channel_is_polled() {
    let server = Fake::start()
        .answering(
            "POST",
            "/api/events/sessions/",
            500,
            "application/json",
            "{}",
        )
        .script(Script {
            detail: json!({"status": "completed", "success": true, "result": "only result\n"}),
            ..Script::default()
        });
    let run = token_login(&server).run(&["exec", "web-01", "x"]);
    assert_eq!(
        (run.status, run.stdout.as_str()),
        (0, "only result\n"),
        "{run:?}"
    );
    assert!(run.stderr.starts_with("Warning: no live output"), "{run:?}");
}

#[test]
fn the_remote_status_and_phase_are_passed_through() {
    let mut detail = finished(124);
    detail["error_phase"] = json!("remote_command_exceeded_timeout");
    let server = Fake::start().script(Script {
        detail,
        ..Script::default()
    });
    let run = token_login(&server).run(&["exec", "web-01", "sleep 1000"]);
    assert_eq!(run.status, 124, "{run:?}");
    assert!(
        run.stderr
            .starts_with("Error: [remote_command_exceeded_timeout] "),
        "{run:?}"
    );
}

#[test]
fn a_held_command_is_pending() {
    let server = Fake::start().script(Script {
        detail: json!({"status": "awaiting_approval", "approval_request_id": "apr-7"}),
        ..Script::default()
    });
    let environment = token_login(&server);
    let run = environment.run(&["exec", "web-01", "x"]);
    assert_eq!((run.status, run.stdout.as_str()), (4, ""), "{run:?}");
    assert!(
        run.stderr
            .contains("\n  alpacon exec logs c-1 # after approval"),
        "{run:?}"
    );
    let signal = environment
        .run(&["--output", "json", "exec", "web-01", "x"])
        .json();
    assert_eq!(signal["status"], "pending_approval");
    assert_eq!(signal["exit_code"], 4);
    assert_eq!(signal["request_id"], "apr-7");
    assert!(
        signal["next_actions"][0]
            .as_str()
            .unwrap()
            .starts_with("alpacon exec logs c-1")
    );
}

#[test]
fn wait_sees_a_held_command_through() {
    let server = Fake::start().script(Script {
        chunks: vec!["done\n"],
        detail: finished(0),
        early: Some((1, json!({"status": "awaiting_approval"}))),
        ..Script::default()
    });
    let run = token_login(&server).run(&["exec", "--wait", "web-01", "x"]);
    assert_eq!((run.status, run.stdout.as_str()), (0, "done\n"), "{run:?}");
    assert_eq!(server.posted("/api/events/commands/").len(), 1);
}

#[test]
fn a_rejection_ends_with_six() {
    let server = Fake::start().script(Script {
        detail: json!({"status": "rejected"}),
        ..Script::default()
    });
    let run = token_login(&server).run(&["--output=json", "exec", "web-01", "x"]);
    assert_eq!(run.status, 6, "{run:?}");
    assert_eq!(run.envelope()["exit_code"], 6);
    assert_eq!(run.envelope()["context"], json!({"operation": "command"}));
}

#[test]
fn a_sudo_denial_gives_advice_or_waits() {
    let denial = |code: &str| {
        let mut detail = finished(1);
        detail["result"] = json!(format!("Alpacon denied this sudo command ({code}).\n"));
        Fake::start().script(Script {
            detail,
            ..Script::default()
        })
    };
    let server = denial("SUDO_RISK_DENIED");
    let run = token_login(&server).run(&["exec", "web-01", "sudo x"]);
    assert_eq!(run.status, 1, "{run:?}");
    assert!(run.stdout.contains("SUDO_RISK_DENIED"), "{run:?}");
    assert!(run.stderr.starts_with("Hint: "), "{run:?}");

    let server = denial("SUDO_APPROVAL_REQUIRED");
    let run = token_login(&server).run(&[
        "exec",
        "-u",
        "ops",
        "--env=B=v4lue",
        "--env=A=v4lue",
        "--output",
        "json",
        "web-01",
        "sudo x",
    ]);
    assert_eq!(run.status, 4, "{run:?}");
    let first = run.json()["next_action_details"][0].clone();
    assert_eq!(
        first["command"],
        "alpacon exec -u ops --env=A --env=B web-01 -- 'sudo x'"
    );
    assert!(!format!("{run:?}").contains("v4lue"), "{run:?}");
}

#[test]
fn wait_repeats_a_pending_sudo_and_shows_the_last_attempt() {
    let mut detail = finished(1);
    detail["result"] = json!("Alpacon denied this sudo command (SUDO_APPROVAL_REQUIRED).\n");
    let server = Fake::start().script(Script {
        detail,
        ..Script::default()
    });
    let run = token_login(&server).run(&["exec", "--wait-approval", "1s", "web-01", "sudo x"]);
    assert_eq!(run.status, 4, "{run:?}");
    assert_eq!(
        run.stdout.matches("SUDO_APPROVAL_REQUIRED").count(),
        1,
        "{run:?}"
    );
    assert!(run.stderr.contains("did not come in time"), "{run:?}");
    assert_eq!(server.posted("/api/events/commands/").len(), 2);
}

#[test]
fn a_missing_username_is_named() {
    let body = r#"{"code":"user_username_required","detail":"Choose one."}"#;
    let path = "/api/events/commands/";
    let server = Fake::start().answering("POST", path, 400, "application/json", body);
    let run = token_login(&server).run(&["exec", "web-01", "x"]);
    assert_eq!(run.status, 1, "{run:?}");
    assert!(run.stderr.contains("alpacon username set"), "{run:?}");
}

#[test]
fn a_detached_command_is_fetched_later() {
    let server = Fake::start().script(Script {
        chunks: vec!["one\n", "two"],
        detail: finished(3),
        ..Script::default()
    });
    let environment = token_login(&server);
    let run = environment.run(&["exec", "--detach", "web-01", "x"]);
    assert_eq!(
        (run.status, run.stdout.as_str()),
        (0, "Job submitted: c-1\n"),
        "{run:?}"
    );
    assert!(run.stderr.contains("alpacon exec logs c-1"), "{run:?}");
    let run = environment.run(&["--output", "json", "exec", "--detach", "web-01", "x"]);
    assert_eq!(run.json(), json!({"job_id": "c-1"}));
    assert_eq!(run.stderr, "");

    let id = "0190b6a4-7d6e-7cc0-8f00-000000000001";
    let run = environment.run(&["exec", "logs", id]);
    assert_eq!(
        (run.status, run.stdout.as_str()),
        (3, "one\ntwo\n"),
        "{run:?}"
    );
}

#[test]
fn logs_of_a_running_command_are_empty() {
    let server = Fake::start().script(Script {
        detail: json!({"status": "running"}),
        ..Script::default()
    });
    let id = "0190b6a4-7d6e-7cc0-8f00-000000000001";
    let run = token_login(&server).run(&["exec", "logs", id]);
    assert_eq!((run.status, run.stdout.as_str()), (0, ""), "{run:?}");
    assert!(run.stderr.contains("still running"), "{run:?}");
}

#[test]
fn variables_come_from_the_shell() {
    let server = Fake::start().script(Script {
        detail: finished(0),
        ..Script::default()
    });
    let environment = token_login(&server).with("PGPASSWORD", "from-shell");
    let run = environment.run(&["exec", "--env=PGPASSWORD", "--env=UNSET", "web-01", "x"]);
    assert_eq!(run.status, 0, "{run:?}");
    assert!(
        run.stderr.starts_with("Warning: UNSET is not set"),
        "{run:?}"
    );
    let body = &server.posted("/api/events/commands/")[0];
    assert_eq!(body["env"], json!({"PGPASSWORD": "from-shell"}));
}

#[test]
fn an_unknown_server_is_named_and_nothing_submitted() {
    let server = Fake::start();
    let run = token_login(&server).run(&["exec", "web-99", "x"]);
    assert_eq!(run.status, 1);
    assert!(
        run.stderr.contains("server \"web-99\" not found"),
        "{run:?}"
    );
    assert!(server.posted("/api/events/commands/").is_empty());
}

#[test]
fn the_list_shows_what_ran() {
    let server = Fake::start().script(Script {
        detail: json!({"status": "success", "success": true, "line": "uptime", "shell": "system",
                       "result": "x".repeat(80), "requested_by": {"name": "Kim"}}),
        ..Script::default()
    });
    let environment = token_login(&server);
    let rows = environment
        .run(&["exec", "ls", "--server", "web-01", "--output", "json"])
        .json();
    assert_eq!(
        rows,
        json!([{
            "server": "web-01", "shell": "system", "command": "uptime",
            "result": format!("{}...", "x".repeat(70)), "status": "true", "operator": "Kim",
            "requested_at": "None",
        }])
    );
    let last = server.requests().pop().unwrap();
    assert_eq!(last.path, "/api/events/commands/s-1/");
    assert_eq!(last.query, "page=1&page_size=25");
}
