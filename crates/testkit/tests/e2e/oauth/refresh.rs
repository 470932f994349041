//! Refresh tokens, and ending logins.

use serde_json::json;
use testkit::{System, eventually};

use super::{CLI, bearer, claims, error, log_in, refresh, token};

#[test]
fn the_cli_keeps_its_refresh_token() {
    let system = System::start();
    let tokens = log_in(&system);
    for _ in 0..3 {
        let body = refresh(&system, CLI, &tokens.refresh).expect(200).json();
        assert!(body.get("refresh_token").is_none(), "{body}");
        let access = body["access_token"].as_str().unwrap();
        // What was granted stays, whatever the request named.
        assert_eq!(claims(access)["scope"], claims(&tokens.access)["scope"]);
        bearer(&system, access).get("/api/status/").expect(200);
    }
    bearer(&system, &tokens.access)
        .get("/api/status/")
        .expect(200);
}

#[test]
fn refreshes_that_do_not_hold_are_refused() {
    let system = System::start();
    let tokens = log_in(&system);
    for wrong in ["", "alprf-wrong", &tokens.access, &system.ready().api_token] {
        assert_eq!(
            error(&refresh(&system, CLI, wrong).expect(400)),
            "invalid_grant"
        );
    }
    let other = refresh(&system, "alpacon-console", &tokens.refresh);
    assert_eq!(error(&other), "invalid_grant", "of another client");
    let elsewhere = token(
        &system,
        &json!({
            "grant_type": "refresh_token",
            "client_id": CLI,
            "refresh_token": tokens.refresh,
            "scope": "cli org:other",
        }),
    );
    assert_eq!(error(&elsewhere), "invalid_scope");
    system
        .database()
        .execute("UPDATE logins SET expires_at = '2001-01-01 00:00:00+00:00'");
    assert_eq!(
        error(&refresh(&system, CLI, &tokens.refresh)),
        "invalid_grant"
    );
}

#[test]
fn a_revoked_login_ends_at_once() {
    let system = System::start();
    let tokens = log_in(&system);
    let other = log_in(&system);
    let api = bearer(&system, &tokens.access);
    api.get("/api/status/").expect(200);
    system
        .anonymous()
        .post(
            "/oauth/revoke/",
            &json!({"client_id": CLI, "token": tokens.refresh}),
        )
        .expect(200);
    api.get("/api/status/").expect(401);
    assert_eq!(
        error(&refresh(&system, CLI, &tokens.refresh)),
        "invalid_grant"
    );
    bearer(&system, &other.access)
        .get("/api/status/")
        .expect(200);
}

#[test]
fn a_blacklisted_token_ends_and_others_of_the_login_stay() {
    let system = System::start();
    let tokens = log_in(&system);
    let fresh = refresh(&system, CLI, &tokens.refresh).text_at("/access_token");
    bearer(&system, &tokens.access)
        .post("/api/auth0/token/blacklist/", &json!(null))
        .expect(204);
    bearer(&system, &tokens.access)
        .get("/api/status/")
        .expect(401);
    bearer(&system, &fresh).get("/api/status/").expect(200);
    // Again, and with a token that is none of ours.
    bearer(&system, &tokens.access)
        .post("/api/auth0/token/blacklist/", &json!(null))
        .expect(401);
    system
        .api()
        .post("/api/auth0/token/blacklist/", &json!(null))
        .expect(204);
    system.api().get("/api/status/").expect(200);
}

#[test]
fn logging_out_with_an_access_token_ends_the_login() {
    let system = System::start();
    let tokens = log_in(&system);
    bearer(&system, &tokens.access)
        .post("/api/auth/logout/", &json!(null))
        .expect(204);
    assert_eq!(
        error(&refresh(&system, CLI, &tokens.refresh)),
        "invalid_grant"
    );
}

/// As another node would see it: nobody told this one.
#[test]
fn a_revocation_elsewhere_is_seen_soon() {
    let system = System::start();
    let tokens = log_in(&system);
    let api = bearer(&system, &tokens.access);
    api.get("/api/status/").expect(200);
    system
        .database()
        .execute("DELETE FROM logins WHERE method = 'oauth'");
    eventually("the token is refused", || {
        (api.get("/api/status/").status == 401).then_some(())
    });
}

#[test]
fn a_locked_user_loses_every_login() {
    let system = System::start();
    let tokens = log_in(&system);
    let user = bearer(&system, &tokens.access)
        .get("/api/iam/users/-/")
        .expect(200)
        .text_at("/id");
    let admin = crate::accounts::second_superuser(&system);
    admin
        .patch(
            &format!("/api/iam/users/{user}/"),
            &json!({"is_active": false}),
        )
        .expect_success();
    bearer(&system, &tokens.access)
        .get("/api/status/")
        .expect(401);
    assert_eq!(
        error(&refresh(&system, CLI, &tokens.refresh)),
        "invalid_grant"
    );
}

#[test]
fn people_see_and_end_their_logins() {
    let system = System::start();
    let (one, two) = (log_in(&system), log_in(&system));
    let api = bearer(&system, &one.access);
    let list = api.get("/api/auth/sessions/").expect(200).json();
    let list = list.as_array().unwrap();
    let current: Vec<_> = list
        .iter()
        .filter(|row| row["is_current"] == true)
        .collect();
    assert_eq!(current.len(), 1);
    assert_eq!(current[0]["client"], CLI);
    assert!(list.iter().all(|row| row.get("token_hash").is_none()));
    let other = list
        .iter()
        .find(|row| row["method"] == "oauth" && row["is_current"] == false)
        .unwrap();
    let path = format!("/api/auth/sessions/{}/", other["id"].as_str().unwrap());
    api.delete(&path).expect(204);
    api.delete(&path).expect(404);
    bearer(&system, &two.access).get("/api/status/").expect(401);

    let three = log_in(&system);
    api.post("/api/auth/sessions/end/", &json!({})).expect(204);
    bearer(&system, &three.access)
        .get("/api/status/")
        .expect(401);
    api.get("/api/status/").expect(200);
    api.post("/api/auth/sessions/end/", &json!({"include_current": true}))
        .expect(204);
    api.get("/api/status/").expect(401);
    system.api().get("/api/auth/sessions/").expect(403);
}
