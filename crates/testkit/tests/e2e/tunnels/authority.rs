//! Who may open a tunnel, to where, and for how long.

use std::io::Read as _;

use serde_json::json;
use testkit::{Tunnel, eventually};

use super::target::{Service, exchange};
use super::{TUNNELS, request, scene, session_with_ports};
use crate::create_session;

/// Whether anything of a tunnel reached the database.
fn tunnels(scene: &super::Scene) -> i64 {
    scene
        .system
        .database()
        .integer("SELECT count(*) FROM tunnels")
}

#[test]
fn the_gate_is_asked_and_the_cli_says_what_to_do() {
    let scene = scene();
    let command_only = crate::id(&create_session(
        &scene.user(),
        scene.agent.id(),
        &["command"],
        &json!({}),
    ));
    for (session, code) in [
        (None, "work_session_required"),
        (
            Some(command_only.as_str()),
            "work_session_scope_not_allowed",
        ),
    ] {
        scene
            .user()
            .post(TUNNELS, &request(scene.agent.id(), 22, session))
            .refuses(403, code);
        let fresh = scene.system.cli_with_password();
        let mut arguments = vec!["tunnel", "host", "-l", "0", "-r", "22", "--output", "json"];
        if let Some(session) = session {
            arguments.extend(["--work-session", session]);
        }
        let envelope = fresh.run(&arguments).exits(3).envelope();
        assert_eq!(envelope["error_code"], code);
        assert_eq!(envelope["context"]["required_scope"], "tunnel");
    }
    assert_eq!(tunnels(&scene), 0);
}

#[test]
fn ports_outside_the_sessions_rules_are_refused() {
    let scene = scene();
    let service = Service::echo();
    let allowed = service.port.to_string();
    let session = session_with_ports(&scene, &[&allowed, "1"]);
    let user = scene.user();
    for port in [22, 2, service.port.wrapping_add(1).max(2)] {
        user.post(TUNNELS, &request(scene.agent.id(), port, Some(&session)))
            .refuses(403, "tunnel_port_not_allowed");
    }
    scene
        .cli
        .run(&[
            "tunnel",
            "host",
            "-l",
            "0",
            "-r",
            "22",
            "--work-session",
            &session,
        ])
        .exits(1)
        .stderr_has(&allowed);
    assert_eq!(tunnels(&scene), 0);
    let tunnel = Tunnel::open(
        &scene.cli,
        "host",
        service.port,
        &["--work-session", &session],
    );
    exchange(&mut tunnel.connect(), b"allowed");
}

#[test]
fn a_token_needs_the_scope_and_the_server() {
    let scene = scene();
    let service = Service::echo();
    let user = scene.user();
    let token = |scopes: &[&str]| {
        user.post(
            "/api/auth/tokens/",
            &json!({"name": scopes.join(" "), "scopes": scopes}),
        )
        .expect(201)
    };
    let body = request(scene.agent.id(), service.port, None);
    let caller = |key: String| {
        scene
            .system
            .anonymous()
            .as_caller(testkit::Credential::Token(key))
    };
    let without = token(&["command:*", "server:*"]);
    caller(without.text_at("/key"))
        .post(TUNNELS, &body)
        .refuses(403, "api_token_scope_not_allowed");
    let with = token(&["tunnel:*", "server:*"]);
    let api = caller(with.text_at("/key"));
    api.post(TUNNELS, &body)
        .refuses(403, "api_token_acl_not_allowed");
    user.post(
        "/api/security/server-acl/",
        &json!({"token": with.text_at("/id"), "server": scene.agent.id()}),
    )
    .expect_success();
    let cli = scene.system.cli();
    cli.log_in_with_token(&with.text_at("/key"));
    let mut tunnel = Tunnel::open(&cli, "host", service.port, &[]);
    exchange(&mut tunnel.connect(), b"by token");

    // With the token goes what was opened with it.
    let path = format!("/api/auth/tokens/{}/", with.text_at("/id"));
    user.delete(&path).expect_success();
    assert_eq!(tunnel.ended(), Some(1), "{}", tunnel.stderr());
}

#[test]
fn revocation_cuts_a_transfer_in_the_middle() {
    let scene = scene();
    let service = Service::endless();
    let mut tunnel = Tunnel::open(&scene.cli, "host", service.port, &["--output", "json"]);
    let mut stream = tunnel.connect();
    stream.read_exact(&mut [0; 1_000_000]).unwrap();
    let path = format!("/api/work-sessions/sessions/{}/revoke/", scene.session);
    scene.user().post(&path, &json!({})).expect_success();
    let mut buffer = vec![0; 1 << 20];
    // It was an endless one.
    while stream.read(&mut buffer).is_ok_and(|read| read > 0) {}
    assert_eq!(tunnel.ended(), Some(3), "{}", tunnel.stderr());
    let closed = scene.only_tunnel();
    let reason = scene.close_reason(closed["id"].as_str().unwrap());
    assert_eq!(reason, "The authority behind it ended.");
}

#[test]
fn a_lock_cuts_a_tunnel_and_refuses_the_next() {
    let scene = scene();
    let service = Service::endless();
    let mut tunnel = Tunnel::open(&scene.cli, "host", service.port, &[]);
    let mut stream = tunnel.connect();
    stream.read_exact(&mut [0; 1_000_000]).unwrap();
    let lock = json!({"kind": "server", "object": scene.agent.id(), "reason": "incident 7"});
    let locks = "/api/security/locks/";
    scene.user().post(locks, &lock).expect_success();
    let mut buffer = vec![0; 1 << 20];
    while stream.read(&mut buffer).is_ok_and(|read| read > 0) {}
    assert!(tunnel.ended().is_some_and(|code| code != 0));
    let told = tunnel.stderr();
    assert!(told.contains("locked") || told.contains("ended"), "{told}");
    let action = json!({"action": "update_information", "force": false});
    let path = format!("/api/servers/servers/{}/actions/", scene.agent.id());
    scene
        .user()
        .post(&path, &action)
        .refuses(403, "server_locked");
}

#[test]
fn what_a_session_allowed_ends_with_it_however_it_ends() {
    let scene = scene();
    let service = Service::echo();
    let session = crate::id(&create_session(
        &scene.user(),
        scene.agent.id(),
        &["tunnel"],
        &json!({"expires_at": crate::from_now(4)}),
    ));
    let mut tunnel = Tunnel::open(
        &scene.cli,
        "host",
        service.port,
        &["--work-session", &session],
    );
    exchange(&mut tunnel.connect(), b"while it lasts");
    assert_eq!(tunnel.ended(), Some(3), "{}", tunnel.stderr());
}

#[test]
fn a_session_that_leaves_a_server_ends_its_tunnels() {
    let scene = scene();
    let other = scene.system.public_agent("other");
    let service = Service::echo();
    let servers = json!({"servers": [scene.agent.id(), other.id()]});
    let session = create_session(&scene.user(), scene.agent.id(), &["tunnel"], &servers);
    let session = crate::id(&session);
    let mut tunnel = Tunnel::open(
        &scene.cli,
        "host",
        service.port,
        &["--work-session", &session],
    );
    exchange(&mut tunnel.connect(), b"while it lasts");
    let left = json!({"servers": [other.id()]});
    let path = format!("/api/work-sessions/sessions/{session}/");
    scene.user().patch(&path, &left).expect(200);
    assert_eq!(tunnel.ended(), Some(3), "{}", tunnel.stderr());
}

#[test]
fn a_session_that_loses_the_scope_ends_its_tunnels() {
    let scene = scene();
    let service = Service::echo();
    let (user, server) = (scene.user(), scene.agent.id());
    let session = create_session(&user, server, &["tunnel", "command"], &json!({}));
    let session = crate::id(&session);
    let mut tunnel = Tunnel::open(
        &scene.cli,
        "host",
        service.port,
        &["--work-session", &session],
    );
    exchange(&mut tunnel.connect(), b"while it lasts");
    let path = format!("/api/work-sessions/sessions/{session}/");
    let narrowed = json!({"scopes": ["command"]});
    user.patch(&path, &narrowed).expect(200);
    assert_eq!(tunnel.ended(), Some(3), "{}", tunnel.stderr());
}

#[test]
fn a_tunnel_can_be_closed_by_its_owner_and_by_no_other() {
    let scene = scene();
    let service = Service::echo();
    let granted = scene.granted(service.port);
    let id = granted["id"].as_str().unwrap();
    let path = format!("{TUNNELS}{id}/close/");
    scene.system.anonymous().post(&path, &json!({})).expect(401);
    scene.user().post(&path, &json!({})).expect(200);
    assert_eq!(scene.close_reason(id), "It was closed.");
    scene.user().post(&path, &json!({})).expect(200);
    let nothing = format!("{TUNNELS}{}/close/", uuid::Uuid::now_v7());
    scene.user().post(&nothing, &json!({})).expect(404);
}

/// The stored order and the list of commands hold no credential.
#[test]
fn addresses_are_given_once_and_not_kept() {
    let scene = scene();
    let granted = scene.granted(22);
    let url = granted["websocket_url"].as_str().unwrap();
    let token = url.trim_end_matches('/').rsplit('/').next().unwrap();
    assert_eq!(token.len(), 43);
    let id = granted["id"].as_str().unwrap();
    let again = scene.user().get(&format!("{TUNNELS}{id}/")).expect(200);
    assert!(!again.text().contains("/ws/"), "{}", again.text());
    eventually("the order is stored", || {
        let stored = scene
            .system
            .database()
            .integer("SELECT count(*) FROM commands WHERE line = 'opentunnel'");
        (stored == 1).then_some(())
    });
    let leaked = scene
        .system
        .database()
        .integer("SELECT count(*) FROM commands WHERE data LIKE '%/ws/%'");
    assert_eq!(leaked, 0);
}
