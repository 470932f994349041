//! People, groups and settings: what each may do, and the ways around it that must fail.

mod ends;
mod groups;
mod settings;
mod users;

use serde_json::{Value, json};
use testkit::{Api, Credential, System};

use crate::id;

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

    /// The first superuser.
    fn owner(&self) -> Person {
        Person {
            id: self.own_id(),
            api: self.root.clone(),
        }
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
