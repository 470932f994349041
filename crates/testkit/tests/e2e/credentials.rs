//! Credentials that no longer hold, and what each may do.

use serde_json::json;
use testkit::{Credential, System, eventually};

use crate::accounts::{create_user, log_in, try_log_in};
use crate::submission;

#[test]
fn a_wrong_password_is_refused_without_a_hint() {
    let system = System::start();
    let login =
        |username: &str, password: &str| try_log_in(&system.anonymous(), username, password);
    let name = &system.ready().superuser.username;
    let wrong = login(name, "wrong");
    let unknown = login("nobody-here", "wrong");
    assert!((400..500).contains(&wrong.status), "{}", wrong.status);
    assert_eq!(wrong.status, unknown.status);
    assert_eq!(wrong.json(), unknown.json(), "it tells accounts apart");
}

#[test]
fn guessing_passwords_is_slowed_down() {
    let system = System::start();
    let name = &system.ready().superuser.username;
    let limited = (0..200).any(|_| {
        let answer = try_log_in(&system.anonymous(), name, "wrong");
        let limited = answer.status == 429;
        if limited {
            let wait: u64 = answer.header("retry-after").parse().unwrap();
            assert!(wait > 0);
        }
        limited
    });
    assert!(limited, "200 wrong passwords in a row were all looked at");
}

#[test]
fn logout_ends_the_login() {
    let system = System::start();
    let user = system.api_with_password();
    user.get("/api/auth/whoami/").expect(200);
    // The public CLI posts the JSON text `null`.
    user.post("/api/auth/logout/", &json!(null))
        .expect_success();
    user.get("/api/auth/whoami/").expect(401);
}

#[test]
fn logout_spares_an_api_token() {
    let system = System::start();
    system
        .api()
        .post("/api/auth/logout/", &json!(null))
        .expect_success();
    system.api().get("/api/auth/whoami/").expect(200);
}

#[test]
fn an_expired_login_is_401() {
    let system = System::start();
    let user = system.api_with_password();
    let changed = system
        .database()
        .execute("UPDATE logins SET expires_at = '2001-01-01 00:00:00+00:00'");
    assert!(changed >= 1);
    user.get("/api/auth/whoami/").expect(401);
}

#[test]
fn an_expired_token_is_401_everywhere() {
    let system = System::start();
    let agent = system.public_agent("host");
    let database = system.database();
    let changed =
        database.execute("UPDATE api_tokens SET expires_at = '2001-01-01 00:00:00+00:00'");
    assert!(changed >= 1);
    let api = system.api();
    for path in ["/api/auth/whoami/", "/api/status/", "/api/servers/servers/"] {
        let answer = api.get(path).expect(401);
        assert!(answer.json()["detail"].is_string(), "{}", answer.text());
    }
    api.post(
        "/api/events/commands/",
        &submission(agent.id(), "true", None),
    )
    .expect(401);
}

#[test]
fn a_token_is_changed_by_its_owner_logged_in() {
    let system = System::start();
    let owner = system.api_with_password();
    let tokens = "/api/auth/tokens/";
    let body = json!({"name": "ci", "expires_at": null, "scopes": ["server:read"]});
    let created = owner.post(tokens, &body).expect(201);
    let token = format!("{tokens}{}/", created.text_at("/id"));
    let api = system
        .anonymous()
        .as_caller(Credential::Token(created.text_at("/key")));
    api.get("/api/servers/servers/").expect(200);
    eventually("the use is noted", || {
        let row = owner.get(&format!("{tokens}?name=ci")).expect(200).json();
        row["results"][0]["last_used_at"].is_string().then_some(())
    });
    // Never by a token, not even this one of itself.
    let wider = json!({"scopes": ["*"]});
    api.patch(&token, &wider).expect(403);
    system.api().patch(&token, &wider).expect(403);
    create_user(&owner, "eve", &json!({"is_superuser": true}));
    log_in(&system.anonymous(), "eve")
        .patch(&token, &wider)
        .expect(404);

    for bad in [
        json!({"name": ""}),
        json!({"enabled": "no"}),
        json!({"scopes": "server:read"}),
        json!({"scopes": ["nonsense"]}),
        json!({"expires_at": "2001-01-01T00:00:00Z"}),
        json!({"expires_at": "tomorrow"}),
    ] {
        owner.patch(&token, &bad).expect(400);
    }
    owner
        .post(tokens, &json!({"name": "other", "expires_at": null}))
        .expect(201);
    owner.patch(&token, &json!({"name": "other"})).expect(409);
    let whole = owner.get(&format!("{tokens}?name=ci")).expect(200).json()["results"][0].clone();
    assert_eq!(owner.patch(&token, &whole).expect(200).json(), whole);

    let narrowed = owner
        .patch(&token, &json!({"scopes": ["group:read"]}))
        .expect(200);
    assert_eq!(narrowed.json()["scopes"], json!(["group:read"]));
    api.get("/api/servers/servers/").expect(403);
    owner.patch(&token, &json!({"enabled": false})).expect(200);
    api.get("/api/iam/groups/").expect(401);
    owner.patch(&token, &json!({"enabled": true})).expect(200);
    api.get("/api/iam/groups/").expect(200);

    let copies: Vec<String> = (0..3)
        .map(|_| {
            let copy = owner.post(&format!("{token}duplicate/"), &json!({}));
            copy.expect(201).text_at("/name")
        })
        .collect();
    assert_eq!(copies, ["ci-copy", "ci-copy-2", "ci-copy-3"]);
}

#[test]
fn a_deleted_token_is_401() {
    let system = System::start();
    let database = system.database();
    for table in ["command_acls", "server_acls", "file_acls", "api_tokens"] {
        database.execute(&format!("DELETE FROM {table}"));
    }
    system.api().get("/api/auth/whoami/").expect(401);
}

#[test]
fn a_locked_account_is_refused() {
    let system = System::start();
    let user = system.api_with_password();
    let changed = system
        .database()
        .execute("UPDATE users SET is_active = false");
    assert_eq!(changed, 1);
    let answer = user.get("/api/auth/whoami/");
    assert!(matches!(answer.status, 401 | 403), "{}", answer.text());
    let answer = system.api().get("/api/auth/whoami/");
    assert!(matches!(answer.status, 401 | 403), "{}", answer.text());
}

#[test]
fn an_agents_key_opens_only_its_own_doors() {
    let system = System::start();
    let agent = system.public_agent("host");
    for path in [
        "/api/servers/servers/",
        "/api/auth/whoami/",
        "/api/work-sessions/sessions/",
        "/api/audit/activity/",
    ] {
        let answer = agent.api().get(path);
        assert!(
            matches!(answer.status, 401 | 403),
            "{path}: {} {}",
            answer.status,
            answer.text()
        );
    }
    let answer = agent
        .api()
        .post("/api/events/commands/", &submission(agent.id(), "id", None));
    assert!(matches!(answer.status, 401 | 403), "{}", answer.text());
}

#[test]
fn an_agent_cannot_report_for_another() {
    let system = System::start();
    let mut first = system.public_agent("one");
    let second = system.public_agent("two");
    let command = crate::submit(&system.api(), first.id(), "echo mine", None);
    loop {
        if first.next_command()["id"] == json!(command) {
            break;
        }
    }
    // Ignored rather than refused: the agent's queue must not stall.
    let answer = second.fin(&command, 0, "forged");
    assert!(answer.status < 500, "{}", answer.status);
    let shown = system
        .api()
        .get(&format!("/api/events/commands/{command}/"))
        .json();
    assert!(shown["success"].is_null(), "{shown}");
    assert_ne!(shown["result"], "forged");
}

#[test]
fn a_registration_token_registers_and_nothing_else() {
    let system = System::start();
    let token = Credential::Token(system.ready().registration_token.clone());
    let api = system.anonymous().as_caller(token);
    for path in ["/api/auth/whoami/", "/api/servers/servers/"] {
        let answer = api.get(path);
        assert!(matches!(answer.status, 401 | 403), "{}", answer.text());
    }
    let bad = system
        .anonymous()
        .as_caller(Credential::Token("alpacax_wrong".to_owned()))
        .post(
            "/api/servers/servers/register/",
            &json!({"name": "x", "platform": "debian"}),
        );
    assert!(matches!(bad.status, 401 | 403), "{}", bad.text());
}

#[test]
fn everything_but_the_open_doors_needs_a_credential() {
    let system = System::start();
    let nobody = system.anonymous();
    for path in ["/healthz", "/readyz", "/api/auth/env/?client=cli"] {
        nobody.get(path).expect(200);
    }
    for path in [
        "/api/status/",
        "/api/auth/whoami/",
        "/api/iam/users/-",
        "/api/iam/users/-/",
        "/api/servers/servers/",
        "/api/servers/servers/-/",
        "/api/servers/registration-tokens/",
        "/api/work-sessions/sessions/",
        "/api/events/commands/",
        "/api/history/logs/",
        "/api/audit/activity/",
        "/api/metrics/config/",
    ] {
        let answer = nobody.get(path);
        assert!(
            matches!(answer.status, 401 | 403),
            "{path}: {} {}",
            answer.status,
            answer.text()
        );
    }
}

#[test]
fn a_deleted_server_loses_its_control_socket() {
    let system = System::start();
    let agent = system.public_agent("host");
    let mut control = agent.api().socket("/ws/servers/control/").unwrap();
    assert_eq!(control.next_json().unwrap()["query"], "ping");
    system
        .api()
        .delete(&format!("/api/servers/servers/{}/", agent.id()))
        .expect(204);
    assert_eq!(control.next_json(), None);
    assert!(agent.api().socket("/ws/servers/control/").is_err());
}
