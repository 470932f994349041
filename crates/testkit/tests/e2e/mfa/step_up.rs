//! Presence for a login without a browser of its own: link, page, completion.

use serde_json::json;
use testkit::{Answer, Api, AuthenticatorApp, Page, PublicAgent, Visitor};

use super::{
    AUTHENTICATOR, CONFIRM, PASSKEYS, Scene, enrol_passkey, options, recovery_codes, scene, send,
};
use crate::oauth::{self, bearer, decide_device, text};
use crate::{create_session, id, submission};

const ACCESS_CONTROL: &str = "/api/workspaces/access-control/-/";
const SECURITY_SETTINGS: &str = super::SECURITY_SETTINGS;
const LINK: &str = "/api/auth0/mfa/?location=cli&workspace=default";
const COMPLETION: &str = "/api/auth0/mfa/completion/";

/// A login of the CLI on one device.
pub(super) struct Device {
    pub(super) api: Api,
    access: String,
    refresh: String,
}

impl Device {
    /// The path of a new link.
    #[track_caller]
    pub(super) fn link(&self) -> String {
        path_of(&self.api.get(LINK).expect(200).text_at("/mfa_url"))
    }

    #[track_caller]
    fn is_completed(&self) -> bool {
        let answer = self.api.get(COMPLETION).expect(200).json();
        answer["completed"].as_bool().unwrap()
    }
}

fn path_of(url: &str) -> String {
    let path = url::Url::parse(url).unwrap().path().to_owned();
    assert!(path.starts_with("/mfa/"), "{path}");
    path
}

/// A scene in which commands need presence, and a host for them.
fn guarded() -> (Scene, PublicAgent) {
    let scene = scene();
    let agent = scene.system.public_agent("host");
    scene
        .root
        .patch(ACCESS_CONTROL, &json!({"work_session_approval": "never"}))
        .expect(200);
    scene.change_security(&json!({"mfa_required_actions": ["command"]}));
    (scene, agent)
}

impl Scene {
    /// Logs the user of `visitor` in on a new device.
    #[track_caller]
    pub(super) fn device(&self, visitor: &Visitor, device: &str) -> Device {
        let started = self.system.anonymous().post(
            "/oauth/device/code/",
            &json!({
                "client_id": oauth::CLI,
                "scope": format!("openid offline_access cli org:default device:{device}"),
                "audience": "urn:alpacon:api",
            }),
        );
        let started = started.expect(200).json();
        decide_device(visitor, &text(&started, "user_code"), "approve").expect(200);
        let tokens = oauth::poll(&self.system, &text(&started, "device_code")).expect(200);
        let access = tokens.text_at("/access_token");
        Device {
            api: bearer(&self.system, &access),
            access,
            refresh: tokens.text_at("/refresh_token"),
        }
    }

    /// A user with an app in a browser, and a device; nothing was proved lately.
    #[track_caller]
    pub(super) fn uma(&self) -> (Visitor, AuthenticatorApp, Device) {
        self.person("uma", &json!({}));
        let (visitor, app) = self.with_app("uma");
        let device = self.device(&visitor, oauth::DEVICE);
        self.let_proofs_age();
        (visitor, app, device)
    }
}

#[track_caller]
fn run(api: &Api, agent: &PublicAgent) -> Answer {
    let session = create_session(api, agent.id(), &["command"], &json!({}));
    let body = submission(agent.id(), "true", Some(&id(&session)));
    api.post("/api/events/commands/", &body)
}

#[track_caller]
fn is_refused_for_presence(answer: Answer) {
    let refused = answer.refuses(401, "auth_mfa_required");
    assert_eq!(refused.text_at("/source"), "command");
}

#[track_caller]
fn shows(page: &Page, text: &str) {
    let html = page.html();
    assert!(html.contains(text), "no {text:?} in {html}");
}

#[test]
fn a_command_waits_for_a_proof_and_goes_on() {
    let (scene, agent) = guarded();
    let (visitor, app, device) = scene.uma();
    is_refused_for_presence(run(&device.api, &agent));
    let query = format!("{LINK}&server={}", agent.id());
    let link = path_of(&device.api.get(&query).expect(200).text_at("/mfa_url"));
    assert!(!device.is_completed());

    let page = visitor.get(&link).expect(200);
    shows(&page, "host");
    shows(&page, "Go on only if you ran this command yourself");
    send(&visitor, &link, &[]).expect(400);
    let wrong = send(&visitor, &link, &[("code", "000000")]).expect(401);
    shows(&wrong, "The code is not right");
    assert!(!device.is_completed());
    is_refused_for_presence(run(&device.api, &agent));

    shows(
        &send(&visitor, &link, &[("code", &app.code())]).expect(200),
        "Your command goes on",
    );
    assert!(device.is_completed());
    // Known to the server at once, and said by the next token.
    run(&device.api, &agent).expect_success();
    let tokens = oauth::refresh(&scene.system, oauth::CLI, &device.refresh).expect(200);
    let access = tokens.text_at("/access_token");
    let before = oauth::claims(&device.access);
    let after = oauth::claims(&access);
    let proved = "/https:~1~1alpacon.io~1completed_mfa_methods/totp";
    assert!(after.pointer(proved).is_some(), "{after}");
    assert_ne!(after.pointer(proved), before.pointer(proved));
    run(&bearer(&scene.system, &access), &agent).expect_success();
    let audit = scene.audit();
    assert!(
        audit.contains("uma proved presence: authenticator app"),
        "{audit}"
    );

    // It does not last.
    scene.let_proofs_age();
    assert!(!device.is_completed());
    is_refused_for_presence(run(&device.api, &agent));
}

#[test]
fn a_link_counts_once_and_for_the_device_that_asked() {
    let (scene, agent) = guarded();
    let (visitor, app, first) = scene.uma();
    let second = scene.device(&visitor, "7c9e6679-7425-40de-944b-e07fc1f90ae7");
    let link = first.link();
    send(&visitor, &link, &[("code", &app.code())]).expect(200);
    assert!(first.is_completed());
    assert!(!second.is_completed());
    is_refused_for_presence(run(&second.api, &agent));
    run(&first.api, &agent).expect_success();
    // Used up, for another device too.
    visitor.get(&link).expect(410);
    send(&visitor, &link, &[("code", &app.code_in(1))]).expect(410);
    assert!(!second.is_completed());
}

#[test]
fn links_that_are_replaced_late_or_of_an_ended_login_are_void() {
    let (scene, _agent) = guarded();
    let (visitor, app, device) = scene.uma();
    let replaced = device.link();
    let late = device.link();
    visitor.get(&replaced).expect(410);
    visitor.get(&late).expect(200);
    scene
        .system
        .database()
        .execute("UPDATE mfa_links SET expires_at = '2001-01-01 00:00:00+00:00'");
    visitor.get(&late).expect(410);
    send(&visitor, &late, &[("code", &app.code())]).expect(410);
    let link = device.link();
    device
        .api
        .post("/api/auth/logout/", &json!({}))
        .expect_success();
    visitor.get(&link).expect(410);
    send(&visitor, &link, &[("code", &app.code_in(1))]).expect(410);
    visitor.get("/mfa/guessed/").expect(410);
}

#[test]
fn nobody_completes_the_link_of_another() {
    let (scene, _agent) = guarded();
    let (_, app, device) = scene.uma();
    scene.person("eve", &json!({}));
    let (eve, eves) = scene.with_app("eve");
    let link = device.link();
    // Who holds the address has nothing without signing in as its user …
    let stranger = scene.system.visitor_by_name();
    let page = stranger.get(&link).expect(303);
    assert!(page.location().starts_with("/login/?next=%2Fmfa%2F"));
    let page = send(&stranger, &link, &[("code", &app.code())]).expect(303);
    assert_eq!(page.location(), link);
    // … and with the password alone neither.
    let thief = scene.with_password("uma");
    assert!(
        send(&thief, &link, &[("code", "000000")])
            .location()
            .starts_with("/mfa/")
    );
    assert!(
        thief
            .get(&link)
            .expect(303)
            .location()
            .starts_with("/login/")
    );
    for code in [eves.code(), app.code()] {
        eve.get(&link).expect(410);
        send(&eve, &link, &[("code", &code)]).expect(410);
    }
    assert!(!device.is_completed());
    // Without a token of this very site's form nothing happens.
    let foreign = [("origin", "https://evil.example")];
    let visitor = scene.with_password("uma");
    send(&visitor, super::SECOND_FACTOR, &[("code", &app.code())]).expect(303);
    visitor
        .post_with(&link, &[("code", "000000")], &foreign)
        .expect(403);
    assert!(!device.is_completed());
}

#[test]
fn what_was_proved_before_the_link_is_asked_again() {
    let (scene, _agent) = guarded();
    let (visitor, app, device) = scene.uma();
    // Fresh enough for the account, but nobody knew of this command then.
    send(&visitor, CONFIRM, &[("code", &app.code_in(-1))]).expect(303);
    let link = device.link();
    let page = visitor.get(&link).expect(200);
    assert!(!page.html().contains("Yes, it was me"));
    send(&visitor, &link, &[]).expect(400);
    assert!(!device.is_completed());
    // Proved since: a button is enough.
    let link = device.link();
    send(&visitor, CONFIRM, &[("code", &app.code())]).expect(303);
    shows(&visitor.get(&link).expect(200), "Yes, it was me");
    send(&visitor, &link, &[]).expect(200);
    assert!(device.is_completed());
}

#[test]
fn a_code_proves_presence_once() {
    let (scene, _agent) = guarded();
    let (visitor, app, first) = scene.uma();
    let codes = recovery_codes_of(&visitor, &app);
    let second = scene.device(&visitor, "7c9e6679-7425-40de-944b-e07fc1f90ae7");
    scene.let_proofs_age();
    scene.forget_steps();
    let code = app.code();
    send(&visitor, &first.link(), &[("code", &code)]).expect(200);
    let link = second.link();
    send(&visitor, &link, &[("code", &code)]).expect(401);
    assert!(!second.is_completed());
    send(&visitor, &link, &[("code", &codes[0])]).expect(200);
    assert!(second.is_completed());
    scene.let_proofs_age();
    let link = second.link();
    send(&visitor, &link, &[("code", &codes[0])]).expect(401);
    assert!(!second.is_completed());
}

fn recovery_codes_of(visitor: &Visitor, app: &AuthenticatorApp) -> Vec<String> {
    send(visitor, CONFIRM, &[("code", &app.code())]).expect(303);
    recovery_codes(visitor)
}

#[test]
fn guessing_on_the_page_ends() {
    let (scene, _agent) = guarded();
    let (visitor, app, device) = scene.uma();
    let link = device.link();
    let tries = (0..20)
        .map(|_| send(&visitor, &link, &[("code", "000000")]).status())
        .take_while(|status| *status != 429)
        .count();
    assert!((5..20).contains(&tries), "{tries} guesses");
    // A new link, a right code: the wall is the account's.
    let link = device.link();
    send(&visitor, &link, &[("code", &app.code())]).expect(429);
    assert!(!device.is_completed());
}

#[test]
fn whoever_has_no_factor_sets_one_up_on_the_way() {
    let (scene, agent) = guarded();
    scene.person("uma", &json!({}));
    let visitor = scene.with_password("uma");
    let device = scene.device(&visitor, oauth::DEVICE);
    is_refused_for_presence(run(&device.api, &agent));
    let link = device.link();
    let page = visitor.get(&link).expect(200);
    shows(&page, "You have no second factor yet");
    shows(&page, AUTHENTICATOR);
    shows(&page, PASSKEYS);
    send(&visitor, &link, &[]).expect(400);
    // Only after the password was given again.
    scene.let_proofs_age();
    let page = visitor.get(AUTHENTICATOR).expect(303);
    assert!(page.location().starts_with(CONFIRM));
    send(&visitor, CONFIRM, &[("password", super::PASSWORD)]).expect(303);
    super::enrol_app(&visitor);
    shows(&visitor.get(&link).expect(200), "Yes, it was me");
    send(&visitor, &link, &[]).expect(200);
    run(&device.api, &agent).expect_success();
}

#[test]
fn a_factor_that_the_workspace_does_not_take_proves_no_presence() {
    let (scene, agent) = guarded();
    let (visitor, app, device) = scene.uma();
    scene.change_security(&json!({"allowed_mfa_methods": ["webauthn"]}));
    let link = device.link();
    shows(&visitor.get(&link).expect(200), PASSKEYS);
    send(&visitor, &link, &[("code", &app.code())]).expect(403);
    assert!(!device.is_completed());
    is_refused_for_presence(run(&device.api, &agent));
    send(&visitor, CONFIRM, &[("code", &app.code_in(1))]).expect(303);
    let mut passkey = enrol_passkey(&visitor, &scene.system.browser_url());
    let link = device.link();
    let answer = passkey.prove(&options(&visitor.get(&link).expect(200)));
    send(&visitor, &link, &[("answer", &answer)]).expect(200);
    run(&device.api, &agent).expect_success();
}

#[test]
fn an_answer_for_one_link_is_none_for_another_browser() {
    let (scene, _agent) = guarded();
    scene.person("uma", &json!({}));
    let visitor = scene.with_password("uma");
    let mut passkey = enrol_passkey(&visitor, &scene.system.browser_url());
    let device = scene.device(&visitor, oauth::DEVICE);
    scene.let_proofs_age();
    let link = device.link();
    let answer = passkey.prove(&options(&visitor.get(&link).expect(200)));
    let other = visitor.twin();
    other.get("/").expect(200);
    send(&visitor, &link, &[("answer", &answer)]).expect(200);
    // The same answer, sent again with the next link.
    let link = device.link();
    send(&other, &link, &[("answer", &answer)]).expect(410);
    passkey.origin = "https://evil.example".to_owned();
    let answer = passkey.prove(&options(&visitor.get(&link).expect(200)));
    send(&visitor, &link, &[("answer", &answer)]).expect(401);
}

#[test]
fn a_link_names_only_servers_that_its_user_sees() {
    let (scene, agent) = guarded();
    let (_, _, device) = scene.uma();
    let hidden = "00000000-0000-7000-8000-000000000000";
    for (server, status) in [(hidden, 404), ("no-id", 400), (agent.id(), 200)] {
        device
            .api
            .get(&format!("{LINK}&server={server}"))
            .expect(status);
    }
}

#[test]
fn settings_ask_for_presence_and_take_it() {
    let scene = scene();
    scene.person("sue", &json!({"is_staff": true, "is_superuser": true}));
    let (visitor, app) = scene.with_app("sue");
    let device = scene.device(&visitor, oauth::DEVICE);
    scene.let_proofs_age();
    let change = || {
        device
            .api
            .patch(SECURITY_SETTINGS, &json!({"mfa_timeout": 600}))
    };
    let refused = change().refuses(401, "auth_mfa_required");
    assert_eq!(refused.text_at("/source"), "workspace");
    send(&visitor, &device.link(), &[("code", &app.code())]).expect(200);
    change().expect(200);
    assert!(scene.system.verify_audit().0);
}
