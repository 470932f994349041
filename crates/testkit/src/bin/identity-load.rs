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
use testkit::{Cli, Credential, Options, System};
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

fn main() -> Result<()> {
    let system = System::with(&Options {
        tls: true,
        ..Options::default()
    });
    let (median, access) = device_logins(&system)?;
    show("login page to token, with Chromium", median, "2 s");
    let check = token_checks(&system, &access)?;
    show("check of an access token (p50)", check, "50 µs");
    let (rest, load, logins) = exec_beside_logins(&system)?;
    show("exec at rest (p50)", rest, "");
    show(
        &format!("exec beside {logins} password logins (p50)"),
        load,
        "as at rest",
    );
    Ok(())
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

/// Median time of a command, alone and beside password logins at the target rate.
fn exec_beside_logins(system: &System) -> Result<(Duration, Duration, usize)> {
    let agent = system.agent("bench");
    let cli = system.cli_with_password();
    cli.open_session(agent.name(), "command");
    let rest = commands(&cli, agent.name())?;
    let (stop, count) = (AtomicBool::new(false), AtomicUsize::new(0));
    let load = thread::scope(|scope| {
        let logins = scope.spawn(|| log_in_until(system, &stop, &count));
        let load = commands(&cli, agent.name());
        stop.store(true, Ordering::Relaxed);
        logins
            .join()
            .unwrap_or_else(|_| Err(anyhow::anyhow!("the logins panicked")))?;
        load
    })?;
    Ok((rest, load, count.into_inner()))
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

fn log_in_until(system: &System, stop: &AtomicBool, count: &AtomicUsize) -> Result<()> {
    let ready = system.ready();
    let trust = ready.ca_file.clone().map_or(Trust::System, Trust::Only);
    let tls = client_config(&trust)?;
    let clients = (1..=SOURCES)
        .map(|last| source(&tls, last))
        .collect::<Result<Vec<_>>>()?;
    let body = json!({
        "workspace_url": ready.url,
        "username": ready.superuser.username,
        "password": ready.superuser.password,
    });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut ticks = tokio::time::interval(Duration::from_secs(60) / RATE);
        for client in clients.iter().cycle() {
            if stop.load(Ordering::Relaxed) {
                return Ok(());
            }
            ticks.tick().await;
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
