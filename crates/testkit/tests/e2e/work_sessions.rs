//! The life of a work session.

use serde_json::{Value, json};
use testkit::{Api, PublicAgent, System, eventually};

use crate::{create_session, from_now, id};

const SESSIONS: &str = "/api/work-sessions/sessions/";

fn scene() -> (System, PublicAgent, Api) {
    let system = System::start();
    let agent = system.public_agent("host");
    let user = system.api_with_password();
    (system, agent, user)
}

fn state(api: &Api, session: &str) -> String {
    api.get(&format!("{SESSIONS}{session}/"))
        .expect(200)
        .text_at("/status")
}

#[test]
fn a_superusers_session_is_active_at_once_and_complete() {
    let (_system, agent, user) = scene();
    let session = create_session(&user, agent.id(), &["websh", "command"], &json!({}));
    assert_eq!(session["status"], "active");
    assert_eq!(session["requester_type"], "user");
    assert_eq!(session["scopes"], json!(["command", "websh"]));
    assert_eq!(session["servers"][0]["id"], json!(agent.id()));
    assert_eq!(session["servers"][0]["name"], json!(agent.name()));
    assert!(session["started_at"].is_string(), "{session}");
    assert_eq!(session["created_by"]["id"], session["assigned_user"]["id"]);

    let path = format!("{SESSIONS}{}/complete/", id(&session));
    user.post(&path, &json!({})).expect_success();
    assert_eq!(state(&user, &id(&session)), "completed");
}

#[test]
fn lists_filter_and_page() {
    let (_system, agent, user) = scene();
    for _ in 0..3 {
        create_session(&user, agent.id(), &["command"], &json!({}));
    }
    let page = user
        .get(&format!("{SESSIONS}?status=active&page=1&page_size=2"))
        .expect(200)
        .json();
    assert_eq!(page["count"], 3);
    assert_eq!(page["results"].as_array().unwrap().len(), 2);
    assert_eq!(page["next"], 2);
    let last = user
        .get(&format!("{SESSIONS}?status=active&page=2&page_size=2"))
        .expect(200)
        .json();
    assert_eq!(last["results"].as_array().unwrap().len(), 1);
    assert!(matches!(last["next"], Value::Null) || last["next"] == 0);
    let none = user
        .get(&format!("{SESSIONS}?status=pending"))
        .expect(200)
        .json();
    assert_eq!(none["count"], 0);
}

#[test]
fn time_alone_starts_and_ends_a_session() {
    let (system, agent, user) = scene();
    let session = create_session(
        &user,
        agent.id(),
        &["command"],
        &json!({"starts_at": from_now(2), "expires_at": from_now(4)}),
    );
    assert_eq!(session["status"], "approved");
    // Asked in the database: a request might be what moves it.
    let database = system.database();
    let in_state = |state: &str| {
        database.integer(&format!(
            "SELECT count(*) FROM work_sessions WHERE status = '{state}'"
        ))
    };
    eventually("the session has started", || {
        (in_state("active") == 1 || in_state("expired") == 1).then_some(())
    });
    eventually("the session has expired", || {
        (in_state("expired") == 1).then_some(())
    });
    assert_eq!(state(&user, &id(&session)), "expired");
}

#[test]
fn extending_moves_the_end() {
    let (_system, agent, user) = scene();
    let session = id(&create_session(&user, agent.id(), &["command"], &json!({})));
    let end = from_now(7200);
    user.post(
        &format!("{SESSIONS}{session}/extend/"),
        &json!({"expires_at": end}),
    )
    .expect_success();
    let shown = user
        .get(&format!("{SESSIONS}{session}/"))
        .text_at("/expires_at");
    let parse = |text: &str| chrono::DateTime::parse_from_rfc3339(text).unwrap();
    assert_eq!(parse(&shown), parse(&end));
}

#[test]
fn a_title_changes_without_a_reviewer() {
    let (_system, agent, user) = scene();
    let session = id(&create_session(&user, agent.id(), &["command"], &json!({})));
    let path = format!("{SESSIONS}{session}/");
    user.patch(&path, &json!({"title": "Rotate logs", "id": "ignored"}))
        .expect_success();
    assert_eq!(user.get(&path).text_at("/title"), "Rotate logs");
}

#[test]
fn final_states_stay() {
    let (_system, agent, user) = scene();
    let session = id(&create_session(&user, agent.id(), &["command"], &json!({})));
    let act = |verb: &str| user.post(&format!("{SESSIONS}{session}/{verb}/"), &json!({}));
    act("revoke").expect_success();
    for verb in ["complete", "activate", "revoke", "cancel"] {
        let answer = act(verb);
        assert!(
            (400..500).contains(&answer.status),
            "{verb}: {} {}",
            answer.status,
            answer.text()
        );
    }
    assert_eq!(state(&user, &session), "revoked");
}

#[test]
fn only_a_pending_session_can_be_cancelled() {
    let (_system, agent, user) = scene();
    let session = id(&create_session(&user, agent.id(), &["command"], &json!({})));
    let path = format!("{SESSIONS}{session}/cancel/");
    let answer = user.post(&path, &json!({}));
    assert!((400..500).contains(&answer.status), "{}", answer.status);
    assert_eq!(answer.json()["code"], "work_session_not_pending");
}

#[test]
fn a_command_line_credential_never_approves() {
    let (system, agent, user) = scene();
    let session = id(&create_session(&user, agent.id(), &["command"], &json!({})));
    for verb in ["approve", "reject"] {
        let path = format!("{SESSIONS}{session}/{verb}/");
        for api in [&user, &system.api()] {
            let answer = api.post(&path, &json!({})).expect(403);
            assert!(answer.json()["detail"].is_string(), "{}", answer.text());
        }
    }
}

#[test]
fn wrong_bodies_are_refused_with_a_reason() {
    let (_system, agent, user) = scene();
    let good = json!({
        "description": "x", "requester_type": "user", "scopes": ["command"],
        "servers": [agent.id()], "expires_at": from_now(60),
    });
    let cases = [
        ("scopes", json!(["fly"])),
        ("scopes", json!([])),
        ("servers", json!([])),
        ("servers", json!([uuid::Uuid::now_v7()])),
        ("requester_type", json!("robot")),
        ("expires_at", json!(from_now(-60))),
        ("expires_at", json!("tomorrow")),
        ("description", json!("")),
    ];
    for (field, value) in cases {
        let mut body = good.clone();
        body[field] = value.clone();
        let answer = user.post(SESSIONS, &body);
        assert!(
            matches!(answer.status, 400 | 404),
            "{field} = {value}: {} {}",
            answer.status,
            answer.text()
        );
        assert!(answer.json().is_object(), "{}", answer.text());
    }
    let mut agent_with_terminal = good;
    agent_with_terminal["requester_type"] = json!("agent");
    agent_with_terminal["scopes"] = json!(["websh"]);
    let answer = user.post(SESSIONS, &agent_with_terminal);
    assert_eq!(answer.status, 400, "{}", answer.text());
}

#[test]
fn the_cli_walks_through_the_states() {
    let (system, agent, _user) = scene();
    let cli = system.cli_with_password();
    let session = cli.open_session(agent.name(), "command");
    let current = cli
        .run(&["work-session", "current", "--output", "json"])
        .exits(0)
        .json();
    assert_eq!(current["id"], json!(session));
    cli.run(&["work-session", "ls"])
        .exits(0)
        .stdout_has(&session);
    cli.run(&["work-session", "extend", &session, "--expires-in", "2h"])
        .exits(0);
    cli.run(&["work-session", "update", &session, "--title", "Named"])
        .exits(0);
    cli.run(&["work-session", "describe", &session])
        .exits(0)
        .stdout_has(&session);
    cli.run(&["work-session", "complete", &session]).exits(0);
    cli.run(&["work-session", "use", &session]).exits(1);
    cli.run(&["work-session", "use", "--unset"]).exits(0);
    cli.run(&["work-session", "current", "--output", "json"])
        .exits(0)
        .stdout_is("null\n");
}
