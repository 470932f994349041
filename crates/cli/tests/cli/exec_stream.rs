//! Our addition: the submission answers with the output itself.

use serde_json::json;

use crate::environment::Environment;
use crate::fake::{Fake, Script};

const EXTENSION: &str = "exec-stream/1";

fn in_session(server: &Fake) -> Environment {
    Environment::logged_in(server).with("ALPACON_WORK_SESSION", "ws-1")
}

fn script() -> Script {
    Script {
        chunks: vec!["one\n", "two\n"],
        detail: json!({"status": "failed", "success": false, "exit_code": 9, "result": ""}),
        ..Script::default()
    }
}

#[test]
fn one_request_brings_output_and_status() {
    let server = Fake::start().offering(EXTENSION).script(script());
    let environment = in_session(&server);
    let before = server.requests().len();
    let run = environment.run(&["exec", "web-01", "x"]);
    assert_eq!(
        (run.status, run.stdout.as_str()),
        (9, "one\ntwo\n"),
        "{run:?}"
    );
    let paths: Vec<String> = server.requests()[before..]
        .iter()
        .map(|request| format!("{} {}", request.method, request.path))
        .collect();
    assert_eq!(
        paths,
        ["GET /api/servers/servers/", "POST /api/events/commands/"]
    );
    assert_eq!(
        server.posted("/api/events/commands/")[0]["work_session"],
        "ws-1"
    );
}

#[test]
fn a_cut_stream_goes_on_by_polling_without_a_second_submission() {
    let server = Fake::start().offering(EXTENSION).script(Script {
        cut_after: Some(2),
        ..script()
    });
    let run = in_session(&server).run(&["exec", "web-01", "x"]);
    assert_eq!(
        (run.status, run.stdout.as_str()),
        (9, "one\ntwo\n"),
        "{run:?}"
    );
    assert!(
        run.stderr.starts_with("Warning: the connection was lost"),
        "{run:?}"
    );
    assert_eq!(server.posted("/api/events/commands/").len(), 1);
}

#[test]
fn a_stream_cut_before_its_first_line_is_not_repeated() {
    let server = Fake::start().offering(EXTENSION).script(Script {
        cut_after: Some(0),
        ..script()
    });
    let run = in_session(&server).run(&["exec", "web-01", "x"]);
    assert_eq!(run.status, 1, "{run:?}");
    assert!(run.stderr.contains("alpacon exec ls"), "{run:?}");
    assert_eq!(server.posted("/api/events/commands/").len(), 1);
}

#[test]
fn the_gate_refuses_a_stream_too() {
    let server = Fake::start().offering(EXTENSION).script(script());
    let run = Environment::logged_in(&server).run(&["exec", "--output=json", "web-01", "x"]);
    assert_eq!(run.status, 3, "{run:?}");
    assert_eq!(run.envelope()["error_code"], "work_session_required");
}

#[test]
fn a_held_command_ends_the_stream() {
    let server = Fake::start().offering(EXTENSION).script(Script {
        detail: json!({"status": "awaiting_approval"}),
        ..Script::default()
    });
    let run = in_session(&server).run(&["exec", "web-01", "x"]);
    assert_eq!(run.status, 4, "{run:?}");
}

#[test]
fn a_held_stream_goes_on_with_its_id_once_decided() {
    let server = Fake::start().offering(EXTENSION).script(Script {
        early: Some((1, json!({"status": "awaiting_approval"}))),
        ..script()
    });
    let run = in_session(&server).run(&["exec", "--wait", "web-01", "x"]);
    assert_eq!(
        (run.status, run.stdout.as_str()),
        (9, "one\ntwo\n"),
        "{run:?}"
    );
    assert_eq!(server.posted("/api/events/commands/").len(), 1);
}

#[test]
fn a_server_that_forgot_the_addition_is_served_the_public_way() {
    let offering = Fake::start().offering(EXTENSION);
    let environment = in_session(&offering);
    let plain = Fake::start().script(script());
    let mut config = environment.config();
    config["workspace_url"] = json!(plain.url());
    environment.write_config(&config.to_string());
    let run = environment.run(&["exec", "web-01", "x"]);
    assert_eq!(
        (run.status, run.stdout.as_str()),
        (9, "one\ntwo\n"),
        "{run:?}"
    );
}
