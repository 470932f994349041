//! Calls of sudo that wait: the host asks again, and is allowed once.

use serde_json::{Value, json};
use testkit::Socket;

use super::{Scene, approve, reject};
use crate::{create_session, id, submission};

/// A command that runs in a session with sudo, but without a policy.
fn running(scene: &mut Scene) -> (Socket, Value) {
    let control = scene.agent.api().socket("/ws/servers/control/").unwrap();
    let scopes = ["command", "sudo"];
    let session = create_session(&scene.root, scene.agent.id(), &scopes, &json!({}));
    let body = submission(scene.agent.id(), "sh work.sh", Some(&id(&session)));
    scene.root.post("/api/events/commands/", &body).expect(201);
    let order = scene.agent.next_command();
    let command = order["id"].as_str().unwrap().to_owned();
    scene.agent.ack(&command).expect_success();
    let call = json!({"type": "sudo_approval", "username": order["user"],
        "groupname": order["user"], "pid": 7, "ppid": 6, "command": "/usr/bin/id -u",
        "is_alpacon_user": true, "command_id": command});
    (control, call)
}

#[track_caller]
fn ask(scene: &Scene, control: &mut Socket, call: &Value, request: &str, command: &str) -> Value {
    let mut body = call.clone();
    body["request_id"] = json!(request);
    body["command"] = json!(command);
    scene
        .agent
        .api()
        .post("/api/sudo/approval/", &body)
        .expect(200);
    loop {
        let message = control.next_json().expect("the control connection ended");
        if message["query"] == "control" {
            return message["data"].clone();
        }
    }
}

#[test]
fn an_approved_call_passes_once() {
    let mut scene = Scene::start();
    let reviewer = scene.reviewer("second");
    let (mut control, call) = running(&mut scene);
    let id_u = "/usr/bin/id -u";
    let first = ask(&scene, &mut control, &call, "one", id_u);
    assert_eq!(first["error_code"], "SUDO_APPROVAL_REQUIRED");
    let again = ask(&scene, &mut control, &call, "two", id_u);
    assert_eq!(again["error_code"], "SUDO_APPROVAL_REQUIRED");
    let request = scene.pending();
    assert_eq!(request["request_type"], "sudo");
    approve(&reviewer, &id(&request), &[]).expect(303);
    let other = ask(&scene, &mut control, &call, "three", "/usr/bin/id -g");
    assert_eq!(other["approved"], false, "another call");
    let passed = ask(&scene, &mut control, &call, "four", id_u);
    assert_eq!(passed["approved"], true, "{passed}");
    assert_eq!(
        ask(&scene, &mut control, &call, "four", id_u)["approved"],
        true
    );
    let spent = ask(&scene, &mut control, &call, "five", id_u);
    assert_eq!(spent["approved"], false, "reused");
    let (verified, said) = scene.system.verify_audit();
    assert!(verified, "{said}");
}

#[test]
fn a_refused_call_does_not_ask_on_and_on() {
    let mut scene = Scene::start();
    let reviewer = scene.reviewer("second");
    let (mut control, call) = running(&mut scene);
    let line = "/usr/bin/id -u";
    ask(&scene, &mut control, &call, "one", line);
    reject(&reviewer, &id(&scene.pending()), "no root today").expect(303);
    let after = ask(&scene, &mut control, &call, "two", line);
    assert_eq!(after["error_code"], "SUDO_RISK_DENIED");
    assert!(after["reason"].as_str().unwrap().contains("no root today"));
    assert_eq!(scene.count("pending"), 0);
}
