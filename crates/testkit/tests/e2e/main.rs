//! The three real programs together. One module per intent; the database is
//! chosen by the environment, see `testkit::Database`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod accounts;
mod applications;
mod approvals;
mod audit;
mod bad_input;
mod ci;
mod credentials;
mod exec;
mod faults;
mod federation;
mod files;
mod forms;
mod gate;
mod guard;
mod issuer;
mod mfa;
mod oauth;
mod onboarding;
mod peer_agent;
mod peer_cli;
mod peer_sudo;
mod people;
mod quick_path;
mod sign_in;
mod sudo;
mod tunnels;
mod websh;
mod work_sessions;
mod workspaces;

use serde_json::{Value, json};
use testkit::Api;

/// `body` with the members that `changes` has, if it has any.
fn changed(mut body: Value, changes: &Value) -> Value {
    for (name, value) in changes.as_object().into_iter().flatten() {
        body[name] = value.clone();
    }
    body
}

/// A time relative to now, RFC 3339 in UTC with whole seconds.
fn from_now(seconds: i64) -> String {
    let time = chrono::Utc::now() + chrono::Duration::seconds(seconds);
    time.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

/// Creates a work session over REST and gives the object.
#[track_caller]
fn create_session(api: &Api, server: &str, scopes: &[&str], more: &Value) -> Value {
    let body = json!({
        "description": "end-to-end test",
        "requester_type": "user",
        "scopes": scopes,
        "servers": [server],
        "expires_at": from_now(3600),
    });
    api.post("/api/work-sessions/sessions/", &changed(body, more))
        .expect(201)
        .json()
}

/// What the public CLI posts to run a line.
fn submission(server: &str, line: &str, session: Option<&str>) -> Value {
    let mut body = json!({
        "shell": "system",
        "line": line,
        "env": {},
        "data": "",
        "username": "",
        "groupname": "",
        "scheduled_at": null,
        "server": server,
        "run_after": [],
    });
    if let Some(session) = session {
        body["work_session"] = json!(session);
    }
    body
}

/// Id of `object`.
#[track_caller]
fn id(object: &Value) -> String {
    object["id"]
        .as_str()
        .unwrap_or_else(|| panic!("no id in {object}"))
        .to_owned()
}

/// Submits a line over REST and gives the command's id.
#[track_caller]
fn submit(api: &Api, server: &str, line: &str, session: Option<&str>) -> String {
    let answer = api.post("/api/events/commands/", &submission(server, line, session));
    assert!((200..300).contains(&answer.status), "{}", answer.text());
    answer.text_at("/0/id")
}

/// Whether this machine lets the tests do everything.
fn is_root() -> bool {
    let output = std::process::Command::new("id").arg("-u").output().unwrap();
    output.stdout == b"0\n"
}
