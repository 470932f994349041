//! Where held programs are answered about: the page and the command line; and how many
//! may wait.

use serde_json::json;
use testkit::{Page, Receiver, Visitor, eventually};

use super::hold::{Held, held};
use super::*;
use crate::accounts::{PASSWORD, second_superuser};
use crate::approvals::chat;

fn press(visitor: &Visitor, (job, seq): &Held, word: &str) -> Page {
    let csrf = visitor.get("/approvals/").expect(200).field("csrf");
    let path = format!("/approvals/programs/{job}/{seq}/{word}/");
    visitor.post(&path, &[("csrf", csrf.as_str())])
}

#[test]
fn a_held_program_is_answered_on_its_page() {
    let Some((system, agent)) = guarded() else {
        return;
    };
    let api = system.api_with_password();
    let _second = second_superuser(&system);
    let waits = held(&system, &api, agent.id());
    let path = format!("/approvals/programs/{}/{}/", waits.0, waits.1);

    let root = system.visitor();
    let superuser = &system.ready().superuser;
    root.sign_in(&superuser.username, &superuser.password, "/")
        .expect(303);
    let own = root.get(&path).expect(200).html();
    assert!(
        own.contains("Nobody decides about a command of their own"),
        "{own}"
    );
    assert!(!own.contains("Let it run once"), "{own}");
    let refused = press(&root, &waits, "allow").expect(403).html();
    assert!(refused.contains("of their own"), "{refused}");

    let second = system.visitor();
    second.sign_in("second", PASSWORD, "/").expect(303);
    let list = second.get("/approvals/").expect(200).html();
    assert!(list.contains(&path), "{list}");
    let page = second.get(&path).expect(200).html();
    assert!(page.contains("/id</code>"), "{page}");
    // Without the form's own secret nothing is answered.
    second.post(&format!("{path}allow/"), &[]).expect(403);
    press(&second, &waits, "allow").expect(303);
    press(&second, &waits, "deny").expect(409);
    let done = ended(&system, &waits.0);
    let output = done["result"].as_str().unwrap();
    assert!(output.contains("was allowed: second"), "{output}");
    assert!(output.contains("65534\nafter\n"), "{output}");
    let over = second.get(&path).expect(200).html();
    assert!(over.contains("does not wait any more"), "{over}");
}

#[test]
fn a_held_program_is_answered_on_the_command_line() {
    let Some((system, agent)) = guarded() else {
        return;
    };
    let api = system.api_with_password();
    let _second = second_superuser(&system);
    let waits = held(&system, &api, agent.id());
    let cli = system.cli();
    cli.log_in("second", PASSWORD);
    let list = cli.run(&["approval", "program", "ls", "--output", "json"]);
    let list = list.exits(0).json();
    assert_eq!(list[0]["command_id"], json!(waits.0), "{list}");
    let seq = waits.1.to_string();
    let by_token = system.cli_with_token();
    by_token
        .run(&["approval", "program", "allow", &waits.0, &seq])
        .exits(1)
        .stderr_has("A token never decides");
    cli.run(&["approval", "program", "deny", &waits.0, &seq])
        .exits(0)
        .stderr_has("denied");
    let done = ended(&system, &waits.0);
    assert_eq!(names(&programs(&system, &done), "deny"), ["id"]);
    let list = cli.run(&["approval", "program", "ls", "--output", "json"]);
    assert_eq!(list.exits(0).json(), json!([]));
}

#[test]
fn programs_that_wait_are_bounded() {
    let Some((system, agent)) = guarded() else {
        return;
    };
    let api = system.api_with_password();
    let tool = script(
        &system,
        "i=0; while [ $i -lt 40 ]; do id -u & i=$((i+1)); done; wait",
    );
    let more = json!({
        "requester_type": "agent", "allow_commands": [&tool], "hold_programs": true,
    });
    let session = id(&create_session(&api, agent.id(), &["command"], &more));
    let job = start(&api, agent.id(), &tool, Some(&session));
    let count = |verdict: &str| {
        let sql = format!("SELECT count(*) FROM exec_events WHERE verdict = '{verdict}'");
        system.database().integer(&sql)
    };
    eventually("all have asked", || {
        (count("hold") + count("deny") == 40).then_some(())
    });
    assert_eq!((count("hold"), count("deny")), (32, 8));
    let waiting = api.get("/api/approvals/programs/").expect(200).json();
    assert_eq!(waiting.as_array().unwrap().len(), 32);
    api.post(&format!("/api/events/commands/{job}/cancel/"), &json!({}))
        .expect_success();
    ended(&system, &job);
    assert_eq!(api.get("/api/approvals/programs/").json(), json!([]));
}

#[test]
fn the_workspace_can_hold_for_all_agents_and_reviewers_are_told() {
    let Some((system, agent)) = guarded_with(chat::environment()) else {
        return;
    };
    let api = system.api_with_password();
    let receiver = Receiver::start();
    let hook = json!({"name": "ops", "url": receiver.url("/"), "provider": "custom"});
    api.post("/api/notifications/webhooks/", &hook).expect(201);
    api.patch(
        "/api/workspaces/access-control/-/",
        &json!({"hold_programs_of_agents": true}),
    )
    .expect(200);
    let tool = script(&system, "id -u");
    let session = limited(&api, agent.id(), &[&tool]);
    let path = format!("/api/work-sessions/sessions/{session}/");
    assert_eq!(api.get(&path).json()["hold_programs"], true);
    // A person who limits themselves is not affected, nor is a session without rules.
    let own = json!({"allow_commands": [&tool]});
    let own = create_session(&api, agent.id(), &["command"], &own);
    assert_ne!(own["hold_programs"], true);
    let job = start(&api, agent.id(), &tool, Some(&session));
    let told = receiver
        .wait_for(|it| it.json()["event"] == "program.held")
        .json();
    assert_eq!(told["object"]["command"], json!(job));
    let link = told["link"].as_str().unwrap();
    assert!(
        link.contains(&format!("/approvals/programs/{job}/")),
        "{link}"
    );
    api.post(&format!("/api/events/commands/{job}/cancel/"), &json!({}))
        .expect_success();
}
