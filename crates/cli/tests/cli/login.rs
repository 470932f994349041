use serde_json::json;

use crate::environment::Environment;
use crate::fake::Fake;

#[test]
fn a_password_login_is_stored_and_verified() {
    let server = Fake::start().offering("exec-stream/1");
    let environment = Environment::new();
    let run = environment.run(&["login", &server.url(), "-u", "admin", "-p", "s3cret"]);
    assert_eq!((run.status, run.stdout.as_str()), (0, ""), "{run:?}");
    assert!(run.stderr.contains("Success: "), "{run:?}");

    let config = environment.config();
    assert_eq!(config["workspace_url"], server.url());
    assert_eq!(config["token"], "sess-1");
    assert_eq!(config["expires_at"], "2099-01-01T00:00:00Z");
    assert_eq!(config["server_extensions"], json!(["exec-stream/1"]));
    assert_eq!(
        server.posted("/api/auth/login/"),
        [json!({"workspace_url": server.url(), "username": "admin", "password": "s3cret"})]
    );
}

#[test]
fn whoami_tells_whether_a_session_is_required() {
    let server = Fake::start();
    let environment = Environment::logged_in(&server);
    let body = environment.run(&["whoami", "--output", "json"]).json();
    assert_eq!(body["username"], "admin");
    assert_eq!(body["role"], "superuser");
    assert_eq!(body["groups"], json!([{"name": "ops", "role": "owner"}]));
    assert_eq!(body["work_session_required"], true);
    assert_eq!(body["worksession_required_for_access"], true);
    assert_eq!(body["active_worksession"], json!(null));
    let text = environment.run(&["whoami"]).stdout;
    assert!(text.contains("WS required: yes"), "{text}");
}

#[test]
fn a_password_login_is_told_from_a_token() {
    let server = Fake::start();
    let environment = Environment::logged_in(&server);
    let text = environment.run(&["whoami"]).stdout;
    assert!(
        text.contains("Auth:        Password login (interactive)\n"),
        "{text}"
    );
    let body = environment.run(&["whoami", "--output", "json"]).json();
    assert_eq!(body["auth_method"], "Token");
    assert_eq!(body["auth_classification"], "token");
    let run = environment.run(&["login", &server.url(), "-t", "alpat-1"]);
    assert_eq!(run.status, 0, "{run:?}");
    let text = environment.run(&["whoami"]).stdout;
    assert!(text.contains("Auth:        Token\n"), "{text}");
}

#[test]
fn credentials_may_begin_with_a_hyphen() {
    let server = Fake::start();
    let environment = Environment::new();
    let url = server.url();
    let run = environment.run(&["login", &url, "-u", "-admin", "-p", "--s3cret"]);
    assert_eq!(run.status, 1, "{run:?}");
    let run = environment.run(&["login", &url, "--token", "-t0ken"]);
    assert_eq!(run.status, 1, "{run:?}");
    assert_eq!(
        server.posted("/api/auth/login/"),
        [json!({"workspace_url": url, "username": "-admin", "password": "--s3cret"})]
    );
    let last = server.requests().pop().unwrap();
    assert_eq!(last.authorization, "token=\"-t0ken\"");
}

#[test]
fn a_token_login_checks_the_token_first() {
    let server = Fake::start();
    let environment = Environment::new();
    let run = environment.run(&["login", &server.url(), "-t", "alpat-1"]);
    assert_eq!(run.status, 0, "{run:?}");
    assert_eq!(environment.config()["token"], "alpat-1");
    let whoami = environment.run(&["whoami", "--output=json"]).json();
    assert_eq!(whoami["work_session_required"], false);
}

#[test]
fn the_proxy_of_the_environment_is_used() {
    let server = Fake::start();
    let environment = Environment::new().with("http_proxy", &server.url());
    let run = environment.run(&["login", "http://alpacon.invalid", "-t", "alpat-1"]);
    assert_eq!(run.status, 0, "{run:?}");
    assert_eq!(
        environment.config()["workspace_url"],
        "http://alpacon.invalid"
    );
}

#[test]
fn a_refused_login_keeps_the_old_one() {
    let server = Fake::start();
    let environment = Environment::logged_in(&server);
    let before = environment.config();
    for arguments in [
        ["login", &server.url(), "-u", "admin", "-p", "wr0ng-s3cret"].as_slice(),
        &["login", &server.url(), "-t", "wr0ng-s3cret"],
    ] {
        let run = environment.run(arguments);
        assert_eq!(run.status, 1, "{run:?}");
        assert!(!format!("{run:?}").contains("wr0ng-s3cret"), "{run:?}");
        assert_eq!(environment.config(), before);
    }
}

#[test]
fn a_failed_verification_keeps_the_old_login() {
    let server = Fake::start();
    let environment = Environment::logged_in(&server);
    let before = environment.config();
    let server = server.answering("GET", "/api/auth/whoami/", 200, "application/json", "{}");
    let run = environment.run(&["login", &server.url(), "-t", "alpat-1"]);
    assert_eq!(run.status, 1, "{run:?}");
    assert_eq!(environment.config(), before);
}

#[test]
fn piped_answers_reach_every_prompt() {
    let server = Fake::start();
    let environment = Environment::new();
    let run = environment.run_with_input(&["login", &server.url()], "admin\ns3cret\n");
    assert_eq!(run.status, 0, "{run:?}");
    assert!(!run.stderr.contains("s3cret"), "{run:?}");
}

#[test]
fn an_unknown_workspace_is_named() {
    let server = Fake::start().answering("GET", "/api/auth/env/", 404, "text/html", "<html>");
    let run = Environment::new().run(&["login", &server.url(), "-t", "x"]);
    assert_eq!(run.status, 1);
    assert!(run.stderr.contains("no workspace at"), "{run:?}");
}

#[test]
fn logout_works_even_if_the_server_refuses() {
    let server = Fake::start();
    let environment = Environment::logged_in(&server);
    let _server = server.answering("POST", "/api/auth/logout/", 500, "text/html", "<html>");
    let run = environment.run(&["logout"]);
    assert_eq!(run.status, 0, "{run:?}");
    assert!(run.stderr.contains("Warning: "), "{run:?}");
    assert!(!environment.config_path().exists());
    assert_eq!(environment.run(&["logout"]).status, 0);
    let run = environment.run(&["server", "ls"]);
    assert_eq!(run.status, 1);
    assert_eq!(
        run.stderr,
        "Error: not logged in; run `alpacon login` first\n"
    );
}

#[test]
fn logout_ends_the_session_on_the_server() {
    let server = Fake::start();
    let environment = Environment::logged_in(&server);
    let run = environment.run(&["logout"]);
    assert_eq!((run.status, run.stdout.as_str()), (0, ""), "{run:?}");
    assert_eq!(server.posted("/api/auth/logout/"), [json!(null)]);
}
