//! What the public Go agent needs from the control plane, step by step
//! (`agent-control.md` §1.1), spoken by hand.

use serde_json::{Value, json};
use testkit::{Credential, PublicAgent, System};

use crate::submit;

fn scene() -> (System, PublicAgent) {
    let system = System::start();
    let agent = system.public_agent("host");
    (system, agent)
}

#[test]
fn registration_answers_201_with_three_strings() {
    let system = System::start();
    let token = Credential::Token(system.ready().registration_token.clone());
    let api = system.anonymous().as_caller(token);
    let path = "/api/servers/servers/register/";
    let answer = api
        .post(
            path,
            &json!({"name": "db-1", "platform": "rhel", "tags": {"env": "prod", "x": ""}}),
        )
        .expect(201);
    for pointer in ["/id", "/key", "/name"] {
        assert!(!answer.text_at(pointer).is_empty());
    }
    // The unquoted form of another public client.
    let raw = Credential::Raw(format!("token={}", system.ready().registration_token));
    system
        .anonymous()
        .as_caller(raw)
        .post(path, &json!({"name": "db-2", "platform": "debian"}))
        .expect(201);
    for name in ["", "a b", "ä", &"x".repeat(65)] {
        let answer = api.post(path, &json!({"name": name, "platform": "debian"}));
        assert_eq!(answer.status, 400, "{name:?}: {}", answer.text());
    }
}

#[test]
fn two_hosts_of_one_name_can_both_register() {
    let system = System::start();
    let first = system.public_agent("web");
    let second = system.public_agent("web");
    assert_ne!(first.id(), second.id());
    assert_ne!(first.name(), second.name());
}

#[test]
fn bad_agents_are_refused_in_the_handshake() {
    let (system, agent) = scene();
    for credential in [
        Credential::None,
        Credential::Agent {
            id: agent.id().to_owned(),
            key: "wrong".to_owned(),
        },
        Credential::Agent {
            id: uuid::Uuid::now_v7().to_string(),
            key: "wrong".to_owned(),
        },
        Credential::Token(system.ready().api_token.clone()),
    ] {
        for path in ["/ws/servers/backhaul/", "/ws/servers/control/"] {
            let refusal = system
                .anonymous()
                .as_caller(credential.clone())
                .socket(path)
                .unwrap_err();
            assert!(
                matches!(refusal.0, 401 | 403),
                "{credential:?}: {refusal:?}"
            );
        }
    }
}

#[test]
fn a_ping_comes_promptly_on_the_backhaul() {
    let (_system, mut agent) = scene();
    let message = agent.backhaul().next_json().unwrap();
    assert_eq!(message["query"], "ping", "{message}");
}

#[test]
fn the_control_socket_opens() {
    let (_system, agent) = scene();
    agent.api().socket("/ws/servers/control/").unwrap().close();
}

#[test]
fn the_first_commit_commissions() {
    let (_system, agent) = scene();
    let own = || {
        agent
            .api()
            .get("/api/servers/servers/-/")
            .expect(200)
            .json()
    };
    assert_eq!(own()["commissioned"], false);
    let commit = json!({
        "version": "2.1.9", "sshd_use_pam": null, "load": 0.07,
        "info": {"uuid": "4c4c", "cpu_type": "x86_64", "cpu_brand": "Example CPU",
                 "cpu_physical_cores": 2, "cpu_logical_cores": 4,
                 "physical_memory": 8_243_306_496_u64, "hardware_vendor": "GenuineIntel",
                 "hardware_model": "85", "hardware_serial": "0", "computer_name": "web-01",
                 "hostname": "web-01", "local_hostname": "web-01"},
        "os": {"name": "ubuntu", "version": "22.04", "major": 22, "minor": 4, "patch": 0,
               "platform": "ubuntu", "platform_like": "debian"},
        "time": {"datetime": "2026-01-02T12:00:00+09:00", "boot_time": 0, "timezone": "KST",
                 "uptime": 86_400},
        "users": [{"uid": 0, "gid": 0, "username": "root", "description": "",
                   "directory": "/root", "shell": "/bin/bash",
                   "valid_shells": ["/bin/sh", "/bin/bash"]}],
        "groups": [{"gid": 0, "groupname": "root"}],
        "sync_hashes": {"info": "sha256:1", "os": "sha256:2"},
    });
    let answer = agent.api().put("/api/servers/servers/-/commit/", &commit);
    assert!((200..300).contains(&answer.status), "{}", answer.text());
    assert_eq!(own()["commissioned"], true);

    let check = agent
        .api()
        .post(
            "/api/servers/servers/-/sync-check/",
            &json!({"hashes": {"info": "sha256:1", "os": "sha256:other", "users": "sha256:3"}}),
        )
        .expect(200)
        .json();
    let required: Vec<&str> = check["sync_required"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_str)
        .collect();
    assert!(!required.contains(&"info"), "{check}");
    assert!(
        required.contains(&"os") && required.contains(&"users"),
        "{check}"
    );

    let groups = agent.api().get("/api/proc/groups/sync/").expect(200).json();
    assert_eq!(groups[0]["gid"], 0, "{groups}");
    assert!(groups[0]["id"].is_string(), "{groups}");
    let os = agent.api().get("/api/proc/os/-/sync/").expect(200).json();
    assert_eq!(os["version"], "22.04");
    assert!(os["id"].is_string(), "{os}");
}

#[test]
fn single_families_are_created_read_and_changed() {
    let (_system, agent) = scene();
    let api = agent.api();
    for (family, object) in [
        (
            "info",
            json!({"uuid": "u", "cpu_physical_cores": 1, "hostname": "h"}),
        ),
        (
            "os",
            json!({"name": "debian", "version": "12", "major": 12}),
        ),
        (
            "time",
            json!({"datetime": "2026-01-02T12:00:00Z", "boot_time": 0, "timezone": "UTC", "uptime": 1}),
        ),
    ] {
        let collection = format!("/api/proc/{family}/");
        let sync = format!("{collection}-/sync/");
        api.get(&sync).expect(404);
        let answer = api.post(&collection, &object);
        assert!(
            (200..300).contains(&answer.status),
            "{family}: {}",
            answer.text()
        );
        let shown = api.get(&sync).expect(200).json();
        let id = shown["id"].as_str().unwrap().to_owned();
        let answer = api.patch(&format!("{collection}{id}/"), &object);
        assert!(
            (200..300).contains(&answer.status),
            "{family}: {}",
            answer.text()
        );
    }
}

#[test]
fn list_families_are_bare_arrays() {
    let (_system, agent) = scene();
    let api = agent.api();
    for (family, row) in [
        ("groups", json!({"gid": 5, "groupname": "g"})),
        (
            "users",
            json!({"uid": 7, "gid": 5, "username": "u", "description": "", "directory": "/",
                   "shell": "/bin/sh", "shadow_expire_date": 20_000}),
        ),
        (
            "interfaces",
            json!({"name": "eth0", "mac": "00:00:00:00:00:00", "type": 0, "flags": 65,
                   "mtu": 1500, "link_speed": 0}),
        ),
        (
            "addresses",
            json!({"address": "192.0.2.1", "broadcast": "192.0.2.255",
                   "interface_name": "eth0", "mask": "255.255.255.0"}),
        ),
        (
            "disks",
            json!({"name": "sda", "serial_number": "", "label": ""}),
        ),
        (
            "partitions",
            json!({"mount_points": ["/"], "name": "/dev/sda1", "disk_name": "sda",
                   "fs_type": "ext4", "is_virtual": false}),
        ),
    ] {
        let collection = format!("/api/proc/{family}/");
        let sync = format!("{collection}sync/");
        let rows = || api.get(&sync).expect(200).json();
        assert_eq!(rows(), json!([]), "{family}");
        let answer = api.post(&collection, &json!([row]));
        assert!(
            (200..300).contains(&answer.status),
            "{family}: {}",
            answer.text()
        );
        let stored = rows();
        assert_eq!(stored.as_array().unwrap().len(), 1, "{family}: {stored}");
        for (key, value) in row.as_object().unwrap() {
            assert_eq!(&stored[0][key], value, "{family}: {stored}");
        }
        let path = format!("{collection}{}/", stored[0]["id"].as_str().unwrap());
        let answer = api.patch(&path, &row);
        assert!(
            (200..300).contains(&answer.status),
            "{family}: {}",
            answer.text()
        );
        let answer = api.delete(&path);
        assert!(
            (200..300).contains(&answer.status),
            "{family}: {}",
            answer.text()
        );
        assert_eq!(rows(), json!([]), "{family}");
    }
}

#[test]
fn what_an_agent_posts_in_the_background_is_accepted() {
    let (system, agent) = scene();
    let api = agent.api();
    let answer = api.post(
        "/api/events/events/",
        &json!({"reporter": "alpamon", "record": "started", "description": "alpamon 2.1.9 started"}),
    );
    assert!((200..300).contains(&answer.status), "{}", answer.text());
    let answer = api.post(
        "/api/history/logs/",
        &json!({"date": "2026-01-02T03:04:05Z", "level": 30, "program": "alpamon",
                "path": "x.go:7", "lineno": 7, "pid": 1, "msg": "watch out"}),
    );
    assert!((200..300).contains(&answer.status), "{}", answer.text());
    let answer = api.patch(
        "/api/servers/servers/-/sync/",
        &json!({"version": "2.1.9", "sshd_use_pam": "yes", "load": 0.12}),
    );
    assert!((200..300).contains(&answer.status), "{}", answer.text());

    let policy = api
        .get("/api/servers/servers/-/access-policy/")
        .expect(200)
        .json();
    assert!(policy["block_local_sudo"].is_boolean(), "{policy}");
    let metrics = api.get("/api/metrics/config/").expect(200).json();
    assert!(metrics.is_array(), "{metrics}");

    let logs = system
        .api()
        .get(&format!("/api/history/logs/?server={}", agent.id()))
        .expect(200)
        .json();
    let row = &logs["results"][0];
    assert_eq!(row["msg"], "watch out", "{logs}");
    assert!(row["id"].is_i64(), "{row}");
}

#[test]
fn a_public_order_is_complete_and_plain() {
    let (system, mut agent) = scene();
    let job = submit(&system.api(), agent.id(), "echo 'a b' | cat", None);
    let order = loop {
        let command = agent.next_command();
        if command["id"] == json!(job) {
            break command;
        }
    };
    assert_eq!(order["shell"], "system");
    assert_eq!(order["line"], "echo 'a b' | cat");
    assert_eq!(order["allow_sh"], true);
    assert!(!order["user"].as_str().unwrap().is_empty());
    assert!(!order["group"].as_str().unwrap().is_empty());
    assert!(order["env"].is_object() || order["env"].is_null());
    assert!(
        order["data"].is_string() || order.get("data").is_none(),
        "{order}"
    );
    assert!(
        order.get("order").is_none(),
        "it never asked for signed orders"
    );

    agent.ack(&job).expect_success();
    agent.chunk(&job, 0, "a b\n").expect_success();
    agent.fin(&job, 3, "a b\n").expect_success();
    let ended = system.wait_for(&format!("/api/events/commands/{job}/"), |command| {
        (!command["success"].is_null()).then(|| command.clone())
    });
    assert_eq!(ended["exit_code"], 3);
    assert_eq!(ended["success"], false);
    assert_eq!(ended["result"], "a b\n");
    assert!(ended["elapsed_time"].is_number());
}

#[test]
fn environment_values_reach_the_agent() {
    let (system, mut agent) = scene();
    let mut body = crate::submission(agent.id(), "env", None);
    body["env"] = json!({"SECRET": "s3cret"});
    let job = system
        .api()
        .post("/api/events/commands/", &body)
        .text_at("/0/id");
    loop {
        let command = agent.next_command();
        if command["id"] == json!(job) {
            assert_eq!(command["env"]["SECRET"], "s3cret");
            break;
        }
    }
    let shown = system.api().get(&format!("/api/events/commands/{job}/"));
    assert!(!shown.text().contains("s3cret"), "{}", shown.text());
}
