//! The walk: every step a reader sees, each with what it must show.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use super::stage::Stage;
use crate::{run, screen};

/// Name the agent asks for.
const SERVER: &str = "quickstart";
/// From the start of the agent until the control plane shows it connected.
const CONNECT_PATIENCE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(200);

/// Walks through the product.
///
/// # Errors
/// At the first step that does not do what it says.
pub(crate) fn run(stage: &mut Stage) -> Result<()> {
    screen::heading("2. Start a control plane, and an agent on this machine");
    stage.start_server()?;
    screen::output(&format!("serving {}", stage.ready()?.url));
    let server = stage.start_agent(SERVER)?;
    // The superuser is called like whoever runs this.
    let account = &stage.ready()?.superuser.username;
    if account != "root" {
        screen::output(&format!(
            "(an agent without root runs work only as its own user, {account})"
        ));
    }
    let server = server.as_str();

    screen::heading("3. Log in with the password, as a person would");
    screen::command(&stage.environment());
    let (url, name, password) = {
        let ready = stage.ready()?;
        (
            ready.url.clone(),
            ready.superuser.username.clone(),
            // Joined: a password may look like an option.
            format!("--password={}", ready.superuser.password),
        )
    };
    step(stage, &["login", &url, "-u", &name, &password]).exits(0)?;
    wait_for_agent(stage, server)?;
    step(stage, &["server", "ls"]).exits(0)?.shows(server)?;

    screen::heading("4. Nothing reaches a server without a work session: refused, exit status 3");
    let refusal = ["exec", "--output", "json", server, "uptime"];
    step_until(stage, &refusal, "\"next_action_details\"")
        .exits(3)?
        .shows("\"error_code\": \"work_session_required\"")?
        .shows("alpacon work-session create --scope command")?;

    screen::heading("5. Open a session: one purpose, one scope, one server, one hour");
    step(
        stage,
        &[
            "work-session",
            "create",
            "--purpose",
            "See how busy it is",
            "--scope",
            "command",
            "--server",
            server,
            "--expires-in",
            "1h",
            "--use",
        ],
    )
    .exits(0)?;

    screen::heading("6. The same command, inside the session");
    step(stage, &["exec", server, "uptime"])
        .exits(0)?
        .shows("load average")?;

    screen::heading("7. What the record says");
    let session = current_session(stage)?;
    step(stage, &["work-session", "timeline", &session])
        .exits(0)?
        .shows("uptime")?;
    let verify = programs::verify_audit_command(&stage.binaries, &stage.data());
    Step::run(stage, verify, None).exits(0)?;
    Ok(())
}

/// Runs the CLI in front of the reader.
fn step(stage: &Stage, arguments: &[&str]) -> Step {
    Step::run(stage, stage.cli(arguments), None)
}

/// Like [`step`], but leaves out the output from the line that has `end` on: what
/// follows only repeats it in another form.
fn step_until(stage: &Stage, arguments: &[&str], end: &str) -> Step {
    Step::run(stage, stage.cli(arguments), Some(end))
}

/// A finished step, to be checked.
struct Step {
    line: String,
    outcome: Result<(Option<i32>, String)>,
}

impl Step {
    fn run(stage: &Stage, mut command: Command, end: Option<&str>) -> Self {
        let line = stage.shown(&command);
        screen::command(&line);
        let outcome = command
            .stdin(Stdio::null())
            .output()
            .with_context(|| format!("cannot run `{line}`"))
            .map(|output| {
                let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
                text.push_str(&String::from_utf8_lossy(&output.stderr));
                show(&text, end);
                (output.status.code(), text)
            });
        Self { line, outcome }
    }

    fn exits(self, expected: i32) -> Result<Finished> {
        let (code, text) = self.outcome?;
        ensure!(
            code == Some(expected),
            "`{}` exited with {code:?} where {expected} was promised",
            self.line
        );
        Ok(Finished {
            line: self.line,
            text,
        })
    }
}

fn show(text: &str, end: Option<&str>) {
    let rest = end.and_then(|end| text.lines().position(|line| line.contains(end)));
    match rest {
        Some(lines) => {
            for line in text.lines().take(lines) {
                screen::output(line);
            }
            screen::output("  …");
        }
        None => screen::output(text),
    }
}

/// A step that exited as promised.
struct Finished {
    line: String,
    text: String,
}

impl Finished {
    fn shows(self, expected: &str) -> Result<Self> {
        ensure!(
            self.text.contains(expected),
            "`{}` did not show {expected:?}",
            self.line
        );
        Ok(self)
    }
}

fn wait_for_agent(stage: &mut Stage, server: &str) -> Result<()> {
    let deadline = Instant::now() + CONNECT_PATIENCE;
    loop {
        let description =
            run::capture(&mut stage.cli(&["server", "describe", server, "--output", "json"]));
        let connected = description.as_ref().is_ok_and(|text| {
            serde_json::from_str::<serde_json::Value>(text)
                .is_ok_and(|row| row.get("is_connected") == Some(&true.into()))
        });
        if connected {
            return Ok(());
        }
        if let Some(what) = stage.anything_ended() {
            bail!("{what}");
        }
        if Instant::now() >= deadline {
            let last = description.unwrap_or_else(|error| error.to_string());
            bail!("the agent did not connect within {CONNECT_PATIENCE:?}; last answer: {last}");
        }
        std::thread::sleep(POLL);
    }
}

fn current_session(stage: &Stage) -> Result<String> {
    let text = run::capture(&mut stage.cli(&["work-session", "current", "--output", "json"]))?;
    let session: serde_json::Value = serde_json::from_str(&text)?;
    session
        .get("id")
        .and_then(|id| id.as_str())
        .map(str::to_owned)
        .context("`work-session current` names no session")
}
