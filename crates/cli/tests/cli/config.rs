use std::os::unix::fs::PermissionsExt as _;

use serde_json::json;

use crate::environment::Environment;
use crate::fake::Fake;

#[test]
fn a_file_of_the_public_program_is_used_and_its_unknown_members_kept() {
    let server = Fake::start();
    let environment = Environment::new();
    environment.write_config(&format!(
        r#"{{
    "workspace_url": "{}",
    "workspace_name": "acme",
    "token": "alpat-1",
    "expires_at": null,
    "insecure": false,
    "active_work_sessions": {{"other": "ws-8"}},
    "future": {{"kept": [1, 2]}}
}}"#,
        server.url()
    ));
    let run = environment.run(&[
        "work-session",
        "create",
        "--purpose",
        "p",
        "--scope",
        "command",
        "--server",
        "web-01",
        "--expires-in",
        "1h",
        "--use",
    ]);
    assert_eq!(run.status, 0, "{run:?}");
    let config = environment.config();
    assert_eq!(config["future"], json!({"kept": [1, 2]}));
    assert_eq!(
        config["active_work_sessions"],
        json!({"other": "ws-8", "acme": "ws-1"})
    );
    let mode = std::fs::metadata(environment.config_path())
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);

    let run = environment.run(&["login", &server.url(), "-t", "alpat-1"]);
    assert_eq!(run.status, 0, "{run:?}");
    assert_eq!(environment.config()["future"], json!({"kept": [1, 2]}));
}

#[test]
fn a_broken_file_is_named_and_not_quoted() {
    let environment = Environment::new();
    environment.write_config(r#"{"token": 's3cret"#);
    let run = environment.run(&["server", "ls", "--output", "json"]);
    assert_eq!(run.status, 1);
    let envelope = run.envelope();
    let message = envelope["message"].as_str().unwrap();
    assert!(
        message.contains("config.json") && message.contains("alpacon login"),
        "{message}"
    );
    assert!(!run.stderr.contains("s3cret"), "{run:?}");
    let banner = environment.run(&[]);
    assert_eq!((banner.status, banner.stdout.as_str()), (0, ""));
    assert!(banner.stderr.contains("config unreadable"), "{banner:?}");
}

#[test]
fn the_bearer_form_wins_over_a_token() {
    let server = Fake::start();
    let environment = Environment::new();
    environment.write_config(
        &json!({
            "workspace_url": server.url(), "workspace_name": "w", "token": "alpat-1",
            "access_token": "jwt", "access_token_expires_at": "2099-01-01T00:00:00Z",
        })
        .to_string(),
    );
    let run = environment.run(&["server", "ls"]);
    assert_eq!(run.status, 1, "the fake knows no JWT: {run:?}");
    assert_eq!(server.requests()[0].authorization, "Bearer jwt");
}
