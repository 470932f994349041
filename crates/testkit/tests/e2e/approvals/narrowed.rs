//! What was taken away while a command waited: an approval does not bring it back.

use serde_json::json;
use testkit::{Api, Credential, Visitor};

use super::{COMMANDS, RISKY, SESSIONS, Scene, approve, line};
use crate::{create_session, from_now, id, submit};

/// A token of somebody, with its id.
#[track_caller]
fn token(scene: &Scene, owner: &Api, name: &str) -> (Api, String) {
    let body = json!({"name": name, "scopes": ["*"]});
    let created = owner.post("/api/auth/tokens/", &body).expect(201);
    let token = created.text_at("/id");
    let rule = json!({"token": token, "server": scene.agent.id()});
    owner.post("/api/security/server-acl/", &rule).expect(201);
    let rule = json!({"token": token, "command": "*"});
    owner.post("/api/security/command-acl/", &rule).expect(201);
    let key = Credential::Token(created.text_at("/key"));
    (scene.system.anonymous().as_caller(key), token)
}

/// The only rule of a token in a list.
#[track_caller]
fn rule(owner: &Api, list: &str, token: &str) -> String {
    let page = owner.get(&format!("/api/security/{list}/?token={token}"));
    let page = page.expect(200).json();
    assert_eq!(page["count"], 1, "{page}");
    format!("/api/security/{list}/{}/", id(&page["results"][0]))
}

/// A reviewer approves, and the command ends without having left.
#[track_caller]
fn approved_in_vain(scene: &Scene, reviewer: &Visitor, held: &str) {
    assert_eq!(scene.command(held)["status"], "awaiting_approval");
    approve(reviewer, &id(&scene.pending()), &[]).expect(303);
    scene.wait_for(held, "cancelled");
    let left = "SELECT count(*) FROM commands WHERE delivered_at IS NOT NULL AND shell = 'system'";
    assert_eq!(scene.system.database().integer(left), 0);
}

#[test]
fn a_session_narrowed_meanwhile_starts_nothing_else() {
    let scene = Scene::start();
    let reviewer = scene.reviewer("second");
    let scopes = ["command", "tunnel"];
    let session = || {
        id(&create_session(
            &scene.root,
            scene.agent.id(),
            &scopes,
            &json!({}),
        ))
    };
    let narrow = |session: &str| {
        let path = format!("{SESSIONS}{session}/");
        let less = json!({"scopes": ["tunnel"]});
        scene.root.patch(&path, &less).expect(200);
    };

    let held = session();
    let command = scene.submit(RISKY, &held);
    narrow(&held);
    approved_in_vain(&scene, &reviewer, &command);
    let said = scene.command(&command)["result"].to_string();
    assert!(said.contains("does not hold the scope command"), "{said}");

    // Whatever it waits for: here, its time.
    let later = session();
    let mut body = line(&scene, "uptime", &later);
    body["scheduled_at"] = json!(from_now(2));
    let scheduled = scene.root.post(COMMANDS, &body).text_at("/0/id");
    assert_eq!(scene.command(&scheduled)["status"], "scheduled");
    narrow(&later);
    scene.wait_for(&scheduled, "cancelled");
    let (verified, said) = scene.system.verify_audit();
    assert!(verified, "{said}");
}

#[test]
fn a_token_narrowed_or_gone_starts_nothing() {
    let scene = Scene::start();
    let reviewer = scene.reviewer("second");
    let hold = |name: &str| {
        let (api, token) = token(&scene, &scene.root, name);
        (submit(&api, scene.agent.id(), RISKY, None), token)
    };
    for list in ["command-acl", "server-acl"] {
        let (held, token) = hold(list);
        let rule = rule(&scene.root, list, &token);
        scene.root.delete(&rule).expect(204);
        approved_in_vain(&scene, &reviewer, &held);
    }
    let (held, token) = hold("deleted");
    let path = format!("/api/auth/tokens/{token}/");
    scene.root.delete(&path).expect(204);
    approved_in_vain(&scene, &reviewer, &held);
}

#[test]
fn rules_widened_meanwhile_are_not_the_approved_ones() {
    let scene = Scene::start();
    let reviewer = scene.reviewer("second");
    let (api, token) = token(&scene, &scene.root, "narrow");
    let allow = |command: &str| {
        let rule = json!({"token": token, "command": command});
        scene
            .root
            .post("/api/security/command-acl/", &rule)
            .expect(201);
    };
    let all = rule(&scene.root, "command-acl", &token);
    scene.root.delete(&all).expect(204);
    allow("rm *");
    let held = submit(&api, scene.agent.id(), RISKY, None);
    let content = scene.pending()["content"].clone();
    assert_eq!(content["guard"]["commands"], json!(["rm *"]), "{content}");
    allow("sh *");
    approved_in_vain(&scene, &reviewer, &held);
    let said = scene.command(&held)["result"].to_string();
    assert!(said.contains("rules changed"), "{said}");
}

#[test]
fn a_requester_with_fewer_rights_or_none_starts_nothing() {
    let scene = Scene::start();
    let reviewer = scene.reviewer("second");
    let third = scene.person("third", &json!({"is_superuser": true}));
    let user = third
        .get("/api/auth/whoami/")
        .expect(200)
        .text_at("/user/id");
    let session = id(&create_session(
        &third,
        scene.agent.id(),
        &["command"],
        &json!({}),
    ));
    // Superusers alone work as whom they like.
    let hold = || {
        let mut body = line(&scene, RISKY, &session);
        body["username"] = json!("deploy");
        third.post(COMMANDS, &body).expect(201).text_at("/0/id")
    };

    let held = hold();
    let lock = json!({"kind": "user", "object": user, "reason": "left the building"});
    let lock = scene.root.post("/api/security/locks/", &lock).expect(201);
    approved_in_vain(&scene, &reviewer, &held);
    let lock = format!("/api/security/locks/{}/", id(&lock.json()));
    scene.root.delete(&lock).expect(204);

    let held = hold();
    let path = format!("/api/iam/users/{user}/");
    let less = json!({"is_superuser": false});
    scene.root.patch(&path, &less).expect(200);
    approved_in_vain(&scene, &reviewer, &held);
}

#[test]
fn a_locked_account_gets_no_approval() {
    let scene = Scene::start();
    let reviewer = scene.reviewer("second");
    let (api, _) = token(&scene, &scene.root, "held");
    submit(&api, scene.agent.id(), RISKY, None);
    let request = id(&scene.pending());
    let locked = "UPDATE users SET is_active = false WHERE username <> 'second'";
    assert!(scene.system.database().execute(locked) > 0);
    approve(&reviewer, &request, &[]).expect(409);
    let waits = "SELECT count(*) FROM commands WHERE status = 'awaiting_approval'";
    assert_eq!(scene.system.database().integer(waits), 1);
}

#[test]
fn a_guardrail_written_meanwhile_stops_what_waits() {
    let scene = Scene::start();
    let reviewer = scene.reviewer("second");
    let session = scene.session();
    let held = scene.submit(RISKY, &session);
    let mut later = line(&scene, "uptime", &session);
    later["scheduled_at"] = json!(from_now(2));
    let scheduled = scene.root.post(COMMANDS, &later).text_at("/0/id");
    let policy = r#"
        @reason("nothing is removed before the audit is over")
        forbid (principal, action == Action::"command", resource)
        when { context.plan.programs.contains("rm") };
        @effect("hold") @reason("somebody looks at this first")
        forbid (principal, action == Action::"command", resource)
        when { context.plan.programs.contains("uptime") };
    "#;
    let guardrail = json!({"name": "freeze", "policy": policy});
    scene
        .root
        .post("/api/security/guardrails/", &guardrail)
        .expect(201);

    approved_in_vain(&scene, &reviewer, &held);
    let said = scene.command(&held)["result"].to_string();
    assert!(said.contains("before the audit is over"), "{said}");
    // Nobody was asked about this one, so nobody can have approved it.
    scene.wait_for(&scheduled, "cancelled");
    let said = scene.command(&scheduled)["result"].to_string();
    assert!(said.contains("somebody looks at this first"), "{said}");
    let denied = "SELECT count(*) FROM audit_records WHERE model = 'server' AND action = 'deny'";
    assert_eq!(scene.system.database().integer(denied), 2);
    let (verified, said) = scene.system.verify_audit();
    assert!(verified, "{said}");
}
