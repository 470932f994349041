//! Browser login over TLS.

use serde_json::json;

use crate::environment::Environment;
use crate::fake::{Fake, Script};

#[test]
fn a_device_login_waits_for_the_browser() {
    let server = Fake::start_tls();
    let environment = Environment::trusting(&server);
    let run = environment.run(&["login", &server.url(), "--no-browser"]);
    assert_eq!((run.status, run.stdout.as_str()), (0, ""), "{run:?}");
    assert!(
        run.stderr
            .contains("https://login.example.com/activate?c=ABCD-EFGH"),
        "{run:?}"
    );
    assert!(
        !run.stderr.contains("jwt-1") && !run.stderr.contains("rt-1"),
        "{run:?}"
    );

    let config = environment.config();
    assert_eq!(config["access_token"], "jwt-1");
    assert_eq!(config["refresh_token"], "rt-1");
    assert!(config["access_token_expires_at"].as_str().is_some());
    assert!(config.get("token").is_none());

    let start = &server.posted("/oauth/device/code/")[0];
    let scope = start["scope"].as_str().unwrap();
    assert!(
        scope.starts_with("openid profile email offline_access cli org:acme device:"),
        "{scope}"
    );
    let paths: Vec<String> = server.requests().into_iter().map(|r| r.path).collect();
    assert_eq!(
        paths.iter().filter(|path| *path == "/oauth/token/").count(),
        2
    );
    let whoami = environment.run(&["whoami", "--output", "json"]).json();
    assert_eq!(whoami["auth_classification"], "browser_login");
}

#[test]
fn a_password_login_is_done_whenever_one_is_asked_for() {
    let server = Fake::start_tls();
    let environment = Environment::trusting(&server);
    let run = environment.run(&["login", &server.url(), "-u", "admin", "-p", "s3cret"]);
    assert_eq!(run.status, 0, "{run:?}");
    assert_eq!(environment.config()["token"], "sess-1");
    assert!(server.posted("/oauth/device/code/").is_empty());
}

#[test]
fn an_ending_login_is_renewed_and_the_rotated_token_kept() {
    let server = Fake::start_tls();
    let environment = Environment::logged_in_by_browser(&server);
    let mut config = environment.config();
    config["access_token_expires_at"] = json!("2020-01-01T00:00:00Z");
    config["future"] = json!("kept");
    environment.write_config(&config.to_string());
    let run = environment.run(&["server", "ls"]);
    assert_eq!(run.status, 0, "{run:?}");
    assert_eq!(
        server.requests().pop().unwrap().authorization,
        "Bearer jwt-2"
    );
    let config = environment.config();
    assert_eq!(config["access_token"], "jwt-2");
    assert_eq!(config["refresh_token"], "rt-2");
    assert_eq!(config["future"], "kept");
}

#[test]
fn a_login_that_cannot_be_renewed_says_so() {
    let server = Fake::start_tls();
    let environment = Environment::logged_in_by_browser(&server);
    let mut config = environment.config();
    config["access_token_expires_at"] = json!("");
    config["refresh_token"] = json!("revoked");
    environment.write_config(&config.to_string());
    let run = environment.run(&["server", "ls"]);
    assert_eq!(run.status, 1, "{run:?}");
    assert!(run.stderr.contains("run `alpacon login` again"), "{run:?}");
    let run = environment.run(&["logout"]);
    assert_eq!(run.status, 0, "an ended login can be left: {run:?}");
    assert!(!environment.config_path().exists());
}

#[test]
fn a_missing_second_factor_is_cured_once() {
    let body = r#"{"code":"auth_mfa_required","source":"command"}"#;
    let path = "/api/events/commands/";
    let server = Fake::start_tls()
        .answering_once("POST", path, 401, body)
        .script(Script {
            detail: json!({"status": "success", "success": true, "result": "ran\n"}),
            ..Script::default()
        });
    let environment = Environment::logged_in_by_browser(&server);
    let run = environment.run(&["exec", "--work-session", "ws-1", "web-01", "x"]);
    assert_eq!((run.status, run.stdout.as_str()), (0, "ran\n"), "{run:?}");
    assert!(
        run.stderr.contains("https://login.example.com/mfa"),
        "{run:?}"
    );
    assert_eq!(server.posted(path).len(), 2);
    assert_eq!(
        environment.config()["access_token"],
        "jwt-2",
        "its claims show the MFA"
    );

    let server = server.answering("POST", path, 401, "application/json", body);
    let run = environment.run(&["exec", "web-01", "x"]);
    assert_eq!(run.status, 1, "{run:?}");
    assert_eq!(server.posted(path).len(), 4, "a second refusal is final");
}

#[test]
fn administration_cures_it_too() {
    let body = r#"{"code":"auth_mfa_required","source":"auth"}"#;
    let path = "/api/auth/tokens/";
    let created = json!({"id": "t-1", "name": "ci", "key": "alpat-k3y"});
    let server = Fake::start_tls()
        .answering_json("POST", path, 201, &created)
        .answering_once("POST", path, 401, body);
    let environment = Environment::logged_in_by_browser(&server);
    let run = environment.run(&["token", "create", "-n", "ci"]);
    assert_eq!(run.status, 0, "{run:?}");
    assert!(run.stderr.contains("alpat-k3y"), "{run:?}");
    assert_eq!(server.posted(path).len(), 2);
}

#[test]
fn logout_withdraws_both_tokens() {
    let server = Fake::start_tls();
    let environment = Environment::logged_in_by_browser(&server);
    let run = environment.run(&["logout"]);
    assert_eq!(run.status, 0, "{run:?}");
    assert_eq!(server.posted("/api/auth0/token/blacklist/"), [json!(null)]);
    assert_eq!(
        server.posted("/oauth/revoke/"),
        [json!({"client_id": "cli", "token": "rt-1"})]
    );
}

#[test]
fn certificates_are_checked_unless_asked_otherwise() {
    let server = Fake::start_tls();
    let environment = Environment::new();
    let run = environment.run(&["login", &server.url(), "-t", "alpat-1"]);
    assert_eq!(run.status, 1, "{run:?}");
    assert!(!environment.config_path().exists());
    let run = environment.run(&["login", &server.url(), "-t", "alpat-1", "--insecure"]);
    assert_eq!(run.status, 0, "{run:?}");
    assert_eq!(environment.config()["insecure"], true);
}

#[test]
fn the_event_channel_honours_insecure_too() {
    let server = Fake::start_tls().script(Script {
        chunks: vec!["one\n"],
        live: vec![0],
        detail: json!({"status": "success", "success": true}),
        early: Some((1, json!({"status": "running"}))),
        hidden_reads: 1,
        ..Script::default()
    });
    let environment = Environment::new();
    let run = environment.run(&["login", &server.url(), "-t", "alpat-1", "--insecure"]);
    assert_eq!(run.status, 0, "{run:?}");
    let run = environment.run(&["exec", "web-01", "x"]);
    assert_eq!(
        (run.stdout.as_str(), run.stderr.as_str()),
        ("one\n", ""),
        "{run:?}"
    );
}

#[test]
fn the_gate_names_the_browser_login() {
    let body = json!({"code": "work_session_required", "detail": "No."}).to_string();
    let path = "/api/events/commands/";
    let server = Fake::start_tls().answering("POST", path, 403, "application/json", &body);
    let run = Environment::logged_in_by_browser(&server).run(&["exec", "web-01", "x"]);
    assert_eq!(run.status, 3, "{run:?}");
    assert!(
        run.stderr
            .contains("auth          : Browser login (interactive)\n"),
        "{run:?}"
    );
}
