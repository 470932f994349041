//! The way a newcomer takes.

use testkit::{Options, System};

#[test]
fn login_refusal_session_exec_timeline_and_audit_over_tls() {
    let system = System::with(&Options {
        tls: true,
        ..Options::default()
    });
    assert!(system.url().starts_with("https://"), "{}", system.url());
    let agent = system.agent("web-1");
    let cli = system.cli_with_password();
    cli.run(&["server", "ls"]).exits(0).stdout_has("web-1");

    let refused = cli
        .run(&["exec", "--output", "json", "web-1", "echo hello"])
        .exits(3)
        .stdout_is("")
        .envelope();
    assert_eq!(refused["ok"], false);
    assert_eq!(refused["exit_code"], 3);
    assert_eq!(refused["error_code"], "work_session_required");
    assert_eq!(refused["context"]["required_scope"], "command");
    assert_eq!(refused["context"]["target_servers"][0], "web-1");
    assert!(refused["context"]["current_worksession"].is_null());
    assert!(!refused["next_actions"].as_array().unwrap().is_empty());

    let session = cli.open_session(agent.name(), "command");
    cli.run(&["exec", "web-1", "echo hello"])
        .exits(0)
        .stdout_is("hello\n");

    let timeline = cli
        .run(&["work-session", "timeline", &session, "--output", "json"])
        .exits(0)
        .json();
    let entries = timeline["timeline"].as_array().unwrap();
    assert_eq!(entries.len(), 1, "{timeline}");
    assert_eq!(entries[0]["type"], "command");
    assert_eq!(entries[0]["server"], "web-1");
    assert!(
        entries[0]["details"]
            .as_str()
            .unwrap()
            .contains("echo hello")
    );

    let (whole, said) = system.verify_audit();
    assert!(whole, "{said}");
}

#[test]
fn the_text_of_a_refusal_names_the_next_steps() {
    let system = System::start();
    let _agent = system.agent("web-1");
    system
        .cli_with_password()
        .run(&["exec", "web-1", "true"])
        .exits(3)
        .stderr_has("Error: the command operation requires an active WorkSession")
        .stderr_has("alpacon work-session create --scope command --server web-1 --expires-in 1h");
}

#[test]
fn a_second_start_keeps_everything() {
    let system = System::start();
    let agent = system.agent("web-1");
    let cli = system.cli_with_password();
    cli.open_session(agent.name(), "command");
    let before = system.ready().clone();

    let status = system.stop_server();
    assert_eq!(status.code(), Some(0), "an orderly end exits with 0");
    system.restart_server();

    system.wait_connected(agent.id(), true);
    cli.run(&["exec", "web-1", "echo again"])
        .exits(0)
        .stdout_is("again\n");
    system
        .cli()
        .log_in(&before.superuser.username, &before.superuser.password);
}

#[test]
fn one_registration_token_serves_several_agents() {
    let system = System::start();
    let first = system.agent("web-1");
    let second = system.agent("web-2");
    assert_ne!(first.id(), second.id());
    let cli = system.cli_with_password();
    cli.open_session("web-1,web-2", "command");
    for name in ["web-1", "web-2"] {
        cli.run(&["exec", name, "echo up"])
            .exits(0)
            .stdout_is("up\n");
    }
}

#[test]
fn the_superuser_is_named_on_request() {
    let system = System::with(&Options {
        username: Some("casey".to_owned()),
        ..Options::default()
    });
    assert_eq!(system.ready().superuser.username, "casey");
    let who = system
        .cli_with_password()
        .run(&["whoami", "--output", "json"])
        .exits(0)
        .json();
    assert_eq!(who["username"], "casey");
    assert_eq!(who["role"], "superuser");
    assert_eq!(who["work_session_required"], true);
}

#[test]
fn nobody_is_logged_in_at_first_and_after_logout() {
    let system = System::start();
    let cli = system.cli();
    cli.run(&[]).exits(0).stdout_is("").stderr_has("login");
    cli.run(&["server", "ls"]).exits(1);
    let cli = system.cli_with_password();
    cli.run(&["server", "ls"]).exits(0);
    cli.run(&["logout"]).exits(0);
    cli.run(&["server", "ls"]).exits(1);
}
