//! The file browser: its REST call, its channel to our agent, and what the public
//! agent needs of it.

use std::os::unix::fs::symlink;

use serde_json::{Value, json};
use testkit::{Answer, Api, Credential, Socket, eventually};

use super::authority::token;
use super::{Scene, names, scene};
use crate::{create_session, id};

const SESSIONS: &str = "/api/webftp/sessions/";

fn open(api: &Api, server: &str, session: Option<&str>) -> Answer {
    let mut body = json!({"server": server, "username": "", "groupname": ""});
    if let Some(session) = session {
        body["work_session"] = json!(session);
    }
    api.post(SESSIONS, &body)
}

/// The client's side of a file browser.
struct Browser(Socket);

impl Browser {
    #[track_caller]
    fn open(api: &Api, server: &str, session: Option<&str>) -> Self {
        let opened = open(api, server, session).expect(201);
        Self(dial(api, &opened.text_at("/websocket_url")))
    }

    #[track_caller]
    fn ask(&mut self, command: &str, data: &Value) -> Value {
        self.0
            .send(&json!({"command": command, "data": data}).to_string());
        self.0.next_json().expect("an answer")
    }

    #[track_caller]
    fn works(&mut self, command: &str, data: &Value) -> Value {
        let answer = self.ask(command, data);
        assert_eq!(answer["success"], true, "{answer}");
        assert_eq!(answer["code"], 250, "{answer}");
        answer["data"].clone()
    }

    #[track_caller]
    fn fails(&mut self, command: &str, data: &Value, code: i64) {
        let answer = self.ask(command, data);
        assert_eq!(answer["success"], false, "{answer}");
        assert_eq!(answer["code"], code, "{answer}");
    }
}

#[track_caller]
fn dial(api: &Api, url: &str) -> Socket {
    api.as_caller(Credential::None).socket_url(url).unwrap()
}

#[test]
fn files_are_looked_at_and_changed_as_the_account() {
    let scene = scene();
    std::fs::write(scene.path("a"), "12345").unwrap();
    let mut browser = Browser::open(&scene.api, scene.agent.id(), None);
    let here = scene.host.to_str().unwrap();
    let home = browser.works("pwd", &json!({}));
    assert!(home["path"].as_str().unwrap().starts_with('/'), "{home}");
    browser.works("cwd", &json!({"path": here}));
    let listed = browser.works("list", &json!({}));
    assert_eq!(listed["children"][0]["name"], "a");
    assert_eq!(listed["children"][0]["size"], 5);
    browser.works("mkd", &json!({"path": "sub dir\nü"}));
    browser.works("cp", &json!({"src": "a", "dst": "sub dir\nü/b"}));
    browser.works("chmod", &json!({"path": "a", "mode": "600"}));
    let moved = browser.works("mv", &json!({"src": "a", "dst": "c"}));
    assert_eq!(moved["dst"], scene.path("c"));
    browser.fails("dele", &json!({"path": "none"}), 550);
    browser.fails("rmd", &json!({"path": "sub dir\nü"}), 552);
    browser.works("rmd", &json!({"path": "sub dir\nü", "recursive": true}));
    browser.fails("format", &json!({}), 550);
    assert_eq!(names(&scene.host), ["c"]);

    // Each request was recorded before it was carried out, each change afterwards.
    let count = |action: &str| {
        let sql = format!(
            "SELECT count(*) FROM audit_records WHERE model = 'file_session' AND action = '{action}'"
        );
        scene.system.database().integer(&sql)
    };
    assert_eq!(
        (count("create"), count("request"), count("finish")),
        (1, 9, 7)
    );
    browser.0.close();
    eventually("its end is recorded", || {
        (count("close") == 1).then_some(())
    });
    // The address is not in what is stored.
    let leaked = "SELECT count(*) FROM commands WHERE data LIKE '%/ws/%'";
    assert_eq!(scene.system.database().integer(leaked), 0);
}

#[test]
fn the_gate_and_the_rules_hold() {
    let scene = scene();
    let user = scene.system.api_with_password();
    let server = scene.agent.id();
    open(&user, server, None).refuses(403, "work_session_required");
    let other = id(&create_session(&user, server, &["command"], &json!({})));
    open(&user, server, Some(&other)).refuses(403, "work_session_scope_not_allowed");
    open(&user, &uuid::Uuid::now_v7().to_string(), None).expect(404);
    scene
        .system
        .anonymous()
        .post(SESSIONS, &json!({"server": server}))
        .expect(401);

    for folder in ["deploy", "root"] {
        std::fs::create_dir(scene.path(folder)).unwrap();
    }
    std::fs::write(scene.path("root/secret"), "secret").unwrap();
    symlink("../root", scene.path("deploy/way")).unwrap();
    let rules = json!({"allow_paths": [scene.path("deploy/*")]});
    let session = id(&create_session(&user, server, &["webftp"], &rules));
    let mut browser = Browser::open(&user, server, Some(&session));
    browser.works("cwd", &json!({"path": scene.path("deploy")}));
    // By their text, here; by where they lead, on the host.
    for path in ["../root/secret", "way/secret", "/etc/hostname"] {
        browser.fails("dele", &json!({"path": path}), 450);
        browser.fails("cp", &json!({"src": path, "dst": "stolen"}), 450);
        browser.fails("mv", &json!({"src": path, "dst": "stolen"}), 450);
    }
    browser.fails("list", &json!({"path": scene.path("root")}), 450);
    let led_out = browser.works("list", &json!({"path": "way"}));
    assert_eq!(led_out["code"], 450, "{led_out}");
    browser.works("mkd", &json!({"path": "mine"}));
    assert_eq!(names(&scene.host.join("deploy")), ["mine", "way"]);
    assert_eq!(names(&scene.host.join("root")), ["secret"]);
    let denied = "SELECT count(*) FROM audit_records \
                  WHERE model = 'file_session' AND action = 'deny'";
    assert_eq!(scene.system.database().integer(denied), 7);
}

#[test]
fn nothing_is_moved_to_where_it_may_be_downloaded() {
    let scene = scene();
    for folder in ["out", "secret"] {
        std::fs::create_dir(scene.path(folder)).unwrap();
    }
    let (key, out) = (scene.path("secret/key"), scene.path("out/key"));
    std::fs::write(&key, "key").unwrap();
    let rules = [
        (&*scene.path("*"), "upload"),
        (&*scene.path("out/*"), "download"),
    ];
    let api = token(&scene, &rules);
    let mut browser = Browser::open(&api, scene.agent.id(), None);
    browser.fails("mv", &json!({"src": key, "dst": out}), 450);
    let denied = "SELECT count(*) FROM audit_records \
                  WHERE model = 'file_session' AND action = 'deny'";
    assert_eq!(scene.system.database().integer(denied), 1);
    // By their names alone the folders are nothing to download.
    let (secret, inside) = (scene.path("secret"), scene.path("out/secret"));
    browser.fails("mv", &json!({"src": secret, "dst": inside}), 450);
    assert!(names(&scene.host.join("out")).is_empty());
    browser.works(
        "mv",
        &json!({"src": key, "dst": scene.path("secret/other")}),
    );
}

#[test]
fn guardrails_are_asked_about_each_request() {
    let scene = scene();
    let (key, open) = (scene.path("secret"), scene.path("open"));
    for path in [&key, &open] {
        std::fs::write(path, "text").unwrap();
    }
    let mut browser = Browser::open(&scene.api, scene.agent.id(), None);
    let forbid = |action: &str| {
        let policy = format!(
            "forbid (principal, action == Action::\"{action}\", resource)\n\
             when {{ context.path like \"*/secret\" }};"
        );
        let body = json!({"name": action, "policy": policy});
        let admin = scene.system.api_with_password();
        admin.post("/api/security/guardrails/", &body).expect(201);
    };
    // They hold in what is open already.
    forbid("download");
    for command in ["cp", "mv"] {
        browser.fails(command, &json!({"src": key, "dst": scene.path("out")}), 450);
    }
    browser.works("chmod", &json!({"path": key, "mode": "600"}));
    forbid("upload");
    browser.fails("dele", &json!({"path": key}), 450);
    browser.fails("cp", &json!({"src": open, "dst": key}), 450);
    browser.works("dele", &json!({"path": open}));
    assert_eq!(names(&scene.host), ["secret"]);
}

#[test]
fn an_address_is_good_once_and_only_for_its_side() {
    let scene = scene();
    let opened = open(&scene.api, scene.agent.id(), None).expect(201);
    let url = opened.text_at("/websocket_url");
    let stranger = scene.system.anonymous();
    let path = url[url.find("/ws/").unwrap()..].to_owned();
    let refused = |path: &str| stranger.socket(path).map(|_| ()).unwrap_err().0;
    assert_eq!(refused(&path.replace("/client/", "/agent/")), 401);
    assert_eq!(refused("/ws/webftp/client/x/y/"), 401);
    let guess = format!("/ws/webftp/client/{}/guess/", opened.text_at("/id"));
    assert_eq!(refused(&guess), 401);
    let mut browser = Browser(dial(&scene.api, &url));
    browser.works("pwd", &json!({}));
    assert_eq!(refused(&path), 401);
}

#[test]
fn whoever_breaks_the_protocol_is_cut_off() {
    let scene = scene();
    for nonsense in ["{", "7", r#"{"command": 1}"#, &"x".repeat(70_000)] {
        let mut browser = Browser::open(&scene.api, scene.agent.id(), None);
        browser.works("pwd", &json!({}));
        browser.0.send(nonsense);
        assert_eq!(browser.0.next_json(), None);
    }
}

#[test]
fn ended_authority_ends_it() {
    let scene = scene();
    let user = scene.system.api_with_password();
    let server = scene.agent.id();
    let session = || id(&create_session(&user, server, &["webftp"], &json!({})));
    let first = session();
    let mut browser = Browser::open(&user, server, Some(&first));
    browser.works("pwd", &json!({}));
    user.post(
        &format!("/api/work-sessions/sessions/{first}/revoke/"),
        &json!({}),
    )
    .expect_success();
    assert_eq!(browser.0.next_json(), None);
    let second = session();
    let mut browser = Browser::open(&user, server, Some(&second));
    browser.works("pwd", &json!({}));
    let path = format!("/api/work-sessions/sessions/{second}/");
    let narrowed = json!({"scopes": ["command"]});
    user.patch(&path, &narrowed).expect(200);
    assert_eq!(browser.0.next_json(), None);
    let third = session();
    let mut browser = Browser::open(&user, server, Some(&third));
    browser.works("pwd", &json!({}));
    let lock = json!({"kind": "server", "object": server, "reason": "incident 7"});
    user.post("/api/security/locks/", &lock).expect(201);
    assert_eq!(browser.0.next_json(), None);
    eventually("the agent has ended all", || {
        let log = std::fs::read_to_string(scene.agent.log()).ok()?;
        (log.matches("file browser ended").count() == 3).then_some(())
    });
}

#[test]
fn nothing_is_asked_that_cannot_be_recorded() {
    let scene = scene();
    let mut browser = Browser::open(&scene.api, scene.agent.id(), None);
    browser.works("pwd", &json!({}));
    scene.system.database().refuse_insertions("audit_records");
    let request = json!({"command": "mkd", "data": {"path": scene.path("x")}});
    browser.0.send(&request.to_string());
    assert_eq!(browser.0.next_json(), None);
    assert!(names(&scene.host).is_empty());
    // More than one may have open: what was not opened takes no place.
    for _ in 0..20 {
        open(&scene.api, scene.agent.id(), None).expect(503);
    }
    scene.system.database().allow_insertions("audit_records");
    let mut browser = Browser::open(&scene.api, scene.agent.id(), None);
    browser.works("pwd", &json!({}));
}

#[test]
fn an_agent_that_is_gone_ends_it() {
    let scene = scene();
    let mut browser = Browser::open(&scene.api, scene.agent.id(), None);
    browser.works("pwd", &json!({}));
    scene.agent.kill();
    assert_eq!(browser.0.next_json(), None);
    scene.system.wait_connected(scene.agent.id(), false);
    open(&scene.api, scene.agent.id(), None).refuses(409, "server_not_connected");
}

#[test]
fn the_public_agent_is_given_what_it_expects() {
    let system = testkit::System::start();
    let mut agent = system.public_agent("public");
    let api = system.api();
    let username = system.ready().superuser.username.clone();
    let body = json!({"server": agent.id(), "username": username, "groupname": ""});
    let opened = api.post(SESSIONS, &body).expect(201);
    let mut client = dial(&api, &opened.text_at("/websocket_url"));
    let order = agent.next_command();
    assert_eq!(order["line"], "openftp");
    assert_eq!(order["shell"], "internal");
    let data: Value = serde_json::from_str(order["data"].as_str().unwrap()).unwrap();
    assert_eq!(data["session_id"], opened.text_at("/id"));
    assert_eq!(data["username"], username);
    // Without a group the public agent would work as root.
    assert_ne!(data["groupname"], "");
    assert!(data["url"].as_str().unwrap().starts_with("ws://"));
    assert!(data.get("read_rules").is_none(), "{data}");
    let command = order["id"].as_str().unwrap();
    agent.ack(command).expect_success();
    // It shows no credential but the address.
    let mut worker = dial(&api, data["url"].as_str().unwrap());
    agent.fin(command, 0, "").expect_success();
    let pwd = worker.next_json().unwrap();
    assert_eq!(pwd["command"], "pwd");
    let home = json!({"command": "pwd", "success": true, "code": 250,
                      "data": {"message": "", "path": "/home/a"}});
    worker.send(&home.to_string());
    client.send(r#"{"command":"list","data":{"path":"../b","depth":2}}"#);
    let list = worker.next_json().unwrap();
    assert_eq!(
        list,
        json!({"command": "list", "data": {"path": "/home/b", "depth": 2}})
    );
    let answer = json!({"command": "list", "success": true, "code": 250,
                        "data": {"name": "b", "unknown": 1}});
    worker.send(&answer.to_string());
    assert_eq!(client.next_json().unwrap(), answer);
    // An answer to something else is none.
    client.send(r#"{"command":"pwd"}"#);
    worker.next_json().unwrap();
    worker.send(&answer.to_string());
    assert_eq!(client.next_json(), None);

    // Under file rules it is given nothing: it judges nothing.
    let user = system.api_with_password();
    let rules = json!({"allow_paths": ["/home/deploy/*"]});
    let session = id(&create_session(&user, agent.id(), &["webftp"], &rules));
    let mut body = body;
    body["work_session"] = json!(session);
    user.post(SESSIONS, &body).refuses(403, "path_not_allowed");
}

#[test]
fn an_agent_that_refuses_ends_it_at_once() {
    let system = testkit::System::start();
    let mut agent = system.public_agent("public");
    let api = system.api();
    let username = system.ready().superuser.username.clone();
    let body = json!({"server": agent.id(), "username": username, "groupname": ""});
    let opened = api.post(SESSIONS, &body).expect(201);
    let mut client = dial(&api, &opened.text_at("/websocket_url"));
    let order = agent.next_command();
    let command = order["id"].as_str().unwrap();
    agent.ack(command).expect_success();
    agent
        .fin(command, 1, "there is no such account")
        .expect_success();
    assert_eq!(client.next_json(), None);
}

/// Another account sees what it may.
#[test]
fn the_worker_is_the_account_and_not_the_agent() {
    let scene: Scene = scene();
    if !crate::is_root() {
        return;
    }
    let body = json!({"server": scene.agent.id(), "username": "nobody", "groupname": ""});
    let opened = scene.api.post(SESSIONS, &body).expect(201);
    let mut browser = Browser(dial(&scene.api, &opened.text_at("/websocket_url")));
    let shadow = browser.ask("dele", &json!({"path": "/etc/shadow"}));
    assert_eq!(shadow["code"], 450, "{shadow}");
    let root = browser.works("list", &json!({"path": "/root"}));
    assert_eq!(root["code"], 450, "{root}");
    assert!(std::path::Path::new("/etc/shadow").exists());
}
