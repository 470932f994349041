//! Locking and deleting users: what acts for them ends.

use serde_json::json;
use testkit::eventually;

use super::{ACCESS_CONTROL, scene};
use crate::accounts::{PASSWORD, USERS};
use crate::{create_session, from_now, id, submission};

#[test]
fn a_superuser_is_always_left() {
    let scene = scene();
    let own = format!("{USERS}{}/", scene.own_id());
    scene.root.delete(&own).expect(409);
    for change in [json!({"is_active": false}), json!({"is_superuser": false})] {
        scene.root.patch(&own, &change).expect(409);
    }
    let second = scene.person("sue", &json!({"is_staff": true, "is_superuser": true}));
    second.api.delete(&second.path()).expect(409);
    second
        .api
        .patch(&own, &json!({"is_superuser": false}))
        .expect(200);
    second
        .api
        .patch(&second.path(), &json!({"is_superuser": false}))
        .expect(409);
    let (sound, text) = scene.system.verify_audit();
    assert!(sound, "{text}");
}

#[test]
fn a_deactivated_user_is_out_at_once() {
    let scene = scene();
    let agent = scene.system.public_agent("host");
    scene
        .root
        .patch(ACCESS_CONTROL, &json!({"work_session_approval": "never"}))
        .expect(200);
    let uma = scene.person("uma", &json!({}));
    let token = uma
        .api
        .post("/api/auth/tokens/", &json!({"name": "t", "scopes": ["*"]}));
    let token = scene.as_token(token.expect(201).text_at("/key"));
    let session = create_session(&uma.api, agent.id(), &["command"], &json!({}));
    assert_eq!(session["status"], "active", "{session}");
    let session = id(&session);
    let mut later = submission(agent.id(), "true", Some(&session));
    later["scheduled_at"] = json!(from_now(3600));
    let answer = uma.api.post("/api/events/commands/", &later);
    assert!((200..300).contains(&answer.status), "{}", answer.text());
    let command = answer.text_at("/0/id");
    let channel = uma.api.post("/api/events/sessions/", &json!(null));
    let mut channel = uma
        .api
        .socket_url(&channel.expect(201).text_at("/websocket_url"))
        .unwrap();

    scene
        .root
        .patch(&uma.path(), &json!({"is_active": false}))
        .expect(200);
    for api in [&uma.api, &token] {
        api.get("/api/auth/whoami/").expect(401);
    }
    scene.try_log_in("uma", PASSWORD).expect(401);
    assert_eq!(channel.next_json(), None, "the channel is closed");
    let path = format!("/api/work-sessions/sessions/{session}/");
    assert_eq!(
        scene.root.get(&path).expect(200).json()["status"],
        "revoked"
    );
    let path = format!("/api/events/commands/{command}/");
    scene.system.wait_for(&path, |command| {
        (command["status"] == "cancelled").then_some(())
    });

    // Coming back does not bring the old credentials back.
    scene
        .root
        .patch(&uma.path(), &json!({"is_active": true}))
        .expect(200);
    for api in [&uma.api, &token] {
        api.get("/api/auth/whoami/").expect(401);
    }
    scene.log_in("uma");
}

#[test]
fn a_locked_user_has_running_commands_stopped() {
    let scene = scene();
    let agent = scene.system.agent("host");
    let name = scene.system.ready().superuser.username.clone();
    let command = crate::submit(&scene.system.api(), agent.id(), "sleep 600", None);
    let path = format!("/api/events/commands/{command}/");
    scene.system.wait_for(&path, |command| {
        ["running", "acked"]
            .contains(&command["status"].as_str()?)
            .then_some(())
    });
    let other = scene.person("sue", &json!({"is_staff": true, "is_superuser": true}));
    let own = format!("{USERS}{}/", scene.own_id());
    other
        .api
        .patch(&own, &json!({"is_active": false}))
        .expect(200);
    eventually("the command has ended", || {
        let command = other.api.get(&path).expect(200).json();
        (command["success"] == false).then_some(())
    });
    scene.try_log_in(&name, PASSWORD).expect(401);
}

#[test]
fn a_deleted_user_is_gone_and_their_record_stays() {
    let scene = scene();
    let uma = scene.person("uma", &json!({}));
    let staff = scene.person("sally", &json!({"is_staff": true}));
    staff.api.delete(&uma.path()).expect(204);
    uma.api.get("/api/auth/whoami/").expect(401);
    scene.try_log_in("uma", PASSWORD).expect(401);
    scene.root.get(&uma.path()).expect(404);
    scene.root.delete(&uma.path()).expect(404);
    let records = scene.root.get("/api/audit/activity/?app=iam").expect(200);
    assert!(
        records.text().contains("delete user uma"),
        "{}",
        records.text()
    );
}

#[test]
fn the_registration_tokens_of_a_user_end_with_them() {
    for change in [Some(json!({"is_active": false})), None] {
        let scene = scene();
        let staff = scene.person("sally", &json!({"is_staff": true}));
        let made = staff
            .api
            .post("/api/servers/registration-tokens/", &json!({"name": "t"}));
        let key = scene.as_token(made.expect(201).text_at("/key"));
        let register = |name: &str| {
            let body = json!({"name": name, "platform": "debian"});
            key.post("/api/servers/servers/register/", &body)
        };
        register("one").expect(201);
        match change {
            Some(change) => scene.root.patch(&staff.path(), &change).expect(200),
            None => scene.root.delete(&staff.path()).expect(204),
        };
        register("two").expect(401);
    }
}
