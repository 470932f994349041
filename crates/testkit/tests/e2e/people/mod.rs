//! People, groups and settings: what each may do, and the ways around it that must fail.

mod cli;
mod ends;
mod groups;
mod settings;
mod users;

use serde_json::{Value, json};
use testkit::{Api, Credential, System};

use crate::accounts::{self, USERS, create_user};
use crate::id;

const GROUPS: &str = "/api/iam/groups/";
const MEMBERSHIPS: &str = "/api/iam/memberships/";
const ACCESS_CONTROL: &str = "/api/workspaces/access-control/-/";

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
        Person {
            id: create_user(&self.root, name, more),
            api: self.log_in(name),
        }
    }

    #[track_caller]
    fn log_in(&self, name: &str) -> Api {
        accounts::log_in(&self.system.anonymous(), name)
    }

    fn try_log_in(&self, name: &str, password: &str) -> testkit::Answer {
        accounts::try_log_in(&self.system.anonymous(), name, password)
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

fn member(group: &str, user: &str, role: &str) -> Value {
    json!({"group": group, "user": user, "role": role})
}
