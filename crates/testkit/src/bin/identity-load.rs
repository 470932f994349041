//! Measures logins and token checks against a whole system, for
//! `cargo xtask bench identity`. Prints the figures beside their targets.

#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "the figures are its output")]

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::json;
use testkit::{AuthenticatorApp, Cli, Credential, Options, System};
use transport::tls::{Trust, client_config};

/// Device logins measured.
const LOGINS: usize = 10;
/// Requests with an access token.
const CHECKS: usize = 2000;
/// How long commands are measured at rest, and as long beside logins.
const COMMANDS_FOR: Duration = Duration::from_secs(20);
/// Password logins a minute.
const RATE: u32 = 300;
/// Addresses they come from: one address may not try so often.
const SOURCES: u8 = 20;
/// People with an authenticator app.
const PEOPLE: usize = 20;
const PASSWORD: &str = "correct horse battery staple";

fn main() -> Result<()> {
    let system = System::with(&Options {
        tls: true,
        ..Options::default()
    });
    let (median, access) = device_logins(&system)?;
    show("login page to token, with Chromium", median, "2 s");
    let check = token_checks(&system, &access)?;
    show("check of an access token (p50)", check, "50 µs");
    let agent = system.agent("bench");
    let cli = system.cli_with_password();
    cli.open_session(agent.name(), "command");
    let rest = commands(&cli, agent.name())?;
    show("exec at rest (p50)", rest, "");
    let account = &system.ready().superuser;
    let password = Account {
        username: account.username.clone(),
        password: account.password.clone(),
        app: None,
    };
    let people = people_with_apps(&system)?;
    for (accounts, how) in [
        (std::slice::from_ref(&password), "password logins"),
        (people.as_slice(), "logins with a code"),
    ] {
        let (load, logins) = exec_beside_logins(&system, &cli, agent.name(), accounts)?;
        show(
            &format!("exec beside {logins} {how} (p50)"),
            load,
            "as at rest",
        );
    }
    Ok(())
}

/// Who logs in.
struct Account {
    username: String,
    password: String,
    app: Option<AuthenticatorApp>,
}

/// People who set up an app in a browser.
fn people_with_apps(system: &System) -> Result<Vec<Account>> {
    let root = system.api_with_password();
    let page = "/account/security/authenticator/";
    (0..PEOPLE)
        .map(|number| {
            let username = format!("person{number}");
            let body = json!({"username": username, "password": PASSWORD});
            let created = root.post("/api/iam/users/", &body);
            ensure!(created.status == 201, "no user: {}", created.text());
            let visitor = system.visitor_by_name();
            visitor.sign_in(&username, PASSWORD, "/").expect(303);
            let shown = visitor.get(page).expect(200);
            let app = AuthenticatorApp::new(&shown.between("class=\"seed\">", "<"));
            let (csrf, code) = (shown.field("csrf"), app.code());
            visitor
                .post(page, &[("csrf", &csrf), ("code", &code)])
                .expect(303);
            Ok(Account {
                username,
                password: PASSWORD.to_owned(),
                app: Some(app),
            })
        })
        .collect()
}

fn show(what: &str, measured: Duration, target: &str) {
    println!("{what:<48} {measured:>12.2?}   target {target}");
}

fn median(mut times: Vec<Duration>) -> Result<Duration> {
    times.sort_unstable();
    times
        .get(times.len() / 2)
        .copied()
        .context("nothing was measured")
}

/// From the opened sign-in page to the tokens in the hand of the CLI.
fn device_logins(system: &System) -> Result<(Duration, String)> {
    let account = &system.ready().superuser;
    let (mut times, mut access) = (Vec::new(), String::new());
    let browser = system.browser();
    for _ in 0..LOGINS {
        let cli = system.cli();
        let login = cli.start(&["login", system.url(), "--no-browser"]);
        let address = login.reads_stderr("the CLI prints an address", |text| {
            text.split_whitespace()
                .find(|word| word.contains("/device/?user_code="))
                .map(str::to_owned)
        });
        let started = Instant::now();
        browser.open(&address);
        browser.fill("username", &account.username);
        browser.fill("password", &account.password);
        browser.click("Sign in");
        browser.click("Allow");
        login.finish().exits(0);
        times.push(started.elapsed());
        browser.open(&address);
        browser.click("Sign out");
        let stored = std::fs::read(cli.home().join(".alpacon/config.json"))?;
        let stored: serde_json::Value = serde_json::from_slice(&stored)?;
        stored
            .get("access_token")
            .and_then(serde_json::Value::as_str)
            .context("the CLI holds no access token")?
            .clone_into(&mut access);
    }
    Ok((median(times)?, access))
}

/// The median that the control plane itself measured, without HTTP around it.
fn token_checks(system: &System, access: &str) -> Result<Duration> {
    let api = system
        .anonymous()
        .as_caller(Credential::Raw(format!("Bearer {access}")));
    for _ in 0..CHECKS {
        let answer = api.get("/api/status/");
        ensure!(
            answer.status == 200,
            "a token was refused: {}",
            answer.text()
        );
    }
    let metrics = system.anonymous().get("/metrics").text();
    let line = metrics
        .lines()
        .find(|line| {
            line.starts_with("alpacon_authentication_seconds{")
                && line.contains("kind=\"bearer\"")
                && line.contains("quantile=\"0.5\"")
        })
        .context("the control plane shows no figure")?;
    let seconds: f64 = line
        .rsplit(' ')
        .next()
        .context("the figure is not readable")?
        .parse()?;
    Ok(Duration::from_secs_f64(seconds))
}

/// Median time of a command beside logins at the target rate, and how many there were.
fn exec_beside_logins(
    system: &System,
    cli: &Cli,
    server: &str,
    accounts: &[Account],
) -> Result<(Duration, usize)> {
    let (stop, count) = (AtomicBool::new(false), AtomicUsize::new(0));
    let load = thread::scope(|scope| {
        let logins = scope.spawn(|| log_in_until(system, accounts, &stop, &count));
        scope.spawn(|| make_codes_new_until(system, &stop));
        let load = commands(cli, server);
        stop.store(true, Ordering::Relaxed);
        logins
            .join()
            .unwrap_or_else(|_| Err(anyhow::anyhow!("the logins panicked")))?;
        load
    })?;
    Ok((load, count.into_inner()))
}

fn commands(cli: &Cli, server: &str) -> Result<Duration> {
    let mut times = Vec::new();
    let end = Instant::now() + COMMANDS_FOR;
    while Instant::now() < end {
        let started = Instant::now();
        cli.run(&["exec", server, "true"]).exits(0);
        times.push(started.elapsed());
    }
    median(times)
}

/// Each code counts once in half a minute; here people come back sooner.
fn make_codes_new_until(system: &System, stop: &AtomicBool) {
    let database = system.database();
    while !stop.load(Ordering::Relaxed) {
        database.execute("UPDATE mfa_factors SET last_step = 0");
        thread::sleep(Duration::from_secs(1));
    }
}

fn log_in_until(
    system: &System,
    accounts: &[Account],
    stop: &AtomicBool,
    count: &AtomicUsize,
) -> Result<()> {
    let ready = system.ready();
    let trust = ready.ca_file.clone().map_or(Trust::System, Trust::Only);
    let tls = client_config(&trust)?;
    let clients = (1..=SOURCES)
        .map(|last| source(&tls, last))
        .collect::<Result<Vec<_>>>()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut ticks = tokio::time::interval(Duration::from_secs(60) / RATE);
        let turns = clients.iter().cycle().zip(accounts.iter().cycle());
        for (client, account) in turns {
            if stop.load(Ordering::Relaxed) {
                return Ok(());
            }
            ticks.tick().await;
            let body = json!({
                "workspace_url": ready.url,
                "username": account.username,
                "password": account.password,
                "otp": account.app.as_ref().map(AuthenticatorApp::code).unwrap_or_default(),
            });
            let request = client
                .post(format!("{}/api/auth/login/", ready.url))
                .timeout(Duration::from_secs(30))
                .json(&body);
            let status = request.send().await?.status();
            ensure!(status.is_success(), "a login was refused: {status}");
            count.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    })
}

/// A client with an address of its own.
fn source(tls: &Arc<rustls::ClientConfig>, last: u8) -> Result<reqwest::Client> {
    let address = IpAddr::V4(Ipv4Addr::new(127, 0, 1, last));
    Ok(reqwest::Client::builder()
        .tls_backend_preconfigured(tls.as_ref().clone())
        .local_address(address)
        .no_proxy()
        .build()?)
}
