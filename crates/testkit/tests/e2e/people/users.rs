//! Creating, changing and finding users.

use serde_json::json;

use super::{ACCESS_CONTROL, GROUPS, MEMBERSHIPS, USERS, member, scene};
use crate::accounts::new_user;
use crate::id;

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
