//! Who may move which files: the gate, file rules of tokens and sessions.

use std::os::unix::fs::symlink;

use serde_json::{Value, json};
use testkit::{Api, Credential};

use super::{Scene, create_upload, failed, get, put, scene, status, succeeded};
use crate::{create_session, id};

/// A token that may reach the server, with these file rules.
pub(super) fn token(scene: &Scene, rules: &[(&str, &str)]) -> Api {
    let owner = scene.system.api_with_password();
    let created = owner
        .post(
            "/api/auth/tokens/",
            &json!({"name": "t", "expires_at": null}),
        )
        .expect(201);
    let id = created.text_at("/id");
    owner
        .post(
            "/api/security/server-acl/",
            &json!({"token": id, "server": scene.agent.id()}),
        )
        .expect(201);
    for (path, action) in rules {
        owner
            .post(
                "/api/security/file-acl/",
                &json!({"token": id, "path": path, "action": action, "username": "*",
                        "groupname": "*"}),
            )
            .expect(201);
    }
    owner.as_caller(Credential::Token(created.text_at("/key")))
}

fn ask(api: &Api, server: &str, path: &str, kind: &str, session: Option<&str>) -> testkit::Answer {
    let mut body = json!({"path": path, "name": "n", "server": server, "username": "",
                          "groupname": "", "resource_type": kind});
    if let Some(session) = session {
        body["work_session"] = json!(session);
    }
    api.post("/api/webftp/downloads/", &body)
}

#[test]
fn a_bare_token_moves_nothing() {
    let scene = scene();
    let api = token(&scene, &[]);
    create_upload(&api, scene.agent.id(), "x", &scene.path("x"), &json!({}))
        .refuses(403, "api_token_acl_not_allowed");
    ask(&api, scene.agent.id(), "/etc/hostname", "file", None)
        .refuses(403, "api_token_acl_not_allowed");
    let dispatched = scene
        .system
        .database()
        .integer("SELECT count(*) FROM commands WHERE line IN ('upload', 'download')");
    assert_eq!(dispatched, 0);
}

#[test]
fn file_rules_hold_on_the_canonical_path() {
    let scene = scene();
    std::fs::create_dir(scene.path("deploy")).unwrap();
    std::fs::create_dir(scene.path("root")).unwrap();
    std::fs::write(scene.path("root/secret"), "secret").unwrap();
    std::fs::write(scene.path("deploy/app"), "app").unwrap();
    let rule = scene.path("deploy/*");
    let api = token(&scene, &[(&rule, "*")]);
    let server = scene.agent.id();

    // By its text: refused before anything is ordered.
    for name in [
        "root/secret",
        "deploy/../root/secret",
        "deploy/./../root/secret",
        "deploy",
        "deployer/x",
    ] {
        ask(&api, server, &scene.path(name), "file", None)
            .refuses(403, "api_token_acl_not_allowed");
    }
    create_upload(
        &api,
        server,
        "secret",
        &scene.path("deploy/../root/secret"),
        &json!({}),
    )
    .refuses(403, "api_token_acl_not_allowed");
    ask(&api, server, "root/secret", "file", None).refuses(403, "api_token_acl_not_allowed");

    // By where it leads: refused by the agent, on what it opened.
    symlink(scene.path("root/secret"), scene.path("deploy/link")).unwrap();
    symlink(scene.path("root"), scene.path("deploy/way")).unwrap();
    for name in ["deploy/link", "deploy/way/secret"] {
        let created = ask(&api, server, &scene.path(name), "file", None).expect(201);
        let read = get(&api, &created.text_at("/download_url"), &[]);
        assert_eq!(read.status, 410, "{}", read.text());
        failed(
            &status(&api, "downloads", &created.text_at("/id")),
            "permission denied: the file rules do not allow",
        );
        let created = create_upload(
            &api,
            server,
            "x",
            &scene.path(name),
            &json!({"streaming": true}),
        )
        .expect(201);
        put(&api, &created.text_at("/upload_url"), b"overwritten");
        failed(
            &status(&api, "uploads", &created.text_at("/id")),
            "permission denied: the file rules do not allow",
        );
    }
    assert_eq!(std::fs::read(scene.path("root/secret")).unwrap(), b"secret");
    assert_eq!(super::names(&scene.host.join("root")), ["secret"]);

    // What is allowed works, also below, also where a directory takes the name.
    let created = create_upload(
        &api,
        server,
        "y",
        &scene.path("deploy/y"),
        &json!({"streaming": true}),
    )
    .expect(201);
    put(&api, &created.text_at("/upload_url"), b"y").expect(200);
    succeeded(&status(&api, "uploads", &created.text_at("/id")));
    let created = ask(&api, server, &scene.path("deploy/app"), "file", None).expect(201);
    assert_eq!(
        get(&api, &created.text_at("/download_url"), &[])
            .expect(200)
            .body,
        b"app"
    );

    // A folder with a link out of what is allowed does not come at all.
    let created = ask(&api, server, &scene.path("deploy"), "folder", None).expect(201);
    failed(
        &status(&api, "downloads", &created.text_at("/id")),
        "the file rules do not allow",
    );
}

#[test]
fn rules_for_one_direction_allow_only_that() {
    let scene = scene();
    std::fs::write(scene.path("x"), "x").unwrap();
    let api = token(&scene, &[(&scene.path("*"), "download")]);
    ask(&api, scene.agent.id(), &scene.path("x"), "file", None).expect(201);
    create_upload(&api, scene.agent.id(), "x", &scene.path("x"), &json!({}))
        .refuses(403, "api_token_acl_not_allowed");
}

#[test]
fn archives_keep_to_the_rules_too() {
    let scene = scene();
    std::fs::create_dir_all(scene.path("in/ok")).unwrap();
    std::fs::write(scene.path("in/ok/file"), "1").unwrap();
    let zip = scene
        .download(&scene.path("in"), "folder")
        .1
        .expect(200)
        .body;
    std::fs::create_dir(scene.path("out")).unwrap();
    let rules = [
        (&*scene.path("out/in.zip"), "*"),
        (&*scene.path("out/other/*"), "*"),
    ];
    let api = token(&scene, &rules);
    let more = json!({"allow_unzip": true, "streaming": true});
    let into = format!("{}/", scene.path("out"));
    let created = create_upload(&api, scene.agent.id(), "in.zip", &into, &more).expect(201);
    put(&api, &created.text_at("/upload_url"), &zip);
    failed(
        &status(&api, "uploads", &created.text_at("/id")),
        "the file rules do not allow",
    );
    assert!(super::names(&scene.host.join("out")).is_empty());
}

#[test]
fn a_login_needs_a_session_with_the_scope_and_keeps_to_its_rules() {
    let scene = scene();
    let user = scene.system.api_with_password();
    let server = scene.agent.id();
    let session = |scopes: &[&str], more: &Value| id(&create_session(&user, server, scopes, more));
    std::fs::write(scene.path("a"), "a").unwrap();
    ask(&user, server, &scene.path("a"), "file", None).refuses(403, "work_session_required");
    let command = session(&["command"], &json!({}));
    ask(&user, server, &scene.path("a"), "file", Some(&command))
        .refuses(403, "work_session_scope_not_allowed");
    let webftp = session(&["webftp"], &json!({}));
    let created = ask(&user, server, &scene.path("a"), "file", Some(&webftp)).expect(201);
    assert_eq!(
        get(&user, &created.text_at("/download_url"), &[])
            .expect(200)
            .body,
        b"a"
    );
    let narrow = session(&["webftp"], &json!({"allow_paths": [scene.path("b*")]}));
    ask(&user, server, &scene.path("a"), "file", Some(&narrow)).refuses(403, "path_not_allowed");
    ask(&user, server, &scene.path("b"), "file", Some(&narrow)).expect(201);
}

#[test]
fn transfers_of_others_do_not_exist() {
    let scene = scene();
    let created = scene.create("x", &scene.path("x"), &json!({})).expect(201);
    let id = created.text_at("/id");
    let other = token(&scene, &[("*", "*")]);
    // The same person's other token sees it; nobody sees it under the wrong kind.
    other
        .get(&format!("/api/webftp/uploads/{id}/status/"))
        .expect(200);
    other
        .get(&format!("/api/webftp/downloads/{id}/status/"))
        .expect(404);
    scene
        .system
        .anonymous()
        .get(&format!("/api/webftp/uploads/{id}/status/"))
        .expect(401);
    // An agent reports only on its own.
    let stranger = scene.system.public_agent("stranger");
    stranger
        .api()
        .post(
            &format!("/api/webftp/uploads/{id}/stat/"),
            &json!({"success": true, "message": "", "type": "upload"}),
        )
        .expect(404);
}

#[test]
fn a_revoked_session_ends_its_transfer() {
    let scene = scene();
    let user = scene.system.api_with_password();
    let session = id(&create_session(
        &user,
        scene.agent.id(),
        &["webftp"],
        &json!({}),
    ));
    let more = json!({"streaming": true, "work_session": session, "size": 10});
    let created = create_upload(&user, scene.agent.id(), "x", &scene.path("x"), &more).expect(201);
    // The agent waits for content that does not come.
    user.post(
        &format!("/api/work-sessions/sessions/{session}/revoke/"),
        &json!({}),
    )
    .expect_success();
    let status = status(&user, "uploads", &created.text_at("/id"));
    assert_eq!(status["success"], false, "{status}");
    assert_eq!(
        put(&user, &created.text_at("/upload_url"), b"late").status,
        410
    );
    assert!(super::names(&scene.host).is_empty());
}

#[test]
fn nothing_is_ordered_when_the_audit_cannot_be_written() {
    let scene = scene();
    std::fs::write(scene.path("x"), "x").unwrap();
    scene.system.database().refuse_insertions("audit_records");
    let refused = ask(&scene.api, scene.agent.id(), &scene.path("x"), "file", None);
    assert_eq!(refused.status, 503, "{}", refused.text());
    let more = json!({"streaming": true});
    let refused = scene.create("y", &scene.path("y"), &more);
    assert_eq!(refused.status, 503, "{}", refused.text());
    scene.system.database().allow_insertions("audit_records");
    let count = |sql: &str| scene.system.database().integer(sql);
    assert_eq!(count("SELECT count(*) FROM transfers"), 0);
    let ordered = "SELECT count(*) FROM commands WHERE line IN ('upload', 'download')";
    assert_eq!(count(ordered), 0);
}

#[test]
fn limits_are_said() {
    let scene = scene();
    let more = json!({"size": 1_i64 << 50});
    scene
        .create("x", &scene.path("x"), &more)
        .refuses(413, "transfer_limit_exceeded");
    scene
        .create("x", &scene.path("x"), &json!({"size": -1}))
        .refuses(400, "invalid_input");
    for name in ["", "a/b", "..", &"x".repeat(256)] {
        let answer = scene.create(name, &scene.path("x"), &json!({}));
        assert_eq!(answer.status, 400, "{name:?}: {}", answer.text());
    }
    let long = format!("/{}", "x".repeat(5000));
    scene
        .create("x", &long, &json!({}))
        .refuses(400, "invalid_input");
}
