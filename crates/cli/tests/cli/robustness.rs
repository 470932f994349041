//! Answers that no server of ours would give.

use crate::environment::Environment;
use crate::fake::Fake;

const PATH: &str = "/api/servers/servers/";

fn answered(status: u16, content_type: &'static str, body: &str) -> crate::environment::Run {
    let server = Fake::start().answering("GET", PATH, status, content_type, body);
    Environment::logged_in(&server).run(&["server", "ls", "--output", "json"])
}

#[test]
fn nulls_read_as_nothing() {
    let body = r#"{"count":null,"next":null,"results":[{"id":null,"name":"a","remote_ip":null,
        "os_name":null,"os_version":null,"is_connected":null,"owner":null,"status":null},null]}"#;
    let run = answered(200, "application/json; charset=utf-8", body);
    assert_eq!(run.status, 0, "{run:?}");
    assert_eq!(run.json()[0]["name"], "a");
    assert_eq!(run.json()[0]["connected"], false);
    let run = answered(200, "application/json", r#"{"results":null}"#);
    assert_eq!((run.status, run.stdout.as_str()), (0, "[]\n"), "{run:?}");
}

#[test]
fn other_content_types_are_named() {
    for status in [200, 404, 502] {
        let run = answered(status, "text/html", "<html>gateway</html>");
        assert_eq!(run.status, 1, "{run:?}");
        let envelope = run.envelope();
        let message = envelope["message"].as_str().unwrap();
        assert!(message.contains(&status.to_string()), "{message}");
        assert!(message.contains("text/html"), "{message}");
    }
}

#[test]
fn broken_and_wrongly_typed_bodies_are_errors() {
    for body in ["", "{", "[1]", r#"{"results":[{"name":5}]}"#] {
        let run = answered(200, "application/json", body);
        assert_eq!(run.status, 1, "{body:?}: {run:?}");
        assert!(
            run.envelope()["message"].as_str().unwrap().contains(PATH),
            "{run:?}"
        );
    }
}

#[test]
fn refusals_explain_themselves() {
    let run = answered(403, "text/html", "<html>");
    assert!(
        run.envelope()["message"]
            .as_str()
            .unwrap()
            .starts_with("permission denied")
    );
    let run = answered(401, "application/json", r#"{"detail":"Expired."}"#);
    let envelope = run.envelope();
    assert!(
        envelope["message"]
            .as_str()
            .unwrap()
            .contains("alpacon login"),
        "{envelope}"
    );
    let run = answered(
        400,
        "application/json",
        r#"{"code":"odd","name":["too long"]}"#,
    );
    assert_eq!(run.envelope()["message"], "code: odd; name: too long");
    assert_eq!(run.envelope()["error_code"], "odd");
}

#[test]
fn a_servers_text_cannot_drive_the_terminal() {
    let body = r#"{"detail":"no\u001b]0;x\u0007 \u202eway\u009b31m\r\nEnd"}"#;
    let server = Fake::start().answering("GET", PATH, 400, "application/json", body);
    let environment = Environment::logged_in(&server);
    let run = environment.run(&["server", "ls"]);
    assert!(run.stderr.starts_with("Error: no way31m\nEnd\n"), "{run:?}");
    let run = environment.run(&["server", "ls", "--output", "json"]);
    assert!(
        run.stderr.contains(r"\u202e") && run.stderr.contains(r"\u009b"),
        "{run:?}"
    );
    assert!(!run.stderr.contains('\u{202e}'), "{run:?}");
}

#[test]
fn an_unreachable_server_is_named() {
    let server = Fake::start();
    let environment = Environment::logged_in(&server);
    drop(server);
    let run = environment.run(&["server", "ls"]);
    assert_eq!(run.status, 1);
    assert!(
        run.stderr.starts_with("Error: cannot reach 127.0.0.1: "),
        "{run:?}"
    );
    let run = environment.run(&["whoami", "--output", "json"]);
    assert_eq!(run.status, 0, "{run:?}");
    assert_eq!(run.json()["auth_classification"], "token");
}
