//! Workspace settings: who reads and changes them, and who is told.

use serde_json::json;

use super::{ACCESS_CONTROL, scene};

#[test]
fn settings_are_read_by_all_and_changed_by_superusers() {
    let scene = scene();
    let uma = scene.person("uma", &json!({}));
    let staff = scene.person("sally", &json!({"is_staff": true}));
    for part in [
        "preferences",
        "access-control",
        "security",
        "transfer-policy",
    ] {
        let path = format!("/api/workspaces/{part}/-/");
        let document = uma.api.get(&path).expect(200).json();
        for api in [&uma.api, &staff.api] {
            api.patch(&path, &document).expect(403);
        }
        let mut edited = document.clone();
        edited["of_the_future"] = json!(true);
        let after = scene.root.patch(&path, &edited).expect(200).json();
        assert_eq!(after, document, "unknown members are ignored");
        scene.system.anonymous().get(&path).expect(401);
    }
    for (member, value) in [
        ("block_local_sudo", json!("yes")),
        ("work_session_max_ttl", json!(-1)),
        ("work_session_max_ttl", json!("1h")),
        ("work_session_approval", json!("perhaps")),
    ] {
        let answer = scene.root.patch(ACCESS_CONTROL, &json!({member: value}));
        let answer = answer.expect(400).json();
        assert!(answer[member].is_array(), "{answer}");
    }
    let methods = uma.api.get("/api/workspaces/security/-/mfa-methods/");
    assert_eq!(
        methods.expect(200).json()["allowed_mfa_methods"],
        json!(["totp", "webauthn"])
    );
    let preferences = "/api/workspaces/preferences/-/";
    scene
        .root
        .patch(preferences, &json!({"language": "ko"}))
        .expect(200);
    let environment = scene.system.anonymous().get("/api/auth/env/").expect(200);
    assert_eq!(environment.json()["language"], "ko", "in force at once");
}

#[test]
fn agents_are_told_of_a_new_access_policy() {
    let scene = scene();
    let mut agent = scene.system.public_agent("host");
    scene
        .root
        .patch(ACCESS_CONTROL, &json!({"block_local_sudo": true}))
        .expect(200);
    let command = agent.next_command();
    assert_eq!(command["line"], "sync", "{command}");
    assert_eq!(command["user"], "root", "{command}");
    assert_eq!(command["group"], "root", "{command}");
    let policy = agent.api().get("/api/servers/servers/-/access-policy/");
    assert_eq!(policy.expect(200).json()["block_local_sudo"], true);
}
