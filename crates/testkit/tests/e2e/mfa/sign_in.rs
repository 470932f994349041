//! The second factor at sign-in, and the ways past it.

use serde_json::json;

use super::{
    AUTHENTICATOR, ENROL, NEW_PASSWORD, PASSKEYS, PASSWORD, RECOVERY_CODES, SECOND_FACTOR,
    SECURITY, enrol_app, is_signed_in, recovery_codes, scene, send,
};

/// A password to change to.
const NEW: &str = "a different horse altogether";

#[test]
fn a_code_counts_once_in_any_tab() {
    let scene = scene();
    scene.person("uma", &json!({}));
    let (_, app) = scene.with_app("uma");
    let code = app.code();
    let first = scene.with_password("uma");
    let second = scene.with_password("uma");
    send(&first, SECOND_FACTOR, &[("code", &code)]).expect(303);
    // Seen over the shoulder, and used again: not by another sign-in either.
    send(&second, SECOND_FACTOR, &[("code", &code)]).expect(401);
    // Nor is an earlier one, once a later one was taken.
    send(&second, SECOND_FACTOR, &[("code", &app.code_in(-1))]).expect(401);
    send(&second, SECOND_FACTOR, &[("code", &app.code_in(1))]).expect(303);
    assert!(is_signed_in(&first) && is_signed_in(&second));
}

#[test]
fn a_second_tab_does_not_skip_the_second_factor() {
    let scene = scene();
    scene.person("uma", &json!({}));
    let (_, app) = scene.with_app("uma");
    let visitor = scene.with_password("uma");
    let tab = visitor.twin();
    for path in [
        "/",
        SECURITY,
        AUTHENTICATOR,
        PASSKEYS,
        RECOVERY_CODES,
        ENROL,
        "/mfa/x/",
    ] {
        let page = tab.get(path).expect(303);
        let way = page.location();
        assert!(way.starts_with("/login/"), "{path} leads to {way}");
    }
    for path in [AUTHENTICATOR, PASSKEYS, RECOVERY_CODES] {
        send(&tab, path, &[("code", "1"), ("answer", "{}")]).expect(303);
    }
    send(&visitor, SECOND_FACTOR, &[("code", &app.code())]).expect(303);
    // What the other tab holds was replaced.
    assert!(!is_signed_in(&tab));
    assert_eq!(tab.get(SECOND_FACTOR).expect(303).location(), "/login/");
}

#[test]
fn a_sign_in_is_of_one_person() {
    let scene = scene();
    scene.person("uma", &json!({}));
    scene.person("eve", &json!({}));
    let (_, _) = scene.with_app("uma");
    let (_, eves) = scene.with_app("eve");
    // Eve's own sign-in in one tab, Uma's password in the other: the last one holds.
    let browser = scene.with_password("eve");
    let tab = browser.twin();
    tab.sign_in("uma", PASSWORD, "/").expect(303);
    send(&tab, SECOND_FACTOR, &[("code", &eves.code())]).expect(401);
    assert!(!is_signed_in(&tab) && !is_signed_in(&browser));
}

#[test]
fn wrong_codes_run_into_a_wall_that_the_owner_does_not_feel() {
    let scene = scene();
    scene.person("uma", &json!({}));
    let (home, app) = scene.with_app("uma");
    let codes = recovery_codes(&home);
    // The attacker knows the password, and never signed in from here before.
    scene
        .system
        .database()
        .execute("UPDATE logins SET remote_ip = '192.0.2.1'");
    let attacker = scene.with_password("uma");
    let tries = (0..20)
        .map(|_| send(&attacker, SECOND_FACTOR, &[("code", "000000")]).status())
        .take_while(|status| *status == 401)
        .count();
    assert!((5..20).contains(&tries), "{tries} guesses");
    send(&attacker, SECOND_FACTOR, &[("code", &app.code())]).expect(429);
    // Starting anew gives no more guesses.
    let again = scene.with_password("uma");
    send(&again, SECOND_FACTOR, &[("code", &codes[0])]).expect(429);

    // The owner's own browser is known.
    let owner = home.twin();
    send(&owner, "/logout/", &[]).expect(303);
    owner.sign_in("uma", PASSWORD, "/").expect(303);
    send(&owner, SECOND_FACTOR, &[("code", &app.code())]).expect(303);
    assert!(is_signed_in(&owner));
    assert!(scene.audit().contains("a wrong code was presented for uma"));
}

#[test]
fn where_it_is_required_nobody_gets_in_without() {
    let scene = scene();
    scene.person("uma", &json!({}));
    scene.change_security(&json!({"mfa_required": true}));
    scene.log_in("uma", "").expect(403);
    let visitor = scene.with_password("uma");
    assert_eq!(visitor.get("/").expect(303).location(), "/login/?next=%2F");
    let page = visitor.get(SECOND_FACTOR).expect(303);
    assert_eq!(page.location(), ENROL);
    assert!(
        visitor
            .get(ENROL)
            .expect(200)
            .html()
            .contains("Authenticator app")
    );
    enrol_app(&visitor);
    assert!(is_signed_in(&visitor));
    // Once it is there, it is asked for and cannot be set up again instead.
    let thief = scene.with_password("uma");
    for path in [ENROL, AUTHENTICATOR, PASSKEYS] {
        assert_eq!(thief.get(path).expect(303).location(), SECOND_FACTOR);
    }
}

#[test]
fn a_password_is_replaced_only_after_the_second_factor() {
    let scene = scene();
    let uma = scene.person("uma", &json!({}));
    let (_, app) = scene.with_app("uma");
    // It leaked: whoever has it shall not choose the next one.
    let require = format!("/api/iam/users/{uma}/require-password-change/");
    scene.root.post(&require, &json!(null)).expect(204);
    let choice = [
        ("new_password", "a stapled horse of battery"),
        ("again", "a stapled horse of battery"),
    ];
    let visitor = scene.with_password("uma");
    let page = visitor.get(NEW_PASSWORD).expect(303);
    assert_eq!(page.location(), "/login/");
    let page = send(&visitor, NEW_PASSWORD, &choice).expect(303);
    assert_eq!(page.location(), "/login/");
    let page = send(&visitor, SECOND_FACTOR, &[("code", &app.code())]).expect(303);
    assert_eq!(page.location(), NEW_PASSWORD);
    send(&visitor, NEW_PASSWORD, &choice).expect(303);
    assert!(is_signed_in(&visitor));
}

#[test]
fn a_factor_that_is_not_taken_any_more_still_guards_the_account() {
    let scene = scene();
    scene.person("uma", &json!({}));
    let (_, app) = scene.with_app("uma");
    scene.change_security(&json!({"mfa_required": true, "allowed_mfa_methods": ["webauthn"]}));
    let visitor = scene.with_password("uma");
    assert_eq!(visitor.get(ENROL).expect(303).location(), SECOND_FACTOR);
    let page = send(&visitor, SECOND_FACTOR, &[("code", &app.code())]).expect(303);
    assert_eq!(page.location(), ENROL);
    assert!(!is_signed_in(&visitor));
    visitor.get(AUTHENTICATOR).expect(403);
    super::enrol_passkey(&visitor, &scene.system.browser_url());
    assert!(is_signed_in(&visitor));
}

#[test]
fn a_password_is_changed_over_the_api_with_a_code_too() {
    let scene = scene();
    scene.person("uma", &json!({}));
    let (home, app) = scene.with_app("uma");
    let codes = recovery_codes(&home);
    let change = |new: &str, otp: &str| {
        let mut body = json!({"username": "uma", "password": PASSWORD, "new_password": new});
        if !otp.is_empty() {
            body["otp"] = json!(otp);
        }
        scene.system.anonymous().post("/api/auth/password/", &body)
    };
    let refused = change(NEW, "").refuses(401, "auth_mfa_required");
    assert_eq!(refused.text_at("/source"), "password");
    change(NEW, "000000").expect(401);
    let code = app.code();
    // What is refused anyway costs no code.
    change("short", &code).refuses(400, "user_password_weak");
    assert!(is_signed_in(&home), "nothing was changed");
    change(NEW, &code).expect(204);
    assert!(!is_signed_in(&home), "every login ends");
    change(NEW, &codes[0]).expect(401);
    // An account without a factor needs none, not even where the workspace requires one:
    // it cannot be used before one is set up.
    scene.person("eve", &json!({}));
    scene.change_security(&json!({"mfa_required": true}));
    let body = json!({"username": "eve", "password": PASSWORD, "new_password": NEW});
    scene
        .system
        .anonymous()
        .post("/api/auth/password/", &body)
        .expect(204);
}

#[test]
fn a_password_login_of_the_api_sends_the_code_too() {
    let scene = scene();
    scene.person("uma", &json!({}));
    let (home, app) = scene.with_app("uma");
    let codes = recovery_codes(&home);
    let refused = scene.log_in("uma", "").expect(401);
    assert_eq!(refused.text_at("/code"), "auth_mfa_required");
    assert_eq!(refused.text_at("/source"), "login");
    scene.log_in("uma", "000000").expect(401);
    let code = app.code();
    scene.log_in("uma", &code).expect(200);
    scene.log_in("uma", &code).expect(401);
    scene.log_in("uma", &codes[0]).expect(200);
    // Who has none sends what they like.
    scene.person("eve", &json!({}));
    scene.log_in("eve", "123456").expect(200);
}
