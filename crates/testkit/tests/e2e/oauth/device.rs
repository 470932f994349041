//! The device grant.

use serde_json::json;
use testkit::System;

use super::{
    CLI, DEVICE, claims, decide_device, error, open_device, poll, signed_in, start_device, text,
    token,
};

#[test]
fn a_device_logs_in_once_its_user_agrees() {
    let system = System::start();
    let started = start_device(&system);
    assert!(started["expires_in"].is_u64() && started["interval"].is_u64());
    let (code, user_code) = (text(&started, "device_code"), text(&started, "user_code"));
    let complete = text(&started, "verification_uri_complete");
    assert!(complete.starts_with(system.url()) && complete.ends_with(&user_code));
    assert_eq!(
        error(&poll(&system, &code).expect(400)),
        "authorization_pending"
    );

    let visitor = signed_in(&system);
    let page = open_device(&visitor, &user_code).expect(200);
    for part in [
        user_code.as_str(),
        "127.0.0.1",
        "alpacon-testkit",
        DEVICE,
        "Alpacon CLI",
    ] {
        assert!(page.html().contains(part), "{part} is not shown");
    }
    // Opening the link decides nothing.
    assert_eq!(error(&poll(&system, &code)), "authorization_pending");

    decide_device(&visitor, &user_code, "approve").expect(200);
    let tokens = poll(&system, &code).expect(200);
    assert_eq!(tokens.header("cache-control"), "no-store");
    let body = tokens.json();
    assert!(body["expires_in"].is_i64(), "{body}");
    let claims = claims(&text(&body, "access_token"));
    assert_eq!(claims["org"], "default");
    assert_eq!(claims["aud"], "urn:alpacon:api");
    assert_eq!(claims["iss"], system.url());
    assert_eq!(
        claims["https://alpacon.io/workspaces"][0]["schema_name"],
        "default"
    );
    let whoami = super::bearer(&system, &text(&body, "access_token"))
        .get("/api/auth/whoami/")
        .expect(200)
        .json();
    assert_eq!(whoami["auth"]["method"], "jwt");
    assert_eq!(
        whoami["user"]["username"],
        json!(system.ready().superuser.username)
    );
}

#[test]
fn every_spelling_and_form_of_the_endpoints_is_served() {
    let system = System::start();
    let api = system.anonymous();
    let json = json!({"client_id": CLI, "scope": "cli org:default", "more": [1]});
    for path in ["/oauth/device/code", "/oauth/device/code/"] {
        api.post(path, &json).expect(200);
        let form = b"client_id=alpacon-cli&scope=cli+unknown+org%3Adefault".to_vec();
        let kind = [("content-type", "application/x-www-form-urlencoded")];
        api.send(http::Method::POST, path, Some(form), &kind)
            .expect(200);
    }
    for path in ["/oauth/token", "/oauth/token/"] {
        assert_eq!(
            error(&api.post(path, &json!({"client_id": CLI}))),
            "unsupported_grant_type"
        );
    }
    for path in ["/oauth/revoke", "/oauth/revoke/"] {
        api.post(path, &json!({"client_id": CLI, "token": "unknown"}))
            .expect(200);
    }
    let document = api
        .get("/.well-known/oauth-authorization-server")
        .expect(200)
        .json();
    assert_eq!(document["issuer"], system.url());
    let keys = api.get("/.well-known/jwks.json").expect(200).json();
    assert_eq!(keys["keys"][0]["alg"], "ES256");
    assert!(keys["keys"][0].get("d").is_none());
}

#[test]
fn what_is_not_a_device_request_is_refused() {
    let system = System::start();
    let api = system.anonymous();
    for (body, expected) in [
        (
            json!({"client_id": "somebody", "scope": "cli"}),
            "invalid_client",
        ),
        (
            json!({"client_id": "alpacon-console", "scope": "cli"}),
            "invalid_client",
        ),
        (json!({}), "invalid_client"),
        (
            json!({"client_id": CLI, "scope": "org:other"}),
            "invalid_scope",
        ),
        (
            json!({"client_id": CLI, "scope": "a ".repeat(3000)}),
            "invalid_scope",
        ),
        (json!({"client_id": [CLI]}), "invalid_request"),
        (json!([]), "invalid_request"),
    ] {
        let answer = api.post("/oauth/device/code/", &body).expect(400);
        assert_eq!(error(&answer), expected, "{body}");
    }
}

#[test]
fn a_refused_login_gives_nothing() {
    let system = System::start();
    let started = start_device(&system);
    let visitor = signed_in(&system);
    decide_device(&visitor, &text(&started, "user_code"), "deny").expect(200);
    let code = text(&started, "device_code");
    assert_eq!(error(&poll(&system, &code)), "access_denied");
    // A decision stands.
    open_device(&visitor, &text(&started, "user_code")).expect(404);
    assert_eq!(error(&poll(&system, &code)), "access_denied");
}

#[test]
fn a_device_code_is_good_once() {
    let system = System::start();
    let started = start_device(&system);
    let code = text(&started, "device_code");
    decide_device(&signed_in(&system), &text(&started, "user_code"), "approve").expect(200);
    // Whoever stole it comes too late, also with another client id.
    let other = token(
        &system,
        &json!({
            "grant_type": "urn:ietf:params:oauth:grant-type:device_code",
            "device_code": code,
            "client_id": "alpacon-console",
        }),
    );
    assert_eq!(error(&other), "unauthorized_client");
    poll(&system, &code).expect(200);
    assert_eq!(error(&poll(&system, &code)), "invalid_grant");
    for wrong in ["", "alpdc-wrong", &text(&started, "user_code")] {
        assert_eq!(error(&poll(&system, wrong)), "invalid_grant");
    }
}

#[test]
fn an_expired_code_is_refused_on_both_sides() {
    let system = System::start();
    let started = start_device(&system);
    let approved = start_device(&system);
    let visitor = signed_in(&system);
    decide_device(&visitor, &text(&approved, "user_code"), "approve").expect(200);
    system
        .database()
        .execute("UPDATE device_codes SET expires_at = '2001-01-01 00:00:00+00:00'");
    open_device(&visitor, &text(&started, "user_code")).expect(404);
    for code in [&started, &approved] {
        assert_eq!(
            error(&poll(&system, &text(code, "device_code"))),
            "expired_token"
        );
    }
}

#[test]
fn a_code_is_decided_only_in_the_browser_that_showed_it() {
    let system = System::start();
    let started = start_device(&system);
    let user_code = text(&started, "user_code");
    let (victim, attacker) = (signed_in(&system), signed_in(&system));
    let seen = open_device(&attacker, &user_code);
    let victims = victim.get("/").field("csrf");
    let page = victim.post(
        "/device/",
        &[
            ("csrf", &victims),
            ("user_code", &user_code),
            ("ticket", &seen.field("ticket")),
            ("decision", "approve"),
        ],
    );
    assert_eq!(page.status(), 403);
    // Nor does the ticket of one code decide another.
    let other = start_device(&system);
    let page = attacker.post(
        "/device/",
        &[
            ("csrf", &seen.field("csrf")),
            ("user_code", &text(&other, "user_code")),
            ("ticket", &seen.field("ticket")),
            ("decision", "approve"),
        ],
    );
    assert_eq!(page.status(), 403);
    for code in [&started, &other] {
        assert_eq!(
            error(&poll(&system, &text(code, "device_code"))),
            "authorization_pending"
        );
    }
}

#[test]
fn nobody_decides_without_signing_in() {
    let system = System::start();
    let started = start_device(&system);
    let user_code = text(&started, "user_code");
    let visitor = system.visitor();
    let page = open_device(&visitor, &user_code).expect(303);
    assert!(
        page.location().starts_with("/login/?next=%2Fdevice%2F"),
        "{}",
        page.location()
    );
    let csrf = visitor.get("/login/").field("csrf");
    let page = visitor.post(
        "/device/",
        &[
            ("csrf", &csrf),
            ("user_code", &user_code),
            ("ticket", ""),
            ("decision", "approve"),
        ],
    );
    assert_eq!(page.status(), 303);
    assert_eq!(
        error(&poll(&system, &text(&started, "device_code"))),
        "authorization_pending"
    );
}

#[test]
fn codes_are_not_found_by_trying() {
    let system = System::start();
    let visitor = signed_in(&system);
    let limited = (0..30).any(|_| open_device(&visitor, "BBBB-BBBB").status() == 429);
    assert!(limited, "30 wrong codes in a row were all looked at");
}

#[test]
fn a_user_who_was_locked_after_agreeing_gets_nothing() {
    let system = System::start();
    let started = start_device(&system);
    decide_device(&signed_in(&system), &text(&started, "user_code"), "approve").expect(200);
    system
        .database()
        .execute("UPDATE users SET is_active = false");
    assert_eq!(
        error(&poll(&system, &text(&started, "device_code"))),
        "invalid_grant"
    );
}
