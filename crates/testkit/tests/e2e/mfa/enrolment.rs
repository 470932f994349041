//! Setting factors up and removing them.

use serde_json::json;
use testkit::AuthenticatorApp;

use super::{
    AUTHENTICATOR, CHANGE_PASSWORD, CONFIRM, PASSKEYS, PASSWORD, RECOVERY_CODES, SECOND_FACTOR,
    SECURITY, enrol_app, enrol_passkey, is_signed_in, recovery_codes, scene, send,
};

#[test]
fn an_app_is_set_up_and_asked_for_from_then_on() {
    let scene = scene();
    scene.person("uma", &json!({}));
    let visitor = scene.with_password("uma");
    let first = visitor.get(AUTHENTICATOR).expect(200);
    assert!(first.html().contains("<svg class=\"qr\""));
    let seed = first.between("class=\"seed\">", "<");
    // The same while one tries, and a wrong code adds nothing.
    send(&visitor, AUTHENTICATOR, &[("code", "000000")]).expect(400);
    let again = visitor.get(AUTHENTICATOR).between("class=\"seed\">", "<");
    assert_eq!(again, seed);
    let app = AuthenticatorApp::new(&seed);
    let done = send(
        &visitor,
        AUTHENTICATOR,
        &[("code", &app.code()), ("name", "Uma's phone")],
    );
    assert!(done.expect(303).location().starts_with(RECOVERY_CODES));
    let page = visitor.get(SECURITY).expect(200).html();
    assert!(page.contains("Uma&#39;s phone"), "{page}");

    let other = scene.with_password("uma");
    assert!(!is_signed_in(&other));
    let page = other.get(SECOND_FACTOR).expect(200);
    assert!(page.html().contains("Code of your authenticator app"));
    send(&other, SECOND_FACTOR, &[("code", &app.code_in(1))]).expect(303);
    assert!(is_signed_in(&other));
    // A second app is another seed.
    let fresh = other.get(AUTHENTICATOR).expect(200);
    assert_ne!(fresh.between("class=\"seed\">", "<"), seed);
    let (sound, text) = scene.system.verify_audit();
    assert!(sound, "{text}");
    assert!(scene.audit().contains("uma set up the authenticator app"));
}

#[test]
fn nothing_changes_without_a_fresh_proof() {
    let scene = scene();
    scene.person("uma", &json!({}));
    let visitor = scene.with_password("uma");
    scene.let_proofs_age();
    for path in [AUTHENTICATOR, PASSKEYS, RECOVERY_CODES, CHANGE_PASSWORD] {
        let page = visitor.get(path).expect(303);
        assert!(page.location().starts_with(CONFIRM), "{path}");
    }
    let fields = [
        ("code", "123456"),
        ("answer", "{}"),
        ("current", PASSWORD),
        ("new", "another horse battery staple"),
        ("again", "another horse battery staple"),
    ];
    for path in [AUTHENTICATOR, PASSKEYS, RECOVERY_CODES, CHANGE_PASSWORD] {
        let page = send(&visitor, path, &fields).expect(303);
        assert!(page.location().starts_with(CONFIRM), "{path}");
    }
    let thief = visitor.twin();
    send(&visitor, CONFIRM, &[("password", "wrong")]).expect(401);
    let next = [("password", PASSWORD), ("next", AUTHENTICATOR)];
    let page = send(&visitor, CONFIRM, &next).expect(303);
    assert_eq!(page.location(), AUTHENTICATOR);
    enrol_app(&visitor);
    // Whoever holds a copy of the cookie from before has nothing.
    assert!(!is_signed_in(&thief));
}

#[test]
fn a_password_is_no_fresh_proof_where_there_is_a_factor() {
    let scene = scene();
    scene.person("uma", &json!({}));
    let (visitor, app) = scene.with_app("uma");
    scene.let_proofs_age();
    let id = visitor
        .get(SECURITY)
        .between("/account/security/factors/", "/");
    let remove = format!("/account/security/factors/{id}/remove/");
    for _ in 0..2 {
        assert!(send(&visitor, &remove, &[]).location().starts_with(CONFIRM));
        send(&visitor, CONFIRM, &[("password", PASSWORD)]).expect(400);
    }
    send(&visitor, CONFIRM, &[("code", &app.code())]).expect(303);
    assert_eq!(
        send(&visitor, &remove, &[]).expect(303).location(),
        SECURITY
    );
    assert!(
        !visitor
            .get(SECURITY)
            .html()
            .contains("authenticator app</span>")
    );
    assert!(scene.audit().contains("uma removed the authenticator app"));
}

#[test]
fn factors_of_others_are_out_of_reach() {
    let scene = scene();
    scene.person("uma", &json!({}));
    scene.person("eve", &json!({}));
    let (uma, app) = scene.with_app("uma");
    let (eve, eves) = scene.with_app("eve");
    let id = uma.get(SECURITY).between("/account/security/factors/", "/");
    send(
        &eve,
        &format!("/account/security/factors/{id}/remove/"),
        &[],
    )
    .expect(404);
    assert!(uma.get(SECURITY).html().contains(&id));
    // Nor does one's own factor prove anything for another account.
    let visitor = scene.with_password("uma");
    send(&visitor, SECOND_FACTOR, &[("code", &eves.code())]).expect(401);
    assert!(!is_signed_in(&visitor));
    send(&visitor, SECOND_FACTOR, &[("code", &app.code())]).expect(303);
}

#[test]
fn each_recovery_code_works_once_and_new_ones_replace_them() {
    let scene = scene();
    scene.person("uma", &json!({}));
    let (visitor, _) = scene.with_app("uma");
    let codes = recovery_codes(&visitor);
    assert_eq!(codes.len(), 10);
    let shown_again = visitor.get(RECOVERY_CODES).expect(200).html();
    assert!(codes.iter().all(|code| !shown_again.contains(code)));

    let other = scene.with_password("uma");
    send(&other, SECOND_FACTOR, &[("code", &codes[0].to_uppercase())]).expect(303);
    assert!(is_signed_in(&other));
    let again = scene.with_password("uma");
    send(&again, SECOND_FACTOR, &[("code", &codes[0])]).expect(401);
    assert!(visitor.get(RECOVERY_CODES).html().contains("9 left"));

    let new = recovery_codes(&visitor);
    send(&again, SECOND_FACTOR, &[("code", &codes[1])]).expect(401);
    send(&again, SECOND_FACTOR, &[("code", &new[1])]).expect(303);
    assert!(is_signed_in(&again));
    let stored = scene.system.database();
    let count = "SELECT COUNT(*) FROM recovery_codes WHERE LENGTH(code_hash) <> 64";
    assert_eq!(stored.integer(count), 0, "only hashes are stored");
    assert!(scene.audit().contains("used a recovery code, 9 are left"));
}

#[test]
fn recovery_codes_go_with_the_last_factor() {
    let scene = scene();
    scene.person("uma", &json!({}));
    let visitor = scene.with_password("uma");
    send(&visitor, RECOVERY_CODES, &[]).expect(409);
    let (visitor, _) = scene.with_app("uma");
    recovery_codes(&visitor);
    let id = visitor
        .get(SECURITY)
        .between("/account/security/factors/", "/");
    send(
        &visitor,
        &format!("/account/security/factors/{id}/remove/"),
        &[],
    )
    .expect(303);
    let left = scene
        .system
        .database()
        .integer("SELECT COUNT(*) FROM recovery_codes");
    assert_eq!(left, 0);
}

#[test]
fn a_required_factor_stays() {
    let scene = scene();
    scene.person("uma", &json!({}));
    let (visitor, _) = scene.with_app("uma");
    scene.change_security(&json!({"mfa_required": true}));
    let id = visitor
        .get(SECURITY)
        .between("/account/security/factors/", "/");
    let remove = format!("/account/security/factors/{id}/remove/");
    send(&visitor, &remove, &[]).expect(409);
    enrol_passkey(&visitor, &scene.system.browser_url());
    send(&visitor, &remove, &[]).expect(303);
}

#[test]
fn a_new_password_ends_every_login() {
    let scene = scene();
    scene.person("uma", &json!({}));
    let visitor = scene.with_password("uma");
    let other = scene.with_password("uma");
    let api = scene.api_of("uma", "");
    let change = |current: &str, new: &str, again: &str| {
        let fields = [("current", current), ("new", new), ("again", again)];
        send(&visitor, CHANGE_PASSWORD, &fields)
    };
    let new = "another horse battery staple";
    change("wrong", new, new).expect(400);
    change(PASSWORD, "short", "short").expect(400);
    change(PASSWORD, new, "a different horse staple").expect(400);
    assert!(is_signed_in(&other));
    change(PASSWORD, new, new).expect(303);
    assert!(!is_signed_in(&visitor) && !is_signed_in(&other));
    api.get("/api/auth/whoami/").expect(401);
    scene.log_in("uma", "").expect(401);
}

#[test]
fn logins_are_seen_and_ended_by_their_user_only() {
    let scene = scene();
    scene.person("uma", &json!({}));
    scene.person("eve", &json!({}));
    let uma = scene.with_password("uma");
    let other = scene.with_password("uma");
    let api = scene.api_of("uma", "");
    let eve = scene.with_password("eve");
    let id = uma
        .get(SECURITY)
        .between("/account/security/sessions/", "/");
    send(&eve, &format!("/account/security/sessions/{id}/end/"), &[]).expect(404);
    api.get("/api/auth/whoami/").expect(200);
    send(&uma, &format!("/account/security/sessions/{id}/end/"), &[]).expect(303);
    api.get("/api/auth/whoami/").expect(401);
    assert!(is_signed_in(&other));
    send(&uma, "/account/security/sessions/end/", &[]).expect(303);
    assert!(is_signed_in(&uma));
    assert!(!is_signed_in(&other));
    assert!(is_signed_in(&eve));
}
