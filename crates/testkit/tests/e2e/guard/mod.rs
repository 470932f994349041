//! Orders under the exec guard: what a limited session can do on a host, and what is
//! known about it. Enforcement needs an agent that is root; without root these tests
//! pass without doing anything, and say so.

mod answers;
mod approved;
mod attacks;
mod coding_agent;
mod hold;
mod jobs;
mod record;

use serde_json::{Value, json};
use testkit::{Agent, Api, Options, System};

use crate::{create_session, id, submission};

/// The account that limited sessions run as.
const ACCOUNT: &str = "nobody";

/// A system with an agent that can enforce; none where it cannot.
fn guarded() -> Option<(System, Agent)> {
    guarded_with(Vec::new())
}

/// The same, with more of the server's environment.
#[expect(clippy::print_stdout, reason = "a test that did nothing has to say so")]
pub(crate) fn guarded_with(environment: Vec<(String, String)>) -> Option<(System, Agent)> {
    if !std::fs::metadata("/proc/self").is_ok_and(|own| {
        use std::os::unix::fs::MetadataExt as _;
        own.uid() == 0
    }) {
        println!("not root: nothing is enforced here");
        return None;
    }
    let system = System::with(&Options {
        environment,
        ..Options::default()
    });
    let agent = system.agent("host");
    Some((system, agent))
}

/// A session in which an AI agent may run only what `rules` name.
#[track_caller]
fn limited(api: &Api, server: &str, rules: &[&str]) -> String {
    let more = json!({"requester_type": "agent", "allow_commands": rules});
    id(&create_session(api, server, &["command"], &more))
}

/// Runs a line as [`ACCOUNT`] and gives the command when it has ended.
#[track_caller]
fn run(system: &System, api: &Api, server: &str, line: &str, session: Option<&str>) -> Value {
    let job = start(api, server, line, session);
    ended(system, &job)
}

/// Submits a line as [`ACCOUNT`].
#[track_caller]
fn start(api: &Api, server: &str, line: &str, session: Option<&str>) -> String {
    let mut body = submission(server, line, session);
    body["username"] = json!(ACCOUNT);
    let answer = api.post("/api/events/commands/", &body);
    assert!((200..300).contains(&answer.status), "{}", answer.text());
    answer.text_at("/0/id")
}

#[track_caller]
fn ended(system: &System, job: &str) -> Value {
    system.wait_for(&format!("/api/events/commands/{job}/"), |command| {
        (!command["success"].is_null()).then(|| command.clone())
    })
}

/// The programs of a command, in order.
#[track_caller]
fn programs(system: &System, job: &Value) -> Vec<Value> {
    let job = job["id"].as_str().unwrap();
    let page = system
        .api()
        .get(&format!(
            "/api/events/commands/{job}/programs/?page_size=100"
        ))
        .expect(200)
        .json();
    page["results"].as_array().unwrap().clone()
}

/// Base names of the programs with this verdict.
fn names(programs: &[Value], verdict: &str) -> Vec<String> {
    (programs.iter())
        .filter(|program| program["verdict"] == verdict)
        .map(|program| {
            let exe = program["exe"].as_str().unwrap();
            exe.rsplit('/').next().unwrap().to_owned()
        })
        .collect()
}

/// A program that [`ACCOUNT`] may run, and what it starts no line shows.
#[track_caller]
fn script(system: &System, body: &str) -> String {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = |mode| std::fs::Permissions::from_mode(mode);
    std::fs::set_permissions(system.folder(), mode(0o711)).unwrap();
    let folder = std::fs::canonicalize(system.folder()).unwrap();
    let path = folder.join("tool");
    std::fs::write(&path, format!("#!/bin/sh\n{body}\n")).unwrap();
    std::fs::set_permissions(&path, mode(0o755)).unwrap();
    path.to_str().unwrap().to_owned()
}
