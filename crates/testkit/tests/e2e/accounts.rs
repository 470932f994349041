//! Accounts for tests, and logging in to them with the password.

use serde_json::{Value, json};
use testkit::{Answer, Api, Credential, System};

use crate::{changed, id};

pub(crate) const USERS: &str = "/api/iam/users/";
pub(crate) const LOGIN: &str = "/api/auth/login/";
pub(crate) const PASSWORD: &str = "correct horse battery staple";

/// What a new account is described by, with what `more` says otherwise.
pub(crate) fn new_user(name: &str, more: &Value) -> Value {
    let body = json!({
        "username": name, "password": PASSWORD, "first_name": "", "last_name": "",
        "email": format!("{name}@example.com"), "phone": "", "tags": "", "description": "",
        "shell": "", "is_active": true, "is_staff": false, "is_superuser": false,
        "is_ldap_user": false,
    });
    changed(body, more)
}

/// Creates an account and gives its id.
#[track_caller]
pub(crate) fn create_user(root: &Api, name: &str, more: &Value) -> String {
    id(&root.post(USERS, &new_user(name, more)).expect(201).json())
}

/// What the public CLI posts to log in.
pub(crate) fn login(name: &str, password: &str) -> Value {
    json!({"workspace_url": "", "username": name, "password": password})
}

pub(crate) fn try_log_in(anonymous: &Api, name: &str, password: &str) -> Answer {
    anonymous.post(LOGIN, &login(name, password))
}

/// Logs in with the password of all accounts here.
#[track_caller]
pub(crate) fn log_in(anonymous: &Api, name: &str) -> Api {
    let answer = try_log_in(anonymous, name, PASSWORD).expect(200);
    anonymous.as_caller(Credential::Token(answer.text_at("/token")))
}

/// Another superuser, logged in with a password.
#[track_caller]
pub(crate) fn second_superuser(system: &System) -> Api {
    let more = json!({"is_superuser": true});
    create_user(&system.api_with_password(), "second", &more);
    log_in(&system.anonymous(), "second")
}
