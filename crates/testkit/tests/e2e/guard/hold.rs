//! Programs that wait for an answer.

use serde_json::json;

use super::*;
use crate::accounts::second_superuser;

/// A command, and the number of its held program.
pub(super) type Held = (String, i64);

/// A command whose `id` is held.
pub(super) fn held(system: &System, api: &Api, server: &str) -> Held {
    let tool = script(system, "id -u; echo after");
    let more = json!({
        "requester_type": "agent", "allow_commands": [&tool], "hold_programs": true,
    });
    let session = create_session(api, server, &["command"], &more);
    assert_eq!(session["hold_programs"], true);
    let job = start(api, server, &tool, Some(&id(&session)));
    let path = format!("/api/events/commands/{job}/programs/?not_allowed=true");
    let seq = system.wait_for(&path, |page| page["results"][0]["seq"].as_i64());
    (job, seq)
}

fn answer(api: &Api, (job, seq): &Held, allow: bool) -> testkit::Answer {
    let path = format!("/api/events/commands/{job}/programs/{seq}/answer/");
    api.post(&path, &json!({ "allow": allow }))
}

#[test]
fn a_held_program_runs_once_it_is_allowed() {
    let Some((system, agent)) = guarded() else {
        return;
    };
    let api = system.api_with_password();
    let held = held(&system, &api, agent.id());
    let page = system
        .api()
        .get(&format!("/api/events/commands/{}/", held.0))
        .expect(200)
        .json();
    assert!(page["success"].is_null(), "{page}");
    // Neither the requester nor a token decides.
    answer(&api, &held, true).expect(403);
    answer(&system.api(), &held, true).expect(403);
    let other = second_superuser(&system);
    answer(&other, &held, true).expect(200);
    answer(&other, &held, false).expect(409);
    let done = ended(&system, &held.0);
    let output = done["result"].as_str().unwrap();
    assert!(output.contains("waits for an answer"), "{output}");
    assert!(output.contains("was allowed: second"), "{output}");
    assert!(output.contains("65534\nafter\n"), "{output}");
    let (whole, said) = system.verify_audit();
    assert!(whole, "{said}");
}

#[test]
fn a_held_program_dies_once_it_is_denied() {
    let Some((system, agent)) = guarded() else {
        return;
    };
    let api = system.api_with_password();
    let held = held(&system, &api, agent.id());
    answer(&second_superuser(&system), &held, false).expect(200);
    let done = ended(&system, &held.0);
    let output = done["result"].as_str().unwrap();
    assert!(output.contains("was denied: second"), "{output}");
    assert!(!output.contains("65534"), "{output}");
    assert!(output.contains("after\n"), "{output}");
    assert_eq!(names(&programs(&system, &done), "deny"), ["id"]);
}

#[test]
fn a_held_program_stays_held_while_the_agent_restarts() {
    let Some((system, agent)) = guarded() else {
        return;
    };
    let api = system.api_with_password();
    let held = held(&system, &api, agent.id());
    let other = second_superuser(&system);
    agent.kill();
    system.wait_connected(agent.id(), false);
    answer(&other, &held, true).expect(409);
    agent.restart();
    system.wait_connected(agent.id(), true);
    answer(&other, &held, true).expect(200);
    let done = ended(&system, &held.0);
    let output = done["result"].as_str().unwrap();
    assert!(output.contains("after\n"), "{output}");
    assert_eq!(done["success"], true, "{done}");
}

#[test]
fn holding_needs_rules() {
    let Some((system, agent)) = guarded() else {
        return;
    };
    let answer = system.api_with_password().post(
        "/api/work-sessions/sessions/",
        &json!({
            "description": "x", "requester_type": "user", "scopes": ["command"],
            "servers": [agent.id()], "expires_at": crate::from_now(3600),
            "hold_programs": true,
        }),
    );
    answer.expect(400);
}
