//! Passkeys, and authenticators that lie.

use serde_json::json;
use testkit::{SoftPasskey, Visitor};

use super::{
    ENROL, PASSKEY_SIGN_IN, PASSKEYS, SECOND_FACTOR, SECURITY, Scene, enrol_app, enrol_passkey,
    is_signed_in, options, scene, send,
};

/// Uma, who is signed in, and her passkey.
fn uma(scene: &Scene) -> (Visitor, SoftPasskey) {
    scene.person("uma", &json!({}));
    let visitor = scene.with_password("uma");
    let passkey = enrol_passkey(&visitor, &scene.system.browser_url());
    (visitor, passkey)
}

#[test]
fn a_passkey_is_a_second_factor() {
    let scene = scene();
    let (_, mut passkey) = uma(&scene);
    let visitor = scene.with_password("uma");
    assert!(!is_signed_in(&visitor));
    let answer = passkey.prove(&options(&visitor.get(SECOND_FACTOR).expect(200)));
    send(&visitor, SECOND_FACTOR, &[("answer", &answer)]).expect(303);
    assert!(is_signed_in(&visitor));
}

#[test]
fn a_passkey_alone_signs_in() {
    let scene = scene();
    let (_, mut passkey) = uma(&scene);
    let visitor = scene.system.visitor_by_name();
    let page = visitor.get("/login/?next=/account/security/").expect(200);
    assert!(page.html().contains("/login/passkey/?next="));
    let answer = passkey.prove(&options(&visitor.get(PASSKEY_SIGN_IN).expect(200)));
    let fields = [("answer", answer.as_str()), ("next", SECURITY)];
    let page = send(&visitor, PASSKEY_SIGN_IN, &fields).expect(303);
    assert_eq!(page.location(), SECURITY);
    assert!(is_signed_in(&visitor));
}

#[test]
fn a_passkey_alone_counts_as_one_factor_where_the_workspace_says_so() {
    let scene = scene();
    let (home, mut passkey) = uma(&scene);
    scene.change_security(&json!({"passkey_as_mfa": false, "mfa_required": true}));
    let visitor = scene.system.visitor_by_name();
    let answer = passkey.prove(&options(&visitor.get(PASSKEY_SIGN_IN)));
    let page = send(&visitor, PASSKEY_SIGN_IN, &[("answer", &answer)]).expect(303);
    assert_eq!(page.location(), ENROL);
    let app = enrol_app(&home);
    scene.forget_steps();
    let visitor = scene.system.visitor_by_name();
    let answer = passkey.prove(&options(&visitor.get(PASSKEY_SIGN_IN)));
    let page = send(&visitor, PASSKEY_SIGN_IN, &[("answer", &answer)]).expect(303);
    assert_eq!(page.location(), SECOND_FACTOR);
    // The same passkey is not asked for twice.
    assert!(!visitor.get(SECOND_FACTOR).html().contains("data-options"));
    send(&visitor, SECOND_FACTOR, &[("code", &app.code())]).expect(303);
    assert!(is_signed_in(&visitor));
}

#[test]
fn answers_of_other_sites_and_without_their_user_are_refused() {
    let scene = scene();
    let (_, mut passkey) = uma(&scene);
    let origin = scene.system.browser_url();
    let host = "localhost";
    for (claimed, rp_id, verified) in [
        ("https://evil.example", host, true),
        ("https://localhost.evil.example", host, true),
        ("http://localhost:1", host, true),
        (origin.as_str(), "evil.example", true),
        (origin.as_str(), "", true),
        (origin.as_str(), host, false),
    ] {
        claimed.clone_into(&mut passkey.origin);
        rp_id.clone_into(&mut passkey.rp_id);
        passkey.verified = verified;
        let visitor = scene.with_password("uma");
        let answer = passkey.prove(&options(&visitor.get(SECOND_FACTOR)));
        send(&visitor, SECOND_FACTOR, &[("answer", &answer)]).expect(401);
        assert!(!is_signed_in(&visitor), "{claimed} {rp_id} {verified}");
        let visitor = scene.system.visitor_by_name();
        let answer = passkey.prove(&options(&visitor.get(PASSKEY_SIGN_IN)));
        send(&visitor, PASSKEY_SIGN_IN, &[("answer", &answer)]).expect(401);
        assert!(!is_signed_in(&visitor), "{claimed} {rp_id} {verified}");
    }
    assert!(
        scene
            .audit()
            .contains("a wrong passkey was presented for uma")
    );
}

#[test]
fn passkeys_of_other_sites_and_without_their_user_are_not_registered() {
    let scene = scene();
    scene.person("uma", &json!({}));
    let visitor = scene.with_password("uma");
    let origin = scene.system.browser_url();
    for (claimed, rp_id, verified) in [
        ("https://evil.example", "localhost", true),
        (origin.as_str(), "evil.example", true),
        (origin.as_str(), "localhost", false),
    ] {
        let mut passkey = SoftPasskey::new(&origin);
        claimed.clone_into(&mut passkey.origin);
        rp_id.clone_into(&mut passkey.rp_id);
        passkey.verified = verified;
        let answer = passkey.register(&options(&visitor.get(PASSKEYS)));
        send(&visitor, PASSKEYS, &[("answer", &answer)]).expect(401);
    }
    for answer in ["", "{}", "[]", "null", "{\"id\": 1}", "\u{fffd}"] {
        send(&visitor, PASSKEYS, &[("answer", answer)]).expect(400);
    }
    assert!(visitor.get(SECURITY).html().contains("You have none"));
}

#[test]
fn an_answer_counts_once_and_in_one_browser_only() {
    let scene = scene();
    let (_, mut passkey) = uma(&scene);
    let visitor = scene.with_password("uma");
    let thief = scene.with_password("uma");
    let answer = passkey.prove(&options(&visitor.get(SECOND_FACTOR)));
    // The thief's browser has challenges of its own, or none.
    send(&thief, SECOND_FACTOR, &[("answer", &answer)]).expect(410);
    let _page = thief.get(SECOND_FACTOR);
    send(&thief, SECOND_FACTOR, &[("answer", &answer)]).expect(410);
    send(&visitor, SECOND_FACTOR, &[("answer", &answer)]).expect(303);
    let again = scene.with_password("uma");
    let _page = again.get(SECOND_FACTOR);
    send(&again, SECOND_FACTOR, &[("answer", &answer)]).expect(410);

    // Right or wrong, a challenge is gone with its first answer.
    let visitor = scene.with_password("uma");
    let asked = options(&visitor.get(SECOND_FACTOR));
    passkey.verified = false;
    let wrong = passkey.prove(&asked);
    passkey.verified = true;
    let right = passkey.prove(&asked);
    let csrf = super::csrf_of(&visitor);
    let answered =
        |answer: &str| visitor.post(SECOND_FACTOR, &[("csrf", &csrf), ("answer", answer)]);
    answered(&wrong).expect(401);
    // The page that says so asked anew: the old challenge is no use.
    answered(&right).expect(410);
    assert!(!is_signed_in(&visitor));
}

#[test]
fn each_tab_of_a_browser_has_its_own_challenge() {
    let scene = scene();
    let (_, mut passkey) = uma(&scene);
    let visitor = scene.with_password("uma");
    let first = passkey.prove(&options(&visitor.get(SECOND_FACTOR).expect(200)));
    let second = passkey.prove(&options(&visitor.get(SECOND_FACTOR).expect(200)));
    let csrf = super::csrf_of(&visitor);
    let answered =
        |answer: &str| visitor.post(SECOND_FACTOR, &[("csrf", &csrf), ("answer", answer)]);
    answered(&first).expect(303);
    assert!(is_signed_in(&visitor));
    // The other tab is of a sign-in that is over.
    assert_ne!(answered(&second).status(), 200);

    let stranger = scene.system.visitor_by_name();
    let mut answers: Vec<_> = (0..2)
        .map(|_| passkey.prove(&options(&stranger.get(PASSKEY_SIGN_IN).expect(200))))
        .collect();
    // The counter of the older one would be that of a copy, were it sent last.
    answers.truncate(1);
    for answer in answers {
        send(&stranger, PASSKEY_SIGN_IN, &[("answer", &answer)]).expect(303);
    }
    assert!(is_signed_in(&stranger));
}

#[test]
fn an_answer_for_one_purpose_is_none_for_another() {
    let scene = scene();
    let (_, mut passkey) = uma(&scene);
    let visitor = scene.with_password("uma");
    let answer = passkey.prove(&options(&visitor.get(PASSKEY_SIGN_IN)));
    send(&visitor, SECOND_FACTOR, &[("answer", &answer)]).expect(410);
    let visitor = scene.with_password("uma");
    let answer = passkey.prove(&options(&visitor.get(SECOND_FACTOR)));
    send(&visitor, PASSKEY_SIGN_IN, &[("answer", &answer)]).expect(410);
    assert!(!is_signed_in(&visitor));
}

#[test]
fn a_copy_is_found_by_its_counter() {
    let scene = scene();
    let (_, mut passkey) = uma(&scene);
    let visitor = scene.with_password("uma");
    passkey.counter = 50;
    let answer = passkey.prove(&options(&visitor.get(SECOND_FACTOR)));
    send(&visitor, SECOND_FACTOR, &[("answer", &answer)]).expect(303);
    // The next answer says one more than this: at most as much as was seen.
    for counter in [50, 48, 0] {
        passkey.counter = counter;
        let visitor = scene.with_password("uma");
        let answer = passkey.prove(&options(&visitor.get(SECOND_FACTOR)));
        send(&visitor, SECOND_FACTOR, &[("answer", &answer)]).expect(401);
        assert!(!is_signed_in(&visitor), "{counter}");
    }
}

#[test]
fn a_passkey_belongs_to_one_account() {
    let scene = scene();
    let (visitor, mut passkey) = uma(&scene);
    scene.person("eve", &json!({}));
    let eve = scene.with_password("eve");
    let mut eves = enrol_passkey(&eve, &scene.system.browser_url());
    // Eve's passkey as Uma's second factor.
    let tab = scene.with_password("uma");
    let answer = eves.prove(&options(&tab.get(SECOND_FACTOR)));
    send(&tab, SECOND_FACTOR, &[("answer", &answer)]).expect(401);
    assert!(!is_signed_in(&tab));
    // Uma's passkey, registered a second time by Eve.
    let answer = passkey.register(&options(&eve.get(PASSKEYS)));
    send(&eve, PASSKEYS, &[("answer", &answer)]).expect(409);
    // One that was never registered.
    let mut stranger = SoftPasskey::new(&scene.system.browser_url());
    let nobody = scene.system.visitor_by_name();
    let answer = stranger.prove(&options(&nobody.get(PASSKEY_SIGN_IN)));
    send(&nobody, PASSKEY_SIGN_IN, &[("answer", &answer)]).expect(401);
    // One that was removed.
    let id = visitor
        .get(SECURITY)
        .between("/account/security/factors/", "/");
    send(
        &visitor,
        &format!("/account/security/factors/{id}/remove/"),
        &[],
    )
    .expect(303);
    let answer = passkey.prove(&options(&nobody.get(PASSKEY_SIGN_IN)));
    send(&nobody, PASSKEY_SIGN_IN, &[("answer", &answer)]).expect(401);
}

#[test]
fn without_a_name_there_are_no_passkeys() {
    let scene = scene();
    scene.person("uma", &json!({}));
    let visitor = scene.system.visitor();
    assert!(!visitor.get("/login/").html().contains("passkey"));
    visitor.get(PASSKEY_SIGN_IN).expect(409);
    visitor.sign_in("uma", super::PASSWORD, "/").expect(303);
    assert!(!visitor.get(SECURITY).html().contains("Add a passkey"));
    visitor.get(PASSKEYS).expect(409);
}
