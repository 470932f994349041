use serde_json::json;

use crate::environment::Environment;
use crate::fake::Fake;

#[test]
fn a_refusal_of_the_gate_is_a_diagnostic() {
    let server = Fake::start();
    let run = Environment::logged_in(&server).run(&["exec", "web-01", "uptime"]);
    assert_eq!((run.status, run.stdout.as_str()), (3, ""), "{run:?}");
    insta::assert_snapshot!(run.stderr, @r#"
    Error: the command operation requires an active WorkSession on this authentication.

      auth          : Password login (interactive)
      reason        : no WorkSession selected for this shell
      required scope: command
      target server : web-01

    Next:
      alpacon work-session create --scope command --server web-01 --expires-in 1h --purpose "<intent>" --use # create a new session and attach it
      alpacon work-session ls --status active # or reuse an existing active session
      alpacon work-session use <ID>
    "#);
}

#[test]
fn programs_get_the_envelope() {
    let server = Fake::start();
    let environment = Environment::logged_in(&server);
    for arguments in [
        ["--output", "json", "exec", "web-01", "uptime"],
        ["exec", "--output", "json", "web-01", "uptime"],
    ] {
        let run = environment.run(&arguments);
        assert_eq!((run.status, run.stdout.as_str()), (3, ""), "{run:?}");
        let envelope = run.envelope();
        assert_eq!(envelope["ok"], false);
        assert_eq!(envelope["exit_code"], 3);
        assert_eq!(envelope["error_code"], "work_session_required");
        assert_eq!(
            envelope["context"],
            json!({
                "auth_method": "Token", "required_scope": "command",
                "target_servers": ["web-01"], "current_worksession": null,
            })
        );
        let actions = envelope["next_actions"].as_array().unwrap();
        assert_eq!(actions.len(), 3);
        assert_eq!(
            actions[0],
            "alpacon work-session create --scope command --server web-01 --expires-in 1h \
             --purpose \"<intent>\" --use # create a new session and attach it"
        );
        assert_eq!(
            envelope["next_action_details"][2],
            json!({"command": "alpacon work-session use <ID>"})
        );
    }
}

#[test]
fn every_code_of_the_gate_ends_with_three() {
    for code in protocol::code::WORK_SESSION_GATE {
        let body = json!({"code": code, "source": "command", "detail": "No."}).to_string();
        let path = "/api/events/commands/";
        let server = Fake::start().answering("POST", path, 403, "application/json", &body);
        let run = Environment::logged_in(&server)
            .with("ALPACON_WORK_SESSION", "ws-9")
            .run(&["exec", "--output=json", "web-01", "uptime"]);
        assert_eq!(run.status, 3, "{run:?}");
        assert_eq!(run.envelope()["error_code"], code);
        assert_eq!(run.envelope()["context"]["current_worksession"], "ws-9");
    }
}

#[test]
fn detached_submissions_and_logs_pass_the_same_gate() {
    let server = Fake::start();
    let environment = Environment::logged_in(&server);
    let run = environment.run(&["exec", "--detach", "web-01", "uptime"]);
    assert_eq!(run.status, 3, "{run:?}");

    let id = "0190b6a4-7d6e-7cc0-8f00-000000000001";
    let body = json!({"code": "work_session_expired", "detail": "Over."}).to_string();
    let path = format!("/api/events/commands/{id}/");
    let server = server.answering("GET", &path, 403, "application/json", &body);
    let run = environment.run(&["exec", "logs", id, "--output", "json"]);
    drop(server);
    assert_eq!(run.status, 3, "{run:?}");
    assert_eq!(run.envelope()["context"]["target_servers"], json!([]));
}

#[test]
fn an_inline_credential_is_never_repeated() {
    let body =
        r#"{"code":"command_inline_credential","source":"command","detail":"mysql -ps3cretpw"}"#;
    let path = "/api/events/commands/";
    let server = Fake::start().answering("POST", path, 400, "application/json", body);
    let environment = Environment::logged_in(&server);
    let line = ["exec", "web-01", "mysql", "-ps3cretpw"];
    let run = environment.run(&line);
    assert_eq!(run.status, 1, "{run:?}");
    assert!(
        run.stderr.contains("Hint: ") && run.stderr.contains("--env=SECRET"),
        "{run:?}"
    );
    assert!(!run.stderr.contains("s3cretpw"), "{run:?}");
    let run = environment.run(&[&["--output", "json"], line.as_slice()].concat());
    assert_eq!(run.envelope()["error_code"], "command_inline_credential");
    assert_eq!(run.envelope()["context"], json!({"operation": "command"}));
    assert!(!run.stderr.contains("s3cretpw"), "{run:?}");
}
