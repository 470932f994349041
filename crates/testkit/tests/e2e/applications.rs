//! Applications: what a service token may do, and the ways around it that must fail.

use std::io::{Read as _, Write as _};

use serde_json::{Value, json};
use testkit::{Agent, Api, Credential, System, Tunnel, eventually};

use crate::accounts::{create_user, log_in};
use crate::{from_now, id, submission, submit};

const APPLICATIONS: &str = "/api/auth/applications/";
const TOKENS: &str = "/api/auth/service-tokens/";
const COMMANDS: &str = "/api/events/commands/";

struct Scene {
    system: System,
    agent: Agent,
    /// The superuser, logged in.
    root: Api,
    application: String,
    token: String,
    /// The application.
    app: Api,
}

fn scene() -> Scene {
    let system = System::start();
    let agent = system.agent("web");
    let root = system.api_with_password();
    let application = root.post(
        APPLICATIONS,
        &json!({"name": "ci", "service_type": "ci_cd"}),
    );
    let application = id(&application.expect(201).json());
    let created = root.post(
        TOKENS,
        &json!({"application": application, "name": "deploy", "expires_at": null}),
    );
    let created = created.expect(201);
    let key = created.text_at("/key");
    assert!(key.starts_with("alpst-"), "clients tell applications by it");
    Scene {
        app: system.anonymous().as_caller(Credential::Token(key)),
        token: id(&created.json()),
        application,
        root,
        agent,
        system,
    }
}

impl Scene {
    #[track_caller]
    fn allow_server(&self) {
        let body = json!({"service_token": self.token, "server": self.agent.id()});
        let answer = self.root.post("/api/security/server-acl/", &body);
        assert_eq!(answer.expect(201).json()["service_token"], self.token);
    }

    #[track_caller]
    fn allow_command(&self, command: &str, username: &str) {
        let body = json!({"service_token": self.token, "command": command, "username": username});
        let answer = self.root.post("/api/security/command-acl/", &body);
        answer.expect(201);
    }

    fn run_as(&self, username: &str, line: &str) -> testkit::Answer {
        let mut body = submission(self.agent.id(), line, None);
        body["username"] = json!(username);
        self.app.post(COMMANDS, &body)
    }

    fn own_name(&self) -> String {
        self.system.ready().superuser.username.clone()
    }

    /// A running command that was stopped ends by its agent's report.
    fn wait_stopped(&self, command: &str) {
        let path = format!("{COMMANDS}{command}/");
        eventually("the running command was stopped", || {
            (self.root.get(&path).json()["success"] == false).then_some(())
        });
    }

    fn wait_status(&self, command: &str, wanted: &str) -> Value {
        let path = format!("{COMMANDS}{command}/");
        eventually(&format!("the command is {wanted}"), || {
            let shown = self.root.get(&path).json();
            (shown["status"] == wanted).then_some(shown)
        })
    }
}

#[test]
fn a_service_token_says_who_it_is() {
    let scene = scene();
    let whoami = scene.app.get("/api/auth/whoami/").expect(200).json();
    assert_eq!(whoami["principal_type"], "application");
    assert_eq!(whoami["auth"]["method"], "service_token");
    assert_eq!(whoami["application"]["name"], "ci");
    assert_eq!(whoami["application"]["service_type"], "ci_cd");
    assert!(whoami.get("user").is_none_or(Value::is_null));
    scene.app.get("/api/status/").expect(200);
    for path in ["/api/iam/users/-", "/api/iam/users/-/"] {
        scene.app.get(path).expect(403);
    }
    let listed = eventually("the use is noted", || {
        let row = scene.root.get(&format!("{TOKENS}{}/", scene.token)).json();
        row["last_used_at"].is_string().then_some(row)
    });
    assert!(listed.get("key").is_none(), "{listed}");
}

#[test]
fn a_service_token_without_rules_can_do_nothing() {
    let scene = scene();
    let seen = scene.app.get("/api/servers/servers/").expect(200).json();
    assert_eq!(seen["count"], 0, "it sees no server");
    let own = scene.own_name();
    scene.run_as(&own, "true").expect(404);
    scene.allow_server();
    let seen = scene.app.get("/api/servers/servers/").expect(200).json();
    assert_eq!(seen["results"][0]["id"], scene.agent.id());
    scene
        .run_as(&own, "true")
        .refuses(403, "api_token_acl_not_allowed");
    let started = scene
        .system
        .database()
        .integer("SELECT count(*) FROM commands WHERE line = 'true' AND delivered_at IS NOT NULL");
    assert_eq!(started, 0);
}

#[test]
fn it_runs_what_its_rules_name_as_the_account_they_name() {
    let scene = scene();
    scene.allow_server();
    let own = scene.own_name();
    scene.allow_command("echo *", &own);
    let answer = scene.run_as(&own, "echo built").expect_success();
    let command = answer.text_at("/0/id");
    let shown = eventually("the command ends", || {
        let shown = scene.app.get(&format!("{COMMANDS}{command}/")).json();
        (shown["success"] == true).then_some(shown)
    });
    assert_eq!(shown["result"], "built\n");
    let record = scene.root.get("/api/audit/activity/?page_size=100").json();
    let by_it = record["results"].as_array().unwrap().iter().any(|row| {
        let text = row.to_string();
        text.contains("\"ci\"") && text.contains("command")
    });
    assert!(by_it, "the record names the application: {record}");

    for (username, line) in [
        ("nobody", "echo x"),
        ("root2", "echo x"),
        (own.as_str(), "id"),
        (own.as_str(), "echo a; id"),
        // No account is not an account that rules could allow.
        ("", "echo x"),
    ] {
        let answer = scene.run_as(username, line);
        assert!(
            answer.status == 403 || answer.status == 400,
            "{username} {line}: {} {}",
            answer.status,
            answer.text()
        );
    }
}

#[test]
fn a_service_account_is_a_default_and_no_right() {
    let scene = scene();
    scene.allow_server();
    let own = scene.own_name();
    let path = format!("{APPLICATIONS}{}/", scene.application);
    scene
        .root
        .patch(&path, &json!({"username": own}))
        .expect(200);
    scene
        .run_as("", "true")
        .refuses(403, "api_token_acl_not_allowed");
    scene.allow_command("true", &own);
    scene.run_as("", "true").expect_success();
}

#[test]
fn rules_of_an_application_name_an_account() {
    let scene = scene();
    for (path, body) in [
        (
            "/api/security/command-acl/",
            json!({"service_token": scene.token, "command": "*"}),
        ),
        (
            "/api/security/file-acl/",
            json!({"service_token": scene.token, "path": "/tmp/*", "action": "*"}),
        ),
    ] {
        let answer = scene.root.post(path, &body).expect(400);
        assert!(answer.json()["username"].is_array(), "{}", answer.text());
    }
    let both = json!({"token": scene.token, "service_token": scene.token, "command": "*", "username": "x"});
    scene
        .root
        .post("/api/security/command-acl/", &both)
        .expect(400);
}

#[test]
fn a_service_token_reaches_nothing_about_people() {
    let scene = scene();
    scene.allow_server();
    let user = scene.root.get("/api/iam/users/-/").expect(200).json();
    let user = id(&user);
    for path in [
        "/api/iam/users/".to_owned(),
        format!("/api/iam/users/{user}/"),
        "/api/iam/groups/".to_owned(),
        "/api/iam/memberships/".to_owned(),
        "/api/auth/tokens/".to_owned(),
        APPLICATIONS.to_owned(),
        format!("{APPLICATIONS}{}/", scene.application),
        TOKENS.to_owned(),
        format!("{TOKENS}{}/", scene.token),
        "/api/servers/registration-tokens/".to_owned(),
        "/api/audit/activity/".to_owned(),
        format!("/api/security/command-acl/?service_token={}", scene.token),
        format!("/api/security/server-acl/?token={}", scene.token),
    ] {
        let answer = scene.app.get(&path);
        assert!(
            matches!(answer.status, 403 | 404),
            "GET {path}: {} {}",
            answer.status,
            answer.text()
        );
    }
    for (path, body) in [
        (
            "/api/iam/users/",
            json!({"username": "eve", "email": "e@x.test"}),
        ),
        ("/api/iam/groups/", json!({"name": "eve"})),
        (
            "/api/iam/memberships/",
            json!({"user": user, "group": user}),
        ),
        (
            "/api/auth/tokens/",
            json!({"name": "eve", "expires_at": null}),
        ),
        (APPLICATIONS, json!({"name": "eve"})),
        (
            TOKENS,
            json!({"application": scene.application, "name": "eve"}),
        ),
        (
            "/api/security/command-acl/",
            json!({"service_token": scene.token, "command": "*", "username": "*"}),
        ),
        (
            "/api/security/server-acl/",
            json!({"service_token": scene.token, "server": scene.agent.id()}),
        ),
        ("/api/servers/registration-tokens/", json!({"name": "eve"})),
    ] {
        let answer = scene.app.post(path, &body);
        assert!(
            matches!(answer.status, 403 | 404),
            "POST {path}: {} {}",
            answer.status,
            answer.text()
        );
    }
    for path in [
        "/api/workspaces/preferences/-/",
        "/api/workspaces/access-control/-/",
        "/api/workspaces/security/-/",
    ] {
        let answer = scene.app.patch(path, &json!({"allow_direct_root": true}));
        assert!(
            matches!(answer.status, 403 | 404),
            "{path} {}",
            answer.text()
        );
    }
    let server = format!("/api/servers/servers/{}/", scene.agent.id());
    let answer = scene.app.delete(&server);
    assert!(matches!(answer.status, 403 | 404), "{}", answer.text());
}

#[test]
fn only_superusers_with_a_login_manage_applications() {
    let scene = scene();
    create_user(&scene.root, "mallory", &json!({"is_staff": true}));
    let staff = log_in(&scene.system.anonymous(), "mallory");
    for api in [&staff, &scene.system.api()] {
        api.get(APPLICATIONS).expect(403);
        api.post(APPLICATIONS, &json!({"name": "x"})).expect(403);
        api.get(TOKENS).expect(403);
        let path = format!("{APPLICATIONS}{}/", scene.application);
        api.patch(&path, &json!({"is_active": false})).expect(403);
        api.delete(&path).expect(403);
        let rules = json!({"service_token": scene.token, "command": "*", "username": "*"});
        let answer = api.post("/api/security/command-acl/", &rules);
        assert!(matches!(answer.status, 403 | 404), "{}", answer.text());
        let rules = format!("/api/security/command-acl/?token={}", scene.token);
        let answer = api.get(&rules);
        assert!(matches!(answer.status, 403 | 404), "{}", answer.text());
    }
}

#[test]
fn scopes_bound_it_and_those_of_people_cannot_be_given() {
    let scene = scene();
    let new = |scopes: &[&str], name: &str| {
        let body = json!({
            "application": scene.application, "name": name, "expires_at": null, "scopes": scopes,
        });
        scene.root.post(TOKENS, &body)
    };
    new(&["user:read"], "a").expect(400);
    new(&["membership:*"], "b").expect(400);
    let key = new(&["server:read"], "c").expect(201).text_at("/key");
    let reader = scene.system.anonymous().as_caller(Credential::Token(key));
    reader.get("/api/servers/servers/").expect(200);
    let body = submission(scene.agent.id(), "true", None);
    let answer = reader.post(COMMANDS, &body);
    assert!(matches!(answer.status, 403 | 404), "{}", answer.text());
}

#[test]
fn locking_an_application_ends_its_work() {
    let scene = scene();
    scene.allow_server();
    let own = scene.own_name();
    scene.allow_command("sleep *", &own);
    let answer = scene.run_as(&own, "sleep 300").expect_success();
    let command = answer.text_at("/0/id");
    scene.wait_status(&command, "acked");
    let path = format!("{APPLICATIONS}{}/", scene.application);
    scene
        .root
        .patch(&path, &json!({"is_active": false}))
        .expect(200);
    scene.app.get("/api/auth/whoami/").expect(401);
    scene.wait_stopped(&command);
    scene
        .root
        .patch(&path, &json!({"is_active": true}))
        .expect(200);
    scene.app.get("/api/auth/whoami/").expect(200);
}

#[test]
fn the_clock_ends_what_a_lost_token_left_behind() {
    let scene = scene();
    scene.allow_server();
    let own = scene.own_name();
    scene.allow_command("sleep *", &own);
    let answer = scene.run_as(&own, "sleep 300").expect_success();
    let running = answer.text_at("/0/id");
    let mut later = submission(scene.agent.id(), "sleep 1", None);
    later["username"] = json!(own);
    later["scheduled_at"] = json!(from_now(3600));
    let later = scene.app.post(COMMANDS, &later).expect_success();
    let later = later.text_at("/0/id");
    scene.wait_status(&running, "acked");
    // Behind the control plane's back, as another node would do it.
    let disabled = scene
        .system
        .database()
        .execute("UPDATE api_tokens SET enabled = false WHERE application_id IS NOT NULL");
    assert_eq!(disabled, 1);
    scene.wait_stopped(&running);
    scene.wait_status(&later, "cancelled");
}

#[test]
fn disabled_deleted_and_expired_tokens_are_refused() {
    let scene = scene();
    let path = format!("{TOKENS}{}/", scene.token);
    let twin = scene.root.post(&format!("{path}duplicate/"), &json!({}));
    let twin = twin.expect(201);
    assert_eq!(twin.text_at("/name"), "deploy-copy");
    let twin = scene
        .system
        .anonymous()
        .as_caller(Credential::Token(twin.text_at("/key")));
    twin.get("/api/auth/whoami/").expect(200);

    scene
        .root
        .patch(&path, &json!({"enabled": false}))
        .expect(200);
    scene.app.get("/api/auth/whoami/").expect(401);
    scene
        .root
        .patch(&path, &json!({"enabled": true}))
        .expect(200);
    scene.app.get("/api/auth/whoami/").expect(200);
    scene
        .root
        .patch(&path, &json!({"expires_at": "2001-01-01T00:00:00Z"}))
        .expect(400);
    scene.root.delete(&path).expect(204);
    scene.app.get("/api/auth/whoami/").expect(401);
    twin.get("/api/auth/whoami/").expect(200);

    let gone = format!("{APPLICATIONS}{}/", scene.application);
    scene.root.delete(&gone).expect(204);
    twin.get("/api/auth/whoami/").expect(401);
    scene.root.get(&gone).expect(404);
}

#[test]
fn the_cli_sets_an_application_up_and_works_as_it() {
    let scene = scene();
    let admin = scene.system.cli_with_password();
    let own = scene.own_name();
    admin
        .run(&[
            "application",
            "create",
            "--name",
            "robot",
            "--type",
            "ci_cd",
        ])
        .exits(0);
    let created = admin
        .run(&[
            "service-token",
            "create",
            "--application",
            "robot",
            "--name",
            "run",
            "--expiration-in-days",
            "30",
            "--output",
            "json",
        ])
        .exits(0)
        .json();
    let key = created["key"].as_str().unwrap().to_owned();
    admin
        .run(&[
            "token",
            "acl",
            "server",
            "add",
            "robot/run",
            "--server",
            "web",
        ])
        .exits(0);
    admin
        .run(&[
            "token",
            "acl",
            "command",
            "add",
            "robot/run",
            "--command",
            "echo *",
            "--username",
            &own,
        ])
        .exits(0);
    let listed = admin
        .run(&[
            "token",
            "acl",
            "command",
            "ls",
            "robot/run",
            "--output",
            "json",
        ])
        .exits(0)
        .json();
    assert_eq!(listed[0]["command"], "echo *");

    let robot = scene.system.cli();
    robot.log_in_with_token(&key);
    let who = robot.run(&["whoami", "--output", "json"]).exits(0).json();
    assert_eq!(who["principal_type"], "application");
    assert_eq!(who["application_name"], "robot");
    robot
        .run(&["exec", "-u", &own, "web", "echo hello"])
        .exits(0)
        .stdout_is("hello\n");
    robot.run(&["exec", "-u", &own, "web", "id"]).exits(1);

    admin
        .run(&["application", "lock", "robot", "--yes"])
        .exits(0);
    robot.run(&["exec", "-u", &own, "web", "echo no"]).exits(1);
    let rows = admin
        .run(&["application", "ls", "--output", "json"])
        .exits(0)
        .json();
    let row = rows
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["name"] == "robot");
    assert_eq!(row.unwrap()["is_active"], false);
    let shown = submit_nothing(&scene);
    assert_eq!(shown, 0);
}

/// Commands of the locked application that reached the queue.
fn submit_nothing(scene: &Scene) -> i64 {
    scene
        .system
        .database()
        .integer("SELECT count(*) FROM commands WHERE line = 'echo no'")
}

#[test]
fn one_applications_token_is_not_anothers() {
    let scene = scene();
    let own = scene.own_name();
    scene.allow_server();
    scene.allow_command("true", &own);
    let other = scene.root.post(APPLICATIONS, &json!({"name": "other"}));
    let other = id(&other.expect(201).json());
    let body = json!({"application": other, "name": "t", "expires_at": null});
    let key = scene.root.post(TOKENS, &body).expect(201).text_at("/key");
    let stranger = scene.system.anonymous().as_caller(Credential::Token(key));
    let command = submit_as(&scene, &own);
    stranger.get(&format!("{COMMANDS}{command}/")).expect(404);
    assert_eq!(stranger.get("/api/servers/servers/").json()["count"], 0);
    // A user's own list does not show what applications run.
    let mine = submit(&scene.root_with_token(), scene.agent.id(), "true", None);
    assert_ne!(mine, command);
}

fn submit_as(scene: &Scene, own: &str) -> String {
    let answer = scene.run_as(own, "true").expect_success();
    answer.text_at("/0/id")
}

impl Scene {
    fn root_with_token(&self) -> Api {
        self.system.api()
    }
}

#[test]
fn locking_an_application_cuts_its_tunnels() {
    let scene = scene();
    scene.allow_server();
    let service = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = service.local_addr().unwrap().port();
    let key = scene
        .root
        .post(&format!("{TOKENS}{}/duplicate/", scene.token), &json!({}))
        .expect(201)
        .text_at("/key");
    let cli = scene.system.cli();
    cli.log_in_with_token(&key);
    let tunnel = Tunnel::open(&cli, "web", port, &[]);
    let mut inside = tunnel.connect();
    let (mut outside, _) = service.accept().unwrap();
    outside.write_all(b"x").unwrap();
    let mut byte = [0];
    inside.read_exact(&mut byte).unwrap();

    let path = format!("{APPLICATIONS}{}/", scene.application);
    scene
        .root
        .patch(&path, &json!({"is_active": false}))
        .expect(200);
    // Either end of the way through sees it close.
    let ended = outside.read(&mut byte);
    assert!(matches!(ended, Ok(0) | Err(_)), "{ended:?}");
    let open = "SELECT count(*) FROM tunnels WHERE closed_at IS NULL";
    eventually("the tunnel is on record as closed", || {
        (scene.system.database().integer(open) == 0).then_some(())
    });
}

#[test]
fn file_rules_of_an_application_name_the_account() {
    let scene = scene();
    scene.allow_server();
    let own = scene.own_name();
    let ask = |username: &str| {
        let body = json!({
            "path": "/etc/hostname", "name": "hostname", "server": scene.agent.id(),
            "username": username, "groupname": "", "resource_type": "file",
        });
        scene.app.post("/api/webftp/downloads/", &body)
    };
    ask(&own).refuses(403, "api_token_acl_not_allowed");
    let rule = json!({
        "service_token": scene.token, "path": "/etc/*", "action": "download", "username": own,
    });
    scene
        .root
        .post("/api/security/file-acl/", &rule)
        .expect(201);
    ask("nobody").refuses(403, "api_token_acl_not_allowed");
    // Without an account there is none to fall back to.
    ask("").expect(400);
    let link = ask(&own).expect(201).text_at("/download_url");
    let path = link.strip_prefix(scene.system.url()).unwrap();
    let read = scene.system.anonymous().get(path).expect(200);
    assert_eq!(
        read.text(),
        std::fs::read_to_string("/etc/hostname").unwrap()
    );
}
