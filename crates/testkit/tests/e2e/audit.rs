//! The audit record: written before anything happens, and proof against edits.

use serde_json::json;
use testkit::System;

use crate::{create_session, id, submission, submit};

/// A system with some history, stopped, its chain whole.
fn with_history() -> System {
    let system = System::start();
    let agent = system.public_agent("host");
    let user = system.api_with_password();
    let session = id(&create_session(&user, agent.id(), &["command"], &json!({})));
    for number in 0..5 {
        submit(&user, agent.id(), &format!("echo {number}"), Some(&session));
    }
    user.post(
        "/api/events/commands/",
        &submission(agent.id(), "true", None),
    )
    .expect(403);
    drop(agent);
    system.stop_server();
    let (whole, said) = system.verify_audit();
    assert!(whole, "{said}");
    let records = system
        .database()
        .integer("SELECT count(*) FROM audit_records");
    assert!(records >= 7, "only {records} records");
    system
}

#[track_caller]
fn assert_found(system: &System) {
    let (whole, said) = system.verify_audit();
    assert!(!whole, "the change was not found: {said}");
    assert!(!said.trim().is_empty(), "nothing was said about the change");
}

#[test]
fn a_changed_word_is_found() {
    let system = with_history();
    let changed = system
        .database()
        .execute("UPDATE audit_records SET description = description || ' ' WHERE seq = 3");
    assert_eq!(changed, 1);
    assert_found(&system);
}

#[test]
fn a_changed_number_is_found() {
    let system = with_history();
    // One bit of one column.
    let changed = system.database().execute(
        "UPDATE audit_records SET status_code = status_code + 1 \
         WHERE seq = 4 AND status_code % 2 = 0 OR seq = 4 AND status_code % 2 = 1",
    );
    assert_eq!(changed, 1);
    assert_found(&system);
}

#[test]
fn a_missing_record_is_found() {
    let system = with_history();
    let changed = system
        .database()
        .execute("DELETE FROM audit_records WHERE seq = 4");
    assert_eq!(changed, 1);
    assert_found(&system);
}

#[test]
fn a_missing_end_is_found() {
    let system = with_history();
    let database = system.database();
    let changed = database
        .execute("DELETE FROM audit_records WHERE seq = (SELECT max(seq) FROM audit_records)");
    assert_eq!(changed, 1);
    assert_found(&system);
}

#[test]
fn swapped_records_are_found() {
    let system = with_history();
    let database = system.database();
    for (from, to) in [(3, -3), (4, 3), (-3, 4)] {
        let moved = database.execute(&format!(
            "UPDATE audit_records SET seq = {to} WHERE seq = {from}"
        ));
        assert_eq!(moved, 1);
    }
    assert_found(&system);
}

#[test]
fn an_empty_chain_is_found() {
    let system = with_history();
    system.database().execute("DELETE FROM audit_records");
    assert_found(&system);
}

#[test]
fn nothing_is_dispatched_when_the_audit_cannot_be_written() {
    let system = System::start();
    let mut agent = system.public_agent("host");
    let user = system.api_with_password();
    let session = id(&create_session(&user, agent.id(), &["command"], &json!({})));
    system.database().refuse_insertions("audit_records");
    let answer = user
        .post(
            "/api/events/commands/",
            &submission(agent.id(), "touch evidence", Some(&session)),
        )
        .expect(503);
    assert!(answer.json()["detail"].is_string(), "{}", answer.text());

    system.database().allow_insertions("audit_records");
    submit(&user, agent.id(), "echo after", Some(&session));
    // Orders arrive in sequence: the first one is the one after the failure.
    loop {
        let command = agent.next_command();
        if command["shell"] == "system" {
            assert_eq!(command["line"], "echo after", "{command}");
            break;
        }
    }
}

#[test]
fn refusals_and_runs_are_listed_with_their_actor() {
    let system = System::start();
    let agent = system.public_agent("host");
    let user = system.api_with_password();
    user.post(
        "/api/events/commands/",
        &submission(agent.id(), "true", None),
    )
    .expect(403);
    let session = id(&create_session(&user, agent.id(), &["command"], &json!({})));
    submit(&user, agent.id(), "echo seen", Some(&session));
    let page = user
        .get("/api/audit/activity/?page_size=100")
        .expect(200)
        .json();
    let rows = page["results"].as_array().unwrap();
    let commands: Vec<_> = rows
        .iter()
        .filter(|row| row["app"] == "command" || row["model"] == "command")
        .collect();
    assert!(
        commands.iter().any(|row| row["status_code"] == 403),
        "no refusal in {page}"
    );
    assert!(commands.len() >= 2, "{page}");
    let name = &system.ready().superuser.username;
    assert!(
        commands.iter().all(|row| row["username"] == json!(name)),
        "{page}"
    );
}
