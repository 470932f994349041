//! People, groups and settings: what each may do, and the ways around it that must fail.

use serde_json::{Value, json};
use testkit::{Api, Credential, System, eventually};

use crate::{create_session, from_now, id, submission};

const USERS: &str = "/api/iam/users/";
const GROUPS: &str = "/api/iam/groups/";
const MEMBERSHIPS: &str = "/api/iam/memberships/";
const ACCESS_CONTROL: &str = "/api/workspaces/access-control/-/";
const PASSWORD: &str = "correct horse battery staple";

struct Scene {
    system: System,
    /// The first superuser, logged in with a password.
    root: Api,
}

fn scene() -> Scene {
    let system = System::start();
    let root = system.api_with_password();
    Scene { system, root }
}

/// Somebody with an account.
struct Person {
    id: String,
    api: Api,
}

impl Person {
    fn path(&self) -> String {
        format!("{USERS}{}/", self.id)
    }
}

impl Scene {
    #[track_caller]
    fn person(&self, name: &str, more: &Value) -> Person {
        let created = self.root.post(USERS, &new_user(name, more)).expect(201);
        Person {
            id: id(&created.json()),
            api: self.log_in(name),
        }
    }

    #[track_caller]
    fn log_in(&self, name: &str) -> Api {
        let login = self.try_log_in(name, PASSWORD).expect(200);
        self.as_token(login.text_at("/token"))
    }

    fn try_log_in(&self, name: &str, password: &str) -> testkit::Answer {
        let body = json!({"workspace_url": "", "username": name, "password": password});
        self.system.anonymous().post("/api/auth/login/", &body)
    }

    fn as_token(&self, token: String) -> Api {
        self.system.anonymous().as_caller(Credential::Token(token))
    }

    fn own_id(&self) -> String {
        id(&self.root.get("/api/iam/users/-/").expect(200).json())
    }

    #[track_caller]
    fn group(&self, name: &str, servers: &[&str]) -> String {
        let body = json!({"name": name, "display_name": name, "servers": servers});
        id(&self.root.post(GROUPS, &body).expect(201).json())
    }

    #[track_caller]
    fn built_in(&self) -> Value {
        let page = self.root.get(&format!("{GROUPS}?name=alpacon")).expect(200);
        let page = page.json();
        assert_eq!(page["count"], 1, "{page}");
        page["results"][0].clone()
    }

    /// Takes a server out of the built-in group, so that only its own groups show it.
    #[track_caller]
    fn hide(&self, server: &str) {
        let path = format!("/api/servers/servers/{server}/");
        self.root.patch(&path, &json!({"groups": []})).expect(200);
    }
}

fn new_user(name: &str, more: &Value) -> Value {
    let mut body = json!({
        "username": name, "password": PASSWORD, "first_name": "", "last_name": "",
        "email": format!("{name}@example.com"), "phone": "", "tags": "", "description": "",
        "shell": "", "is_active": true, "is_staff": false, "is_superuser": false,
        "is_ldap_user": false,
    });
    for (key, value) in more.as_object().into_iter().flatten() {
        body[key] = value.clone();
    }
    body
}

fn member(group: &str, user: &str, role: &str) -> Value {
    json!({"group": group, "user": user, "role": role})
}

#[test]
fn a_new_user_can_log_in_and_is_shown_in_full() {
    let scene = scene();
    let uma = scene.person("uma", &json!({"tags": "#a"}));
    let own = uma.api.get("/api/iam/users/-/").expect(200).json();
    for (member, expected) in [
        ("username", json!("uma")),
        ("shell", json!("/bin/bash")),
        ("tags", json!("#a")),
        ("is_active", json!(true)),
        ("is_staff", json!(false)),
        ("num_groups", json!(1)),
    ] {
        assert_eq!(own[member], expected, "{own}");
    }
    assert!(own.get("password_hash").is_none() && own.get("password").is_none());
    let page = scene.root.get(&format!("{USERS}?username=uma")).expect(200);
    let page = page.json();
    assert_eq!(page["count"], 1, "{page}");
    assert_eq!(page["results"][0]["id"], json!(uma.id));
    scene.root.delete(USERS).expect(405);
}

#[test]
fn guessable_passwords_and_odd_names_are_refused() {
    let scene = scene();
    for password in [
        "",
        "short",
        "aaaaaaaaaaaaaaa",
        "Password!2024",
        "uma-uma-uma-uma",
    ] {
        let body = new_user("umauma", &json!({"password": password, "username": "uma-"}));
        let answer = scene.root.post(USERS, &body).expect(400).json();
        assert!(answer["password"].is_array(), "{password}: {answer}");
    }
    for (name, code) in [
        ("Uma", "user_username_invalid"),
        ("u ma", "user_username_invalid"),
        ("root", "user_username_disallowed"),
        ("alpacon", "user_username_disallowed"),
    ] {
        let body = new_user(name, &json!({"email": ""}));
        scene.root.post(USERS, &body).refuses(400, code);
    }
    scene.person("uma", &json!({}));
    let again = new_user("uma", &json!({}));
    scene
        .root
        .post(USERS, &again)
        .refuses(400, "user_username_in_use");
}

#[test]
fn filters_match_what_they_say_and_nothing_more() {
    let scene = scene();
    scene.person("uma", &json!({}));
    for query in [
        format!("{USERS}?username=u%25"),
        format!("{USERS}?username=%25"),
        format!("{USERS}?username=UMA"),
        format!("{USERS}?username=uma'%20OR%20'1'%3D'1"),
        format!("{GROUPS}?name=%25"),
        format!("{GROUPS}?name=alp_con"),
    ] {
        let page = scene.root.get(&query).expect(200).json();
        assert_eq!(page["count"], 0, "{query}: {page}");
        assert_eq!(page["results"], json!([]), "{query}: {page}");
    }
    for query in [
        format!("{USERS}?is_superuser=1"),
        format!("{MEMBERSHIPS}?group=x"),
        format!("{MEMBERSHIPS}?user=1%20OR%201"),
    ] {
        scene.root.get(&query).expect(400);
    }
    // What a filter does not know is no way to ask for what is not shown.
    let query = format!("{USERS}?password_hash__startswith=%24&is_staff=false");
    let page = scene.root.get(&query).expect(200).json();
    assert_eq!(page["count"], 1, "{page}");
    assert_eq!(page["results"][0]["username"], "uma");
    assert!(!page.to_string().contains("argon2"));
}

#[test]
fn nobody_gains_privileges_by_creating_or_changing_users() {
    let scene = scene();
    let staff = scene.person("sally", &json!({"is_staff": true}));
    let plain = scene.person("uma", &json!({}));
    let superuser = format!("{USERS}{}/", scene.own_id());

    let new = new_user("eve", &json!({}));
    plain.api.post(USERS, &new).expect(403);
    for privilege in ["is_staff", "is_superuser"] {
        let grant = json!({privilege: true});
        staff.api.post(USERS, &new_user("eve", &grant)).expect(403);
        for (caller, target) in [
            (&staff, staff.path()),
            (&staff, plain.path()),
            (&plain, plain.path()),
            (&plain, staff.path()),
        ] {
            // The whole document, as clients send it.
            let mut document = caller.api.get(&target).expect(200).json();
            if document[privilege] == json!(true) {
                continue;
            }
            document[privilege] = json!(true);
            caller.api.patch(&target, &document).expect(403);
            let after = scene.root.get(&target).expect(200).json();
            assert_eq!(after[privilege], false, "{after}");
        }
    }
    // What would give somebody else's account on hosts.
    plain
        .api
        .patch(&plain.path(), &json!({"uid": 0}))
        .expect(403);
    staff
        .api
        .patch(&plain.path(), &json!({"uid": 0}))
        .expect(403);
    // Accounts of superusers are not for staff.
    for change in [
        json!({"email": "x@example.com"}),
        json!({"is_active": false}),
    ] {
        staff.api.patch(&superuser, &change).expect(403);
    }
    staff.api.delete(&superuser).expect(403);
    plain.api.delete(&staff.path()).expect(403);
    // And what is theirs works.
    plain
        .api
        .patch(&plain.path(), &json!({"first_name": "Uma"}))
        .expect(200);
    staff
        .api
        .patch(&plain.path(), &json!({"tags": "#x"}))
        .expect(200);
    staff.api.post(USERS, &new).expect(201);
}

#[test]
fn read_only_members_of_a_document_are_ignored() {
    let scene = scene();
    let uma = scene.person("uma", &json!({}));
    let before = scene.root.get(&uma.path()).expect(200).json();
    let mut document = before.clone();
    for (member, value) in [
        ("id", json!(scene.own_id())),
        ("username", json!("root")),
        ("password", json!("another password for her")),
        ("password_hash", json!("x")),
        ("workspace_id", json!(uuid::Uuid::now_v7())),
        ("num_groups", json!(99)),
        ("is_ldap_user", json!(true)),
        ("date_joined", json!("2001-01-01T00:00:00Z")),
        ("of_the_future", json!({"deep": [1]})),
    ] {
        document[member] = value;
    }
    let after = scene.root.patch(&uma.path(), &document).expect(200).json();
    assert_eq!(after, before);
    scene.log_in("uma");
    scene
        .try_log_in("uma", "another password for her")
        .expect(401);
}

#[test]
fn a_token_hands_out_no_privileges() {
    let scene = scene();
    let token = scene.system.api();
    let body = new_user("eve", &json!({"is_superuser": true}));
    token.post(USERS, &body).expect(403);
    let uma = scene.person("uma", &json!({}));
    token
        .patch(&uma.path(), &json!({"is_superuser": true}))
        .expect(403);
    token
        .patch(ACCESS_CONTROL, &json!({"allow_direct_root": false}))
        .expect(403);
    // One without the scope does nothing at all.
    let made = scene
        .root
        .post(
            "/api/auth/tokens/",
            &json!({"name": "reader", "scopes": ["user:read"]}),
        )
        .expect(201);
    let reader = scene.as_token(made.text_at("/key"));
    reader.get(&uma.path()).expect(200);
    reader
        .patch(&uma.path(), &json!({"first_name": "x"}))
        .refuses(403, "api_token_scope_not_allowed");
    reader
        .delete(&uma.path())
        .refuses(403, "api_token_scope_not_allowed");
    reader
        .get(GROUPS)
        .refuses(403, "api_token_scope_not_allowed");
}

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
fn the_built_in_group_holds_everyone_for_good() {
    let scene = scene();
    let agent = scene.system.public_agent("host");
    let uma = scene.person("uma", &json!({}));
    let group = scene.built_in();
    assert_eq!(group["num_members"], 2, "{group}");
    assert_eq!(group["members_names"].as_array().unwrap().len(), 2);
    assert_eq!(group["servers"][0]["id"], json!(agent.id()));
    assert!(group["gid"].as_i64().unwrap() > 0);
    let group = id(&group);
    scene.root.delete(&format!("{GROUPS}{group}/")).expect(403);
    scene
        .root
        .post(MEMBERSHIPS, &member(&group, &uma.id, "owner"))
        .expect(403);
    let query = format!("{MEMBERSHIPS}?group={group}&user={}", uma.id);
    let rows = scene.root.get(&query).expect(200).json();
    assert_eq!(rows[0]["role"], "member", "{rows}");
    let path = format!("{MEMBERSHIPS}{}/", id(&rows[0]));
    scene.root.delete(&path).expect(403);
    uma.api.delete(&path).expect(403);
    let again = json!({"name": "alpacon", "display_name": "x", "servers": []});
    scene.root.post(GROUPS, &again).expect(409);
}

#[test]
fn a_group_shows_its_servers_to_its_members_only() {
    let scene = scene();
    let agent = scene.system.public_agent("host");
    let server = format!("/api/servers/servers/{}/", agent.id());
    let uma = scene.person("uma", &json!({}));
    uma.api.get(&server).expect(200);
    scene.hide(agent.id());
    uma.api.get(&server).expect(404);
    let group = scene.group("ops", &[agent.id()]);
    let shown = uma.api.get(&format!("{GROUPS}{group}/")).expect(200).json();
    assert_eq!(shown["servers"], json!([]), "{shown}");

    let made = scene
        .root
        .post(MEMBERSHIPS, &member(&group, &uma.id, "Member"));
    let made = made.expect(201).json();
    assert_eq!(made["role"], "member", "{made}");
    assert_eq!(made["group_name"], "ops");
    assert_eq!(made["user"]["id"], json!(uma.id));
    scene
        .root
        .post(MEMBERSHIPS, &member(&group, &uma.id, "manager"))
        .expect(409);
    uma.api.get(&server).expect(200);
    let shown = uma.api.get(&format!("{GROUPS}{group}/")).expect(200).json();
    assert_eq!(shown["servers"][0]["id"], json!(agent.id()), "{shown}");

    scene
        .root
        .delete(&format!("{MEMBERSHIPS}{}/", id(&made)))
        .expect(204);
    uma.api.get(&server).expect(404);
    scene.root.delete(&format!("{GROUPS}{group}/")).expect(204);
    scene.root.get(&server).expect(200);
}

#[test]
fn whoever_leaves_a_group_no_longer_hears_of_its_servers() {
    let scene = scene();
    let agent = scene.system.public_agent("host");
    scene.hide(agent.id());
    let group = scene.group("ops", &[agent.id()]);
    let uma = scene.person("uma", &json!({}));
    let body = member(&group, &uma.id, "member");
    let membership = id(&scene.root.post(MEMBERSHIPS, &body).expect(201).json());
    let session = uma.api.post("/api/events/sessions/", &json!(null));
    let session = session.expect(201).json();
    let url = session["websocket_url"].as_str().unwrap();
    let mut channel = uma.api.socket_url(url).unwrap();
    let subscription = json!({
        "channel": session["channel_id"],
        "event_type": "command_fin",
        "target_id": agent.id(),
    });
    let path = "/api/events/subscriptions/";
    uma.api.post(path, &subscription).expect(201);
    scene
        .root
        .delete(&format!("{MEMBERSHIPS}{membership}/"))
        .expect(204);
    assert_eq!(channel.next_json(), None, "the channel is closed");
    assert!(uma.api.socket_url(url).is_err(), "and stays closed");
    assert!(uma.api.post(path, &subscription).status >= 400);
}

#[test]
fn nobody_promotes_themselves_in_a_group() {
    let scene = scene();
    let group = scene.group("ops", &[]);
    let outsider = scene.person("otto", &json!({}));
    let plain = scene.person("uma", &json!({}));
    let manager = scene.person("mia", &json!({}));
    let staff = scene.person("sally", &json!({"is_staff": true}));
    let mut memberships = Vec::new();
    for (person, role) in [(&plain, "member"), (&manager, "MANAGER")] {
        let body = member(&group, &person.id, role);
        memberships.push(id(&scene.root.post(MEMBERSHIPS, &body).expect(201).json()));
    }
    let add = |by: &Person, whom: &Person, role: &str| {
        by.api.post(MEMBERSHIPS, &member(&group, &whom.id, role))
    };
    for role in ["member", "manager", "owner"] {
        add(&outsider, &outsider, role).expect(403);
        add(&plain, &plain, role).expect(403);
        add(&plain, &outsider, role).expect(403);
    }
    add(&manager, &manager, "owner").expect(403);
    add(&manager, &outsider, "owner").expect(403);
    add(&staff, &staff, "owner").expect(403);
    let query = format!("{MEMBERSHIPS}?group={group}&user={}", scene.own_id());
    let owner = id(&scene.root.get(&query).expect(200).json()[0]);
    manager
        .api
        .delete(&format!("{MEMBERSHIPS}{owner}/"))
        .expect(403);
    plain
        .api
        .delete(&format!("{MEMBERSHIPS}{}/", memberships[1]))
        .expect(403);
    plain
        .api
        .patch(&format!("{GROUPS}{group}/"), &json!({"description": "x"}))
        .expect(403);
    manager
        .api
        .patch(&format!("{GROUPS}{group}/"), &json!({"description": "x"}))
        .expect(200);
    add(&manager, &outsider, "member").expect(201);
    add(&scene_owner(&scene), &staff, "owner").expect(201);
    // Whoever leaves does not come back by themselves.
    manager
        .api
        .delete(&format!("{MEMBERSHIPS}{}/", memberships[1]))
        .expect(204);
    add(&manager, &manager, "member").expect(403);
    scene
        .root
        .post(MEMBERSHIPS, &member(&group, &plain.id, "king"))
        .refuses(400, "invalid_choice");
}

fn scene_owner(scene: &Scene) -> Person {
    Person {
        id: scene.own_id(),
        api: scene.root.clone(),
    }
}

#[test]
fn staff_group_only_the_servers_they_see() {
    let scene = scene();
    let (hidden, seen) = (
        scene.system.public_agent("hidden"),
        scene.system.public_agent("seen"),
    );
    scene.hide(hidden.id());
    let staff = scene.person("sally", &json!({"is_staff": true}));
    let body = json!({"name": "grab", "display_name": "g", "servers": [hidden.id()]});
    staff.api.post(GROUPS, &body).expect(400);
    let group = scene.group("ops", &[hidden.id(), seen.id()]);
    let path = format!("{GROUPS}{group}/");
    let mut document = staff.api.get(&path).expect(200).json();
    assert_eq!(document["servers"].as_array().unwrap().len(), 1);
    // Sent back without the server they see; the one they do not see stays.
    document["servers"] = json!([]);
    document["name"] = json!("renamed");
    let changed = staff.api.patch(&path, &document).expect(200).json();
    assert_eq!(changed["name"], "ops", "a name stays");
    let left = scene.root.get(&path).expect(200).json();
    assert_eq!(left["servers"].as_array().unwrap().len(), 1, "{left}");
    assert_eq!(left["servers"][0]["id"], json!(hidden.id()));
    let plain = scene.person("uma", &json!({}));
    plain
        .api
        .patch(&path, &json!({"servers": [seen.id()]}))
        .expect(403);
    plain.api.post(GROUPS, &body).expect(403);
    plain.api.delete(&path).expect(403);
}

#[test]
fn a_username_is_chosen_once_from_what_is_free() {
    let scene = scene();
    let uma = scene.person("uma", &json!({}));
    let choose = |name: &str| {
        uma.api
            .post("/api/iam/username/", &json!({"username": name}))
    };
    choose("other").refuses(400, "user_username_already_set");
    let nameless = "UPDATE users SET username = '' WHERE username = 'uma'";
    assert_eq!(scene.system.database().execute(nameless), 1);
    let agent = scene.system.public_agent("host");
    let users = json!({"users": [{"uid": 1001, "username": "deploy", "gid": 1001}]});
    agent
        .api()
        .put("/api/servers/servers/-/commit/", &users)
        .expect_success();
    let taken = scene.system.ready().superuser.username.clone();
    scene.person("jane", &json!({}));
    for (name, code) in [
        ("", "user_username_invalid"),
        ("Uma", "user_username_invalid"),
        ("1uma", "user_username_invalid"),
        ("uma; id", "user_username_invalid"),
        ("root", "user_username_disallowed"),
        ("admin", "user_username_disallowed"),
        ("www-data", "user_username_disallowed"),
        ("jane", "user_username_in_use"),
        ("deploy", "approval_superuser_approve_required"),
    ] {
        choose(name).refuses(400, code);
    }
    assert!(choose(&taken).status == 400, "{taken}");
    // A superuser can give what the user could not take.
    let chosen = choose("uma-2").expect(200).json();
    assert_eq!(chosen, json!({"id": uma.id, "username": "uma-2"}));
    choose("uma-3").refuses(400, "user_username_already_set");
    let own = uma.api.get("/api/iam/users/-/").expect(200).json();
    assert_eq!(own["username"], "uma-2");
}

#[test]
fn settings_are_read_by_all_and_changed_by_superusers() {
    let scene = scene();
    let uma = scene.person("uma", &json!({}));
    let staff = scene.person("sally", &json!({"is_staff": true}));
    for part in ["preferences", "access-control", "security"] {
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
    assert_eq!(methods.expect(200).json()["allowed_mfa_methods"], json!([]));
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

#[test]
fn a_deleted_server_loses_its_control_socket() {
    let scene = scene();
    let agent = scene.system.public_agent("host");
    let mut control = agent.api().socket("/ws/servers/control/").unwrap();
    assert_eq!(control.next_json().unwrap()["query"], "ping");
    scene
        .root
        .delete(&format!("/api/servers/servers/{}/", agent.id()))
        .expect(204);
    assert_eq!(control.next_json(), None);
    assert!(agent.api().socket("/ws/servers/control/").is_err());
}

#[test]
fn people_of_another_workspace_do_not_exist() {
    let scene = scene();
    let uma = scene.person("uma", &json!({}));
    let group = scene.group("ops", &[]);
    let database = scene.system.database();
    let tenant = database.uuid(&uuid::Uuid::now_v7().to_string());
    database.execute("UPDATE workspaces SET host = '127.0.0.1'");
    database.execute(&format!(
        "INSERT INTO workspaces (id, name, host, settings, added_at) \
         SELECT {tenant}, 'other', 'other.example.com', settings, added_at FROM workspaces"
    ));
    for (table, row) in [("users", &uma.id), ("groups", &group)] {
        let row = database.uuid(row);
        let moved = database.execute(&format!(
            "UPDATE {table} SET workspace_id = {tenant} WHERE id = {row}"
        ));
        assert_eq!(moved, 1);
    }
    uma.api.get("/api/auth/whoami/").expect(401);
    for path in [uma.path(), format!("{GROUPS}{group}/")] {
        scene.root.get(&path).expect(404);
        scene
            .root
            .patch(&path, &json!({"description": "x"}))
            .expect(404);
        scene.root.delete(&path).expect(404);
    }
    let own = scene.own_id();
    for body in [member(&group, &own, "member"), {
        let here = id(&scene
            .root
            .post(GROUPS, &json!({"name": "here", "display_name": "h"}))
            .expect(201)
            .json());
        member(&here, &uma.id, "member")
    }] {
        scene.root.post(MEMBERSHIPS, &body).expect(400);
    }
}
