//! The authorization server: the flows, and the attacks on them that must fail.

mod bearer;
mod console;
mod device;
mod login;
mod refresh;
mod workspaces;

use serde_json::{Value, json};
use testkit::{Answer, Api, Credential, Page, System, Visitor};

pub(crate) const CLI: &str = "alpacon-cli";
pub(crate) const DEVICE: &str = "0f8fad5b-d9cb-469f-a165-70867728950e";

/// What a client holds after a login.
struct Tokens {
    access: String,
    refresh: String,
}

/// Signed in as the superuser.
fn signed_in(system: &System) -> Visitor {
    let visitor = system.visitor();
    let account = &system.ready().superuser;
    visitor
        .sign_in(&account.username, &account.password, "/")
        .expect(303);
    visitor
}

/// Starts a device login as the public CLI does.
pub(crate) fn start_device(system: &System) -> Value {
    system
        .anonymous()
        .post(
            "/oauth/device/code/",
            &json!({
                "client_id": CLI,
                "scope": format!(
                    "openid profile email offline_access cli org:default device:{DEVICE}"
                ),
                "audience": "urn:alpacon:api",
            }),
        )
        .expect(200)
        .json()
}

pub(crate) fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_default().to_owned()
}

/// Asks for the tokens of a device code.
pub(crate) fn poll(system: &System, device_code: &str) -> Answer {
    token(
        system,
        &json!({
            "grant_type": "urn:ietf:params:oauth:grant-type:device_code",
            "device_code": device_code,
            "client_id": CLI,
        }),
    )
}

pub(crate) fn token(system: &System, body: &Value) -> Answer {
    system.anonymous().post("/oauth/token/", body)
}

/// What `error` an OAuth endpoint answered.
pub(crate) fn error(answer: &Answer) -> String {
    text(&answer.json(), "error")
}

/// Opens the page of a user code.
pub(crate) fn open_device(visitor: &Visitor, user_code: &str) -> Page {
    visitor.get(&format!("/device/?user_code={user_code}"))
}

/// Decides on the page of a user code.
pub(crate) fn decide_device(visitor: &Visitor, user_code: &str, decision: &str) -> Page {
    let page = open_device(visitor, user_code).expect(200);
    let (csrf, ticket) = (page.field("csrf"), page.field("ticket"));
    visitor.post(
        "/device/",
        &[
            ("csrf", &csrf),
            ("user_code", user_code),
            ("ticket", &ticket),
            ("decision", decision),
        ],
    )
}

/// A whole device login of the superuser.
fn log_in(system: &System) -> Tokens {
    let started = start_device(system);
    let visitor = signed_in(system);
    decide_device(&visitor, &text(&started, "user_code"), "approve").expect(200);
    let answer = poll(system, &text(&started, "device_code")).expect(200);
    Tokens {
        access: answer.text_at("/access_token"),
        refresh: answer.text_at("/refresh_token"),
    }
}

pub(crate) fn refresh(system: &System, client: &str, refresh: &str) -> Answer {
    token(
        system,
        &json!({
            "grant_type": "refresh_token",
            "client_id": client,
            "refresh_token": refresh,
            "scope": "cli org:default",
        }),
    )
}

/// The API with an access token.
pub(crate) fn bearer(system: &System, access: &str) -> Api {
    system
        .anonymous()
        .as_caller(Credential::Raw(format!("Bearer {access}")))
}

/// The claims of a JWT, unverified.
pub(crate) fn claims(jwt: &str) -> Value {
    use base64::Engine as _;
    let part = jwt.split('.').nth(1).unwrap();
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD
        .decode(part)
        .unwrap();
    serde_json::from_slice(&bytes).unwrap()
}
