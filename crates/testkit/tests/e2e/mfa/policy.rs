//! What the workspace asks of second factors: settings, and presence before operations.

use serde_json::json;
use testkit::Api;

use super::{SECURITY_SETTINGS, scene};
use crate::{create_session, id, submission};

const ACCESS_CONTROL: &str = "/api/workspaces/access-control/-/";

fn submit(api: &Api, server: &str) -> testkit::Answer {
    let session = create_session(api, server, &["command"], &json!({}));
    let body = submission(server, "true", Some(&id(&session)));
    api.post("/api/events/commands/", &body)
}

#[test]
fn the_settings_say_which_factors_count() {
    let scene = scene();
    let settings = scene.root.get(SECURITY_SETTINGS).expect(200).json();
    assert_eq!(settings["mfa_required"], false);
    assert_eq!(settings["mfa_timeout"], 300);
    scene.change_security(&json!({"allowed_mfa_methods": ["otp"], "passkey_as_mfa": false}));
    let methods = scene
        .root
        .get("/api/workspaces/security/-/mfa-methods/")
        .expect(200);
    let expected = json!({"allowed_mfa_methods": ["totp"], "passkey_as_mfa": false});
    assert_eq!(methods.json(), expected);
    for wrong in [
        json!({"mfa_timeout": 10}),
        json!({"allowed_mfa_methods": ["sms"]}),
        json!({"mfa_required_actions": "command"}),
        json!({"mfa_required_actions": ["everything"]}),
    ] {
        scene.root.patch(SECURITY_SETTINGS, &wrong).expect(400);
    }
}

#[test]
fn a_password_login_proves_presence_once_and_is_told_to_log_in_again() {
    let scene = scene();
    let agent = scene.system.public_agent("host");
    scene.person("uma", &json!({}));
    let (_, app) = scene.with_app("uma");
    scene
        .root
        .patch(ACCESS_CONTROL, &json!({"work_session_approval": "never"}))
        .expect(200);
    scene.change_security(&json!({"mfa_required_actions": ["command"]}));
    let api = scene.api_of("uma", &app.code());
    let answer = submit(&api, agent.id());
    assert!((200..300).contains(&answer.status), "{}", answer.text());
    scene.let_proofs_age();
    let refused = submit(&api, agent.id()).expect(403);
    // This code would send the public CLI into a flow that cannot end for it.
    assert!(
        !refused.text().contains("auth_mfa_required"),
        "{}",
        refused.text()
    );
    assert!(refused.text().contains("log in again"));
    assert!(
        scene
            .audit()
            .contains("command refused: This needs a recent second factor")
    );
}

#[test]
fn tokens_are_never_asked() {
    let scene = scene();
    let agent = scene.system.public_agent("host");
    scene.change_security(&json!({
        "mfa_required": true,
        "mfa_required_actions": ["command", "server", "websh", "webftp", "tunnel", "editor"],
    }));
    let api = scene.system.api();
    let body = submission(agent.id(), "true", None);
    let answer = api.post("/api/events/commands/", &body);
    assert!((200..300).contains(&answer.status), "{}", answer.text());
    let link = api
        .get("/api/auth0/mfa/?location=cli&workspace=default")
        .expect(403);
    assert!(!link.text().contains("auth_mfa_required"));
    let completion = api.get("/api/auth0/mfa/completion/").expect(200);
    assert_eq!(completion.json(), json!({"completed": false}));
}

#[test]
fn a_denial_that_nobody_can_cure_comes_before_the_second_factor() {
    let scene = scene();
    let agent = scene.system.public_agent("host");
    scene.person("uma", &json!({}));
    scene
        .root
        .patch(ACCESS_CONTROL, &json!({"work_session_approval": "never"}))
        .expect(200);
    let api = scene.api_of("uma", "");
    scene.change_security(&json!({"mfa_required_actions": ["command"]}));
    let body = submission(agent.id(), "true", None);
    let refused = api.post("/api/events/commands/", &body).expect(403);
    assert_eq!(refused.text_at("/code"), "work_session_required");
    let rules = json!({"allow_commands": ["uptime"]});
    let session = id(&create_session(&api, agent.id(), &["command"], &rules));
    let body = submission(agent.id(), "id", Some(&session));
    let refused = api.post("/api/events/commands/", &body).expect(403);
    assert_eq!(refused.text_at("/code"), "command_not_allowed");
}

#[test]
fn protection_changes_only_with_presence_once_there_is_a_factor() {
    let scene = scene();
    scene.person("sue", &json!({"is_staff": true, "is_superuser": true}));
    let (_, app) = scene.with_app("sue");
    let sue = scene.api_of("sue", &app.code());
    sue.patch(SECURITY_SETTINGS, &json!({"mfa_timeout": 600}))
        .expect(200);
    scene.let_proofs_age();
    sue.patch(SECURITY_SETTINGS, &json!({"mfa_timeout": 900}))
        .expect(403);
    sue.patch(ACCESS_CONTROL, &json!({"block_local_sudo": true}))
        .expect(403);
    sue.patch("/api/workspaces/preferences/-/", &json!({"language": "ko"}))
        .expect(200);
    let settings = sue.get(SECURITY_SETTINGS).expect(200).json();
    assert_eq!(settings["mfa_timeout"], 600);
}

#[test]
fn a_held_program_is_answered_with_presence_once_there_is_a_factor() {
    let scene = scene();
    let agent = scene.system.public_agent("host");
    scene.person("sue", &json!({"is_staff": true, "is_superuser": true}));
    let (_, app) = scene.with_app("sue");
    let sue = scene.api_of("sue", &app.code());
    let session = create_session(&scene.root, agent.id(), &["command"], &json!({}));
    let job = crate::submit(&scene.root, agent.id(), "make", Some(&id(&session)));
    let held = json!({
        "seq": 1, "time": "2026-01-02T03:04:05Z", "pid": 7, "ppid": 1, "uid": 1000,
        "exe": "/usr/bin/id", "argv": ["id"], "cwd": "/", "verdict": "hold",
    });
    let report = json!([
        {"report": "ack", "command": job},
        {"report": "programs", "command": job, "started": [held]},
    ]);
    let reports = agent.api().post("/api/events/reports/", &report);
    reports.expect_success();
    scene.let_proofs_age();
    let path = format!("/api/events/commands/{job}/programs/1/answer/");
    let refused = sue.post(&path, &json!({"allow": true})).expect(403);
    assert!(
        refused.text().contains("second factor"),
        "{}",
        refused.text()
    );
    let waits = "SELECT count(*) FROM exec_events WHERE verdict = 'hold'";
    assert_eq!(scene.system.database().integer(waits), 1);
}

#[test]
fn requests_are_decided_on_the_command_line_only_where_allowed_and_with_presence() {
    let scene = scene();
    let mut agent = scene.system.public_agent("host");
    scene.person("sue", &json!({"is_staff": true, "is_superuser": true}));
    scene.person("tom", &json!({"is_staff": true, "is_superuser": true}));
    let (_, app) = scene.with_app("sue");
    let sue = scene.api_of("sue", &app.code());
    let tom = scene.api_of("tom", "");
    let session = create_session(&scene.root, agent.id(), &["command"], &json!({}));
    let held = crate::submit(&scene.root, agent.id(), "rm -rf /etc", Some(&id(&session)));
    let requests = "/api/approvals/approvals/";
    let request = scene.root.get(&format!("{requests}?status=pending"));
    let request = request.expect(200).text_at("/results/0/id");
    let approve = format!("{requests}{request}/approve/");
    let said = |answer: testkit::Answer, status: u16| answer.expect(status).text();

    assert!(said(sue.post(&approve, &json!({})), 403).contains("in the browser"));
    scene
        .root
        .patch(ACCESS_CONTROL, &json!({"approve_from_cli": true}))
        .expect(200);
    // Neither a token, nor who asked, nor somebody without a second factor.
    assert!(said(scene.system.api().post(&approve, &json!({})), 403).contains("in the browser"));
    scene.root.post(&approve, &json!({})).expect(403);
    assert!(said(tom.post(&approve, &json!({})), 403).contains("second factor"));
    scene.let_proofs_age();
    assert!(said(sue.post(&approve, &json!({})), 403).contains("second factor"));
    let command = format!("/api/events/commands/{held}/");
    assert_eq!(
        scene.root.get(&command).text_at("/status"),
        "awaiting_approval"
    );

    scene.forget_steps();
    let sue = scene.api_of("sue", &app.code());
    assert!(said(sue.post(&approve, &json!({})), 200).contains("approved"));
    sue.post(&approve, &json!({})).expect(409);
    assert_eq!(agent.next_command()["id"], json!(held));
}
