//! The pages in a real browser, with an authenticator that Chromium believes in.
//!
//! Set `ALPACON_TEST_PICTURES` to a folder to get pictures of every page.

use std::path::PathBuf;

use serde_json::json;
use testkit::{AuthenticatorApp, Browser, Options, Running, System};

use super::{AUTHENTICATOR, PASSKEYS, SECURITY};

/// Takes pictures of the page in front, where somebody wants them.
fn picture(browser: &Browser, name: &str) {
    if let Some(folder) = std::env::var_os("ALPACON_TEST_PICTURES") {
        browser.screenshots(&PathBuf::from(folder), name);
    }
}

fn sign_in(browser: &Browser, system: &System) {
    let owner = &system.ready().superuser;
    browser.fill("username", &owner.username);
    browser.fill("password", &owner.password);
    browser.click("Sign in");
}

#[test]
fn a_person_sets_up_factors_and_signs_in_with_each() {
    let system = System::with(&Options {
        tls: true,
        ..Options::default()
    });
    let browser = system.browser();
    let authenticator = browser.add_authenticator();
    browser.open(SECURITY);
    picture(&browser, "sign-in");
    sign_in(&browser, &system);
    browser.arrives_at(SECURITY);
    browser.shows("You have none");
    picture(&browser, "security-empty");

    browser.click("Add an authenticator app");
    browser.shows("Scan this code");
    picture(&browser, "authenticator");
    browser.click_at("summary");
    let app = AuthenticatorApp::new(&browser.text_of(".seed"));
    browser.fill("code", "000000");
    browser.click("Set up");
    browser.shows("The code is not right");
    picture(&browser, "authenticator-wrong");
    browser.fill("code", &app.code());
    browser.fill("name", "Phone");
    browser.click("Set up");
    browser.shows("You have none.");
    picture(&browser, "recovery-codes");
    browser.click("Make new recovery codes");
    browser.shows("These codes are shown only now");
    let codes = browser.text_of(".codes");
    assert_eq!(codes.lines().count(), 10, "{codes}");
    picture(&browser, "recovery-codes-new");
    browser.click("I have kept them");
    browser.arrives_at(SECURITY);

    browser.click("Add a passkey");
    browser.shows("lives on this device");
    picture(&browser, "passkey");
    browser.fill("name", "Laptop");
    browser.click("Create a passkey");
    browser.arrives_at(SECURITY);
    browser.shows("Laptop");
    let held = browser.credentials(&authenticator);
    assert_eq!(held.as_array().map(Vec::len), Some(1), "{held}");
    assert_eq!(held[0]["isResidentCredential"], true, "{held}");
    assert_eq!(held[0]["rpId"], "localhost", "{held}");
    picture(&browser, "security");
    browser.open(PASSKEYS);
    browser.click("Create a passkey");
    browser.shows("has a passkey for this account already");

    // With the passkey alone.
    browser.click("Sign out");
    browser.arrives_at("/login/");
    browser.click("Sign in with a passkey");
    browser.shows("Use a passkey");
    picture(&browser, "passkey-sign-in");
    browser.click("Use a passkey");
    browser.shows("You are signed in");

    // With the password and each second factor.
    browser.click("Sign out");
    browser.arrives_at("/login/");
    sign_in(&browser, &system);
    browser.shows("One more step");
    picture(&browser, "second-factor");
    browser.fill("code", "000000");
    browser.click("Continue");
    browser.shows("The code is not right");
    picture(&browser, "second-factor-wrong");
    browser.click("Use a passkey");
    browser.shows("You are signed in");
    browser.click("Sign out");
    browser.arrives_at("/login/");
    sign_in(&browser, &system);
    browser.fill("code", &app.code_in(1));
    browser.click("Continue");
    browser.shows("You are signed in");

    // What protects the account asks again.
    system
        .database()
        .execute("UPDATE logins SET added_at = '2001-01-01 00:00:00+00:00', factors = '{}'");
    browser.open(AUTHENTICATOR);
    browser.shows("Prove that it is you");
    picture(&browser, "confirm");
    browser.click("Use a passkey");
    browser.shows("Scan this code");
    browser.open("/account/security/password/");
    picture(&browser, "password");
}

#[test]
fn a_command_of_the_cli_waits_for_the_browser_and_goes_on() {
    let system = System::with(&Options {
        tls: true,
        ..Options::default()
    });
    let agent = system.agent("web-1");
    let (cli, browser) = (system.cli(), system.browser());
    browser.add_authenticator();
    system
        .api_with_password()
        .patch(
            super::SECURITY_SETTINGS,
            &json!({"mfa_required_actions": ["command"]}),
        )
        .expect(200);
    let login = cli.start(&["login", system.url(), "--no-browser"]);
    browser.open(&printed(&login, "/device/?user_code="));
    sign_in(&browser, &system);
    browser.click("Allow");
    browser.shows("You are logged in");
    login.finish().exits(0);
    cli.open_session(agent.name(), "command");
    let hello = ["exec", agent.name(), "echo hello"];

    // No factor yet: one is set up on the way.
    let exec = cli.start(&hello);
    browser.open(&printed(&exec, "/mfa/"));
    browser.shows("You have no second factor yet");
    picture(&browser, "step-up-enrol");
    let link = browser.url();
    browser.click("Passkey");
    browser.click("Create a passkey");
    browser.shows("Recovery codes");
    browser.click("Not now");
    assert_eq!(browser.url(), link);
    browser.shows("Yes, it was me");
    picture(&browser, "step-up-proved");
    browser.click("Yes, it was me");
    browser.shows("Your command goes on");
    picture(&browser, "step-up-done");
    exec.finish().exits(0).stdout_is("hello\n");

    // While the proof is fresh nobody is asked; later the passkey is.
    cli.run(&hello).exits(0).stdout_is("hello\n");
    let age = || {
        system
            .database()
            .execute("UPDATE logins SET factors = '{\"webauthn\": \"2001-01-01T00:00:00Z\"}'")
    };
    age();
    let exec = cli.start(&hello);
    browser.open(&printed(&exec, "/mfa/"));
    browser.shows("A command of yours waits");
    browser.shows("web-1");
    picture(&browser, "step-up");
    browser.click("Use a passkey");
    browser.shows("Your command goes on");
    exec.finish().exits(0).stdout_is("hello\n");
}

/// The address with `part` that a command of the CLI prints, by name: an address of
/// numbers has no passkeys.
fn printed(running: &Running, part: &str) -> String {
    running.reads_stderr("the CLI prints an address", |text| {
        text.split_whitespace()
            .find(|word| word.contains(part))
            .map(|word| word.replacen("127.0.0.1", "localhost", 1))
    })
}

#[test]
fn a_passkey_that_does_not_come_is_said_and_can_be_tried_again() {
    let system = System::start();
    let browser = system.browser();
    let authenticator = browser.add_authenticator();
    browser.open(PASSKEYS);
    sign_in(&browser, &system);
    browser.click("Create a passkey");
    browser.shows("Recovery codes");
    browser.click("Sign out");
    browser.arrives_at("/login/");
    let path = format!("webauthn/authenticator/{authenticator}/uv");
    let verifies = |yes: bool| {
        let body = json!({"isUserVerified": yes});
        browser.command(http::Method::POST, &path, Some(body));
    };
    verifies(false);
    browser.open("/login/passkey/");
    browser.click("Use a passkey");
    browser.shows("No passkey was used");
    picture(&browser, "passkey-failed");
    verifies(true);
    browser.click("Use a passkey");
    browser.shows("You are signed in");
}

#[test]
fn whoever_must_have_a_factor_sets_one_up_while_signing_in() {
    let system = System::start();
    system
        .api_with_password()
        .patch(super::SECURITY_SETTINGS, &json!({"mfa_required": true}))
        .expect(200);
    let browser = system.browser();
    browser.open("/");
    sign_in(&browser, &system);
    browser.shows("Set up a second factor");
    picture(&browser, "enrol");
    browser.click("Authenticator app");
    browser.click_at("summary");
    let app = AuthenticatorApp::new(&browser.text_of(".seed"));
    browser.fill("code", &app.code());
    browser.click("Set up");
    browser.shows("Recovery codes");
    browser.click("Not now");
    browser.arrives_at("/");
}
