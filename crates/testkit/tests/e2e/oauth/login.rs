//! `alpacon login` with a real browser.

use std::path::Path;

use serde_json::{Value, json};
use testkit::{Browser, Cli, Options, Running, System};

fn tls() -> System {
    System::with(&Options {
        tls: true,
        ..Options::default()
    })
}

/// Starts a login and gives the address that it prints.
fn start(system: &System, cli: &Cli) -> (Running, String) {
    let login = cli.start(&["login", system.url(), "--no-browser"]);
    let address = login.reads_stderr("the CLI prints an address", |text| {
        text.split_whitespace()
            .find(|word| word.contains("/device/?user_code="))
            .map(str::to_owned)
    });
    (login, address)
}

fn sign_in(system: &System, browser: &Browser) {
    browser.fill("username", &system.ready().superuser.username);
    browser.fill("password", &system.ready().superuser.password);
    browser.click("Sign in");
}

fn config(cli: &Cli) -> Value {
    let path = cli.home().join(".alpacon").join("config.json");
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// Puts the end of the stored access token into the past.
fn expire(cli: &Cli) {
    let path = cli.home().join(".alpacon").join("config.json");
    let mut stored = config(cli);
    stored["access_token_expires_at"] = json!("2001-01-01T00:00:00Z");
    std::fs::write(path, stored.to_string()).unwrap();
}

#[test]
fn a_person_logs_in_works_and_logs_out() {
    let system = tls();
    let agent = system.agent("web-1");
    let (cli, browser) = (system.cli(), system.browser());
    let (login, address) = start(&system, &cli);
    browser.open(&address);
    sign_in(&system, &browser);
    browser.shows("Allow this login?");
    let code = browser.text_of(".compare");
    assert!(address.ends_with(&code), "{address} {code}");
    browser.click("Allow");
    browser.shows("You are logged in");
    login.finish().exits(0).stderr_has("logged in to");

    let stored = config(&cli);
    let refresh = stored["refresh_token"].as_str().unwrap().to_owned();
    let who = cli.run(&["whoami", "--output", "json"]).exits(0).json();
    assert_eq!(who["auth_classification"], "browser_login");
    cli.run(&["exec", agent.name(), "true"]).exits(3);
    cli.open_session(agent.name(), "command");
    cli.run(&["exec", agent.name(), "echo hello"])
        .exits(0)
        .stdout_is("hello\n");

    // An access token that ended is renewed on the way.
    let before = stored["access_token"].clone();
    expire(&cli);
    cli.run(&["server", "ls"]).exits(0);
    assert_ne!(config(&cli)["access_token"], before);
    assert_eq!(config(&cli)["refresh_token"], json!(refresh));

    let access = config(&cli)["access_token"].as_str().unwrap().to_owned();
    cli.run(&["logout"]).exits(0);
    super::bearer(&system, &access)
        .get("/api/status/")
        .expect(401);
    let answer = super::refresh(&system, super::CLI, &refresh);
    assert_eq!(super::error(&answer), "invalid_grant");
}

#[test]
fn a_refused_login_leaves_nothing_behind() {
    let system = tls();
    let (cli, browser) = (system.cli(), system.browser());
    let (login, address) = start(&system, &cli);
    browser.open(&address);
    sign_in(&system, &browser);
    browser.click("Refuse");
    browser.shows("The login was refused");
    login.finish().exits(1).stderr_has("denied");
    assert!(!cli.home().join(".alpacon/config.json").exists());
}

#[test]
fn a_password_login_stays_possible() {
    let system = tls();
    let cli = system.cli_with_password();
    let who = cli.run(&["whoami", "--output", "json"]).exits(0).json();
    assert_eq!(who["auth_classification"], "token");
    let environment = system.anonymous().get("/api/auth/env/?client=cli").json();
    assert_eq!(environment["auth0"]["method"], "auth0");
    let host = system.url().trim_start_matches("https://");
    assert_eq!(environment["auth0"]["domain"], host);
    cli.run(&["logout"]).exits(0);
}

#[test]
fn plain_http_offers_passwords_only() {
    let system = System::start();
    let environment = system.anonymous().get("/api/auth/env/?client=cli").json();
    assert_eq!(environment["auth0"]["method"], "password");
    assert_eq!(environment["auth0"]["schema_name"], "default");
}

/// Pictures of all pages for people to look at, where `ALPACON_TEST_PICTURES` says.
#[test]
fn pages_fit_on_desks_and_phones() {
    let system = tls();
    let browser = system.browser();
    let pictures = std::env::var("ALPACON_TEST_PICTURES").ok();
    let look = |name: &str| {
        for phone in [false, true] {
            if phone {
                browser.phone();
            } else {
                browser.desk();
            }
            let overflow =
                browser.script("return document.documentElement.scrollWidth > window.innerWidth");
            assert_eq!(overflow, json!(false), "{name} is wider than the screen");
            let unlabelled = browser.script(
                "return [...document.querySelectorAll('input:not([type=hidden])')]\
                 .filter(i => !i.labels.length).length",
            );
            assert_eq!(unlabelled, json!(0), "{name} has a field without a label");
        }
        if let Some(folder) = &pictures {
            browser.screenshots(Path::new(folder), name);
        }
        browser.desk();
    };
    browser.open("/login/");
    look("sign-in");
    browser.fill("username", "somebody");
    browser.fill("password", "wrong");
    browser.click("Sign in");
    browser.shows("wrong");
    look("sign-in-refused");
    browser.open("/");
    sign_in(&system, &browser);
    browser.shows("You are signed in");
    look("home");
    browser.open("/device/");
    look("device-code");
    browser.open("/device/?user_code=WRONG");
    browser.shows("not valid");
    look("device-code-refused");
    let started = super::start_device(&system);
    browser.open(&format!(
        "/device/?user_code={}",
        super::text(&started, "user_code")
    ));
    browser.shows("Allow this login?");
    look("device-confirm");
    system
        .database()
        .execute("UPDATE device_codes SET remote_ip = '203.0.113.77'");
    browser.open(&format!(
        "/device/?user_code={}",
        super::text(&started, "user_code")
    ));
    browser.shows("another address");
    look("device-confirm-elsewhere");
    browser.click("Allow");
    browser.shows("You are logged in");
    look("device-done");
    browser.open("/password/forgotten/");
    look("forgotten-password");
    browser.open("/join/?token=alpin-x");
    look("join-void");
    browser.open("/oauth/authorize/?client_id=x");
    browser.shows("This did not work");
    look("error");
}
