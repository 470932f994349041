//! Locks: what runs ends, nothing new starts, and unlocking brings it back.

use serde_json::{Value, json};
use testkit::{Api, Credential, System, eventually};

use super::{Two, must};
use crate::accounts::{PASSWORD, create_user, log_in, try_log_in};
use crate::{create_session, id, submission, submit};

const LOCKS: &str = "/api/security/locks/";

/// A server with a superuser who locks and a person who works.
struct Scene {
    system: System,
    root: Api,
    /// Logged in.
    person: Api,
    person_id: String,
}

impl Scene {
    #[track_caller]
    fn start() -> Self {
        let system = System::start();
        let root = system.api_with_password();
        let own_rules = json!({"work_session_approval": "never", "allow_direct_root": true});
        root.patch("/api/workspaces/access-control/-/", &own_rules)
            .expect(200);
        let person_id = create_user(
            &root,
            "uma",
            &json!({"is_staff": true, "is_superuser": true}),
        );
        let person = log_in(&system.anonymous(), "uma");
        Self {
            system,
            root,
            person,
            person_id,
        }
    }

    /// A personal token of the person with rules for everything.
    #[track_caller]
    fn token(&self) -> (String, Api) {
        let body = json!({"name": "t", "scopes": ["*"]});
        let made = self.person.post("/api/auth/tokens/", &body).expect(201);
        let id = id(&made.json());
        let rule = json!({"token": id, "command": "*", "username": "*"});
        self.person
            .post("/api/security/command-acl/", &rule)
            .expect(201);
        let key = Credential::Token(made.text_at("/key"));
        (id, self.system.anonymous().as_caller(key))
    }

    #[track_caller]
    fn lock(&self, kind: &str, object: Option<&str>) -> String {
        let body = json!({"kind": kind, "object": object, "reason": "incident 7"});
        id(&self.root.post(LOCKS, &body).expect(201).json())
    }

    /// Starts a long command and waits until it runs.
    #[track_caller]
    fn running(&self, api: &Api, server: &str, session: Option<&str>) -> String {
        let mut body = submission(server, "sleep 600", session);
        body["username"] = json!(self.system.ready().superuser.username);
        let answer = api.post("/api/events/commands/", &body).expect_success();
        let command = answer.text_at("/0/id");
        self.system.wait_for(&command_path(&command), |command| {
            ["running", "acked"]
                .contains(&command["status"].as_str()?)
                .then_some(())
        });
        command
    }

    #[track_caller]
    fn wait_ended(&self, command: &str) {
        eventually("the command has ended", || {
            let row = self.root.get(&command_path(command));
            (row.status == 200 && row.json()["success"] == false).then_some(())
        });
    }
}

fn command_path(command: &str) -> String {
    format!("/api/events/commands/{command}/")
}

fn lock_path(lock: &str) -> String {
    format!("{LOCKS}{lock}/")
}

#[test]
fn a_locked_user_stops_at_once_and_goes_on_when_unlocked() {
    let scene = Scene::start();
    let agent = scene.system.agent("host");
    let session = id(&create_session(
        &scene.person,
        agent.id(),
        &["command"],
        &json!({}),
    ));
    let command = scene.running(&scene.person, agent.id(), Some(&session));
    let (_, token) = scene.token();
    let channel = scene.person.post("/api/events/sessions/", &json!(null));
    let url = channel.expect(201).text_at("/websocket_url");
    let mut channel = scene.person.socket_url(&url).unwrap();

    let lock = scene.lock("user", Some(&scene.person_id));
    scene.wait_ended(&command);
    assert_eq!(channel.next_json(), None, "the channel is closed");
    for api in [&scene.person, &token] {
        let refusal = api.get("/api/auth/whoami/").refuses(403, "user_locked");
        assert!(refusal.text().contains("incident 7"), "{}", refusal.text());
    }
    let anonymous = scene.system.anonymous();
    try_log_in(&anonymous, "uma", PASSWORD).refuses(403, "user_locked");
    // Whoever does not know the password does not get to know of the lock.
    try_log_in(&anonymous, "uma", "wrong").expect(401);

    scene.root.delete(&lock_path(&lock)).expect(204);
    for api in [&scene.person, &token] {
        api.get("/api/auth/whoami/").expect(200);
    }
    let records = scene.root.get("/api/audit/activity/?app=security");
    let records = records.expect(200).text();
    assert!(records.contains("unlock user uma"), "{records}");
    assert!(records.contains("\"lock user uma\""), "{records}");
}

#[test]
fn a_locked_token_stops_alone() {
    let scene = Scene::start();
    let agent = scene.system.agent("host");
    let (token_id, token) = scene.token();
    let rule = json!({"token": token_id, "server": agent.id()});
    scene
        .person
        .post("/api/security/server-acl/", &rule)
        .expect(201);
    let command = scene.running(&token, agent.id(), None);
    let lock = scene.lock("token", Some(&token_id));
    scene.wait_ended(&command);
    token
        .get("/api/auth/whoami/")
        .refuses(403, "api_token_locked");
    scene.person.get("/api/auth/whoami/").expect(200);
    // A token frees neither itself nor others.
    token.delete(&lock_path(&lock)).expect(403);
    scene.system.api().delete(&lock_path(&lock)).expect(403);
    scene.person.delete(&lock_path(&lock)).expect(204);
    token.get("/api/auth/whoami/").expect(200);
}

#[test]
fn a_locked_work_session_is_not_usable() {
    let scene = Scene::start();
    let agent = scene.system.agent("host");
    let session = id(&create_session(
        &scene.person,
        agent.id(),
        &["command"],
        &json!({}),
    ));
    let command = scene.running(&scene.person, agent.id(), Some(&session));
    let lock = scene.lock("work_session", Some(&session));
    scene.wait_ended(&command);
    let again = submission(agent.id(), "true", Some(&session));
    let refusal = scene.person.post("/api/events/commands/", &again);
    let refusal = refusal.refuses(403, "work_session_not_usable");
    assert!(refusal.text().contains("locked"), "{}", refusal.text());
    scene.root.delete(&lock_path(&lock)).expect(204);
    submit(&scene.person, agent.id(), "true", Some(&session));
}

#[test]
fn a_locked_server_takes_no_work_from_anybody() {
    let scene = Scene::start();
    let agent = scene.system.agent("host");
    let other = scene.system.agent("other");
    let api = scene.system.api();
    let command = scene.running(&api, agent.id(), None);
    let elsewhere = scene.running(&api, other.id(), None);
    let lock = scene.lock("server", Some(agent.id()));
    scene.wait_ended(&command);
    let again = submission(agent.id(), "true", None);
    api.post("/api/events/commands/", &again)
        .refuses(403, "server_locked");
    let row = api.get(&command_path(&elsewhere)).expect(200).json();
    assert_eq!(row["success"], Value::Null, "{row}");
    scene.root.delete(&lock_path(&lock)).expect(204);
    submit(&api, agent.id(), "true", None);
}

#[test]
fn a_locked_workspace_lets_its_superusers_in_to_unlock_it() {
    let two = Two::start();
    let scene_user = create_user(&two.here, "uma", &json!({}));
    let uma = log_in(&two.system.anonymous(), "uma");
    let agent = two.system.agent("host");
    let api = two.system.api();
    let command = submit(&api, agent.id(), "sleep 600", None);
    let lock = two
        .here
        .post(LOCKS, &json!({"kind": "workspace", "reason": "breach"}));
    let lock = id(&lock.expect(201).json());
    for caller in [&uma, &api] {
        caller
            .get("/api/auth/whoami/")
            .refuses(403, "workspace_locked");
    }
    try_log_in(&two.system.anonymous(), "uma", PASSWORD).refuses(403, "workspace_locked");
    // Superusers see to it, but work on servers is not for them either.
    two.here
        .get(&format!("/api/iam/users/{scene_user}/"))
        .expect(200);
    two.here
        .post(
            "/api/events/commands/",
            &submission(agent.id(), "true", None),
        )
        .refuses(403, "workspace_locked");
    eventually("the command has ended", || {
        let row = two.here.get(&command_path(&command)).expect(200).json();
        (!row["success"].is_null()).then_some(())
    });
    two.there.get("/api/auth/whoami/").expect(200);

    two.here.delete(&lock_path(&lock)).expect(204);
    uma.get("/api/auth/whoami/").expect(200);

    two.here
        .post(LOCKS, &json!({"kind": "workspace"}))
        .expect(201);
    must(&two.system, &["workspace", "unlock", "default"], "");
    eventually("the operator has unlocked it", || {
        (uma.get("/api/auth/whoami/").status == 200).then_some(())
    });
}

#[test]
fn nobody_locks_what_they_do_not_manage() {
    let scene = Scene::start();
    let agent = scene.system.public_agent("host");
    let own = id(&scene.root.get("/api/iam/users/-/").expect(200).json());
    create_user(&scene.root, "staff", &json!({"is_staff": true}));
    create_user(&scene.root, "joe", &json!({}));
    let anonymous = scene.system.anonymous();
    let staff = log_in(&anonymous, "staff");
    let joe = log_in(&anonymous, "joe");
    let (token, _) = scene.token();
    let attempt = |api: &Api, kind: &str, object: &str| {
        api.post(LOCKS, &json!({"kind": kind, "object": object}))
            .status
    };
    assert_eq!(attempt(&staff, "user", &own), 403);
    assert_eq!(attempt(&joe, "user", &own), 403);
    assert_eq!(attempt(&scene.root, "user", &own), 409, "not oneself");
    assert_eq!(attempt(&staff, "token", &token), 404);
    assert_eq!(attempt(&joe, "server", agent.id()), 403);
    for kind in ["user", "token", "server", "work_session", "workspace"] {
        let unknown = uuid::Uuid::now_v7().to_string();
        assert_eq!(attempt(&scene.root, kind, &unknown), 404, "{kind}");
    }
    for api in [&staff, &joe] {
        api.post(LOCKS, &json!({"kind": "workspace"})).expect(403);
    }
    // Nothing but a login could take that lock away again.
    let api = scene.system.api();
    api.post(LOCKS, &json!({"kind": "workspace"})).expect(403);
    joe.get(LOCKS).expect(403);
    scene
        .root
        .post(LOCKS, &json!({"kind": "planet"}))
        .refuses(400, "invalid_choice");
    scene.root.post(LOCKS, &json!({"kind": "user"})).expect(400);
    let locks = scene.root.get(LOCKS).expect(200).json();
    assert_eq!(locks["count"], 0, "{locks}");
}
