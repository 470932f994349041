//! Work sessions that wait.

use serde_json::{Value, json};
use testkit::{Api, eventually};

use super::{APPROVALS, SESSIONS, Scene, approve, reject};
use crate::{create_session, from_now, id};

/// Somebody who needs a reviewer for a session, and sees the host.
fn user(scene: &Scene) -> Api {
    scene.person("someone", &json!({}))
}

fn shown(api: &Api, session: &str) -> Value {
    api.get(&format!("{SESSIONS}{session}/")).expect(200).json()
}

fn asked(scene: &Scene, api: &Api, scopes: &[&str], more: &Value) -> (String, String) {
    let session = create_session(api, scene.agent.id(), scopes, more);
    assert_eq!(session["status"], "pending", "{session}");
    let request = session["approval_request_id"].as_str().unwrap().to_owned();
    (id(&session), request)
}

#[test]
fn an_approved_session_is_active_with_what_the_reviewer_left() {
    let scene = Scene::start();
    let reviewer = scene.root_visitor();
    let user = user(&scene);
    let (session, request) = asked(&scene, &user, &["command", "webftp"], &json!({}));
    assert_eq!(scene.pending()["id"], json!(request));
    let server = scene.agent.id().to_owned();
    let add = [
        ("narrowable", "1"),
        ("scope", "tunnel"),
        ("server", &server),
    ];
    approve(&reviewer, &request, &add).expect(409);
    let none = [("narrowable", "1"), ("server", server.as_str())];
    approve(&reviewer, &request, &none).expect(409);
    assert_eq!(shown(&user, &session)["status"], "pending");
    let less = [
        ("narrowable", "1"),
        ("scope", "command"),
        ("server", &server),
    ];
    approve(&reviewer, &request, &less).expect(303);
    let row = shown(&user, &session);
    assert_eq!(row["status"], "active");
    assert_eq!(row["scopes"], json!(["command"]));
    assert_eq!(
        row["adjustments"],
        json!({"scopes": {"old": ["command", "webftp"], "new": ["command"]}})
    );
}

#[test]
fn a_rejected_session_stays_so_and_says_why() {
    let scene = Scene::start();
    let reviewer = scene.root_visitor();
    let user = user(&scene);
    let (session, request) = asked(&scene, &user, &["command"], &json!({}));
    reject(&reviewer, &request, "not today").expect(303);
    assert_eq!(shown(&user, &session)["status"], "rejected");
    let said = user
        .get(&format!("{APPROVALS}{request}/"))
        .expect(200)
        .json();
    assert_eq!(said["reason"], "not today");
    approve(&reviewer, &request, &[]).expect(409);
}

#[test]
fn a_scheduled_session_is_approved_first_and_starts_then() {
    let scene = Scene::start();
    let reviewer = scene.root_visitor();
    let user = user(&scene);
    let soon = json!({"starts_at": from_now(3600), "expires_at": from_now(7200)});
    let (session, request) = asked(&scene, &user, &["command"], &soon);
    approve(&reviewer, &request, &[]).expect(303);
    assert_eq!(shown(&user, &session)["status"], "approved");
    let due = "UPDATE work_sessions SET starts_at = '2020-01-01T00:00:00+00:00'";
    assert_eq!(scene.system.database().execute(due), 1);
    eventually("the session starts", || {
        (shown(&user, &session)["status"] == "active").then_some(())
    });
}

#[test]
fn editing_a_pending_session_asks_anew() {
    let scene = Scene::start();
    let reviewer = scene.root_visitor();
    let user = user(&scene);
    let (session, request) = asked(&scene, &user, &["command"], &json!({}));
    let path = format!("{SESSIONS}{session}/");
    // Read by the reviewer, then widened behind their back.
    reviewer.get(&super::page_of(&request)).expect(200);
    let wider = json!({"scopes": ["command", "sudo", "webftp"]});
    scene.root.patch(&path, &wider).expect(403);
    let edited = user.patch(&path, &wider).expect(200).json();
    let second = edited["approval_request_id"].as_str().unwrap().to_owned();
    assert_ne!(second, request);
    approve(&reviewer, &request, &[]).expect(409);
    assert_eq!(shown(&user, &session)["status"], "pending");
    let content = &scene.pending()["content"];
    assert_eq!(content["scopes"], json!(["command", "sudo", "webftp"]));
    approve(&reviewer, &second, &[]).expect(303);
    assert_eq!(shown(&user, &session)["scopes"], wider["scopes"]);
}

#[test]
fn widening_an_active_session_waits_for_a_reviewer() {
    let scene = Scene::start();
    let reviewer = scene.root_visitor();
    let user = user(&scene);
    let (session, request) = asked(&scene, &user, &["command"], &json!({}));
    approve(&reviewer, &request, &[]).expect(303);
    let path = format!("{SESSIONS}{session}/");
    let wider = json!({"scopes": ["command", "sudo"], "title": "Named",
        "sudo_policies": [{"commands": ["id"], "allow_bypass_mfa": true}]});
    let same = user.patch(&path, &wider).expect(200).json();
    assert_eq!(same["scopes"], json!(["command"]));
    assert_eq!(same["title"], "Named");
    let change = scene.pending();
    assert_eq!(change["request_type"], "work_session_mod");
    user.patch(&path, &wider).expect(200);
    assert_eq!(id(&scene.pending()), id(&change), "asked for again");
    approve(&reviewer, &id(&change), &[]).expect(303);
    let row = shown(&user, &session);
    assert_eq!(row["scopes"], json!(["command", "sudo"]));
    assert_eq!(row["sudo_policies"][0]["commands"], json!(["id"]));

    // So does a longer window; a shorter one does not.
    let extend = format!("{path}extend/");
    let later = json!({"expires_at": from_now(7200)});
    user.post(&extend, &later).expect(403);
    let change = id(&scene.pending());
    approve(&reviewer, &change, &[]).expect(303);
    assert_eq!(shown(&user, &session)["expires_at"], later["expires_at"]);
    let sooner = json!({"expires_at": from_now(600)});
    user.post(&extend, &sooner).expect_success();
}

#[test]
fn a_session_that_is_withdrawn_is_not_approved_and_the_other_way_round() {
    let scene = Scene::start();
    let reviewer = scene.root_visitor();
    let user = user(&scene);
    let (session, request) = asked(&scene, &user, &["command"], &json!({}));
    let cancel = format!("{SESSIONS}{session}/cancel/");
    user.post(&cancel, &json!({})).expect_success();
    approve(&reviewer, &request, &[]).expect(409);
    assert_eq!(shown(&user, &session)["status"], "cancelled");
    let (session, request) = asked(&scene, &user, &["command"], &json!({}));
    user.post(&format!("{APPROVALS}{request}/cancel/"), &json!({}))
        .expect_success();
    assert_eq!(shown(&user, &session)["status"], "cancelled");
}

#[test]
fn nothing_is_approved_for_somebody_who_left() {
    let scene = Scene::start();
    let reviewer = scene.root_visitor();
    let user = user(&scene);
    let (_session, request) = asked(&scene, &user, &["command"], &json!({}));
    let gone = "UPDATE users SET is_active = FALSE WHERE username = 'someone'";
    assert_eq!(scene.system.database().execute(gone), 1);
    approve(&reviewer, &request, &[]).expect(409);
    assert_eq!(scene.count("pending"), 1);
}

#[test]
fn agents_ask_where_the_policy_says_so_and_the_cli_waits() {
    let scene = Scene::start();
    let reviewer = scene.reviewer("second");
    scene.settings(&json!({"work_session_approval": "agents"}));
    let cli = scene.system.cli_with_password();
    let name = scene.agent.name();
    let create = |wait: &[&str]| {
        let mut words = vec![
            "work-session",
            "create",
            "--purpose",
            "deploy",
            "--scope",
            "command",
            "--server",
            name,
            "--requester-type",
            "agent",
            "--expires-in",
            "1h",
        ];
        words.extend(wait);
        cli.start(&words)
    };
    create(&[]).finish().exits(4);
    let first = id(&scene.pending());
    cli.run(&["approval", "cancel", &first]).exits(0);
    let waiting = create(&["--wait"]);
    let request = eventually("the request waits", || {
        let page = scene
            .root
            .get(&format!("{APPROVALS}?status=pending"))
            .json();
        page["results"][0]["id"].as_str().map(str::to_owned)
    });
    approve(&reviewer, &request, &[]).expect(303);
    waiting.finish().exits(0);
}
