//! A control plane and everything that belongs to it.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use programs::{Binaries, ControlPlaneOptions, Daemon, Ready, dev_command, verify_audit_command};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    Agent, Api, Browser, Cli, Credential, Database, OrFail, PublicAgent, Visitor, eventually,
    patience,
};

/// Lines of each log shown when a test fails.
const LOG_LINES: usize = 60;

/// What may differ between systems.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// With a certificate of a CA made for it.
    pub tls: bool,
    /// Name of the superuser; `None`: the operating-system user.
    pub username: Option<String>,
    /// Address to listen on; `None`: a free port of this machine.
    pub listen: Option<String>,
    /// More environment of the control plane.
    pub environment: Vec<(String, String)>,
}

/// A running system. Dropping it stops everything and removes its folder; when
/// the test is failing, it prints the ends of all logs and keeps the folder.
#[derive(Debug)]
pub struct System {
    // Order matters: the server stops before its database and folder go.
    server: Mutex<Option<Daemon>>,
    ready: Ready,
    options: ControlPlaneOptions,
    environment: Vec<(String, String)>,
    binaries: Binaries,
    homes: AtomicUsize,
    database: Database,
    folder: Option<TempDir>,
}

impl System {
    /// A system with plain HTTP.
    #[track_caller]
    #[must_use]
    pub fn start() -> Self {
        Self::with(&Options::default())
    }

    /// A system of one's choice.
    #[track_caller]
    #[must_use]
    pub fn with(options: &Options) -> Self {
        let binaries = Binaries::beside_this_executable().or_fail("find the programs");
        let folder = tempfile::Builder::new()
            .prefix("alpacon-test-")
            .tempdir()
            .or_fail("make a folder");
        let data = folder.path().join("data");
        let database = Database::fresh(&data);
        let environment = options.environment.clone();
        let mut options = ControlPlaneOptions {
            listen: options
                .listen
                .clone()
                .unwrap_or_else(|| "127.0.0.1:0".to_owned()),
            tls: options.tls,
            database_url: database.url(),
            username: options.username.clone(),
            ready_file: folder.path().join("ready.json"),
            data,
        };
        let (server, ready) = start_server(&binaries, &options, &environment, folder.path());
        // A restart must be found where clients and agents left it.
        ready
            .url
            .split_once("://")
            .or_fail("read the server's URL")
            .1
            .clone_into(&mut options.listen);
        Self {
            server: Mutex::new(Some(server)),
            ready,
            options,
            environment,
            binaries,
            homes: AtomicUsize::new(0),
            database,
            folder: Some(folder),
        }
    }

    /// What the control plane wrote when it was ready.
    #[must_use]
    pub fn ready(&self) -> &Ready {
        &self.ready
    }

    /// Base URL.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.ready.url
    }

    /// Its database.
    #[must_use]
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// Folder for whatever else a test keeps.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder
            .as_ref()
            .map_or(Path::new("."), |folder| folder.path())
    }

    /// Data folder of the control plane.
    #[must_use]
    pub fn data(&self) -> &Path {
        &self.options.data
    }

    /// A registered agent, connected. Its server is called `name`, whatever the
    /// control plane added to it.
    #[track_caller]
    #[must_use]
    pub fn agent(&self, name: &str) -> Agent {
        self.agent_under(name, &[])
    }

    /// Like [`Self::agent`], reaching the control plane at `url`.
    #[track_caller]
    #[must_use]
    pub fn agent_by(&self, name: &str, url: &str) -> Agent {
        let ready = Ready {
            url: url.to_owned(),
            ..self.ready.clone()
        };
        self.registered(name, &ready, &[])
    }

    /// The folder of the agent called `name`.
    #[must_use]
    pub fn agent_folder(&self, name: &str) -> PathBuf {
        self.folder().join(format!("agent-{name}"))
    }

    /// Like [`Self::agent`], its daemon started by the command line `launcher`.
    #[track_caller]
    #[must_use]
    pub fn agent_under(&self, name: &str, launcher: &[String]) -> Agent {
        self.registered(name, &self.ready, launcher)
    }

    #[track_caller]
    fn registered(&self, name: &str, ready: &Ready, launcher: &[String]) -> Agent {
        let folder = self.agent_folder(name);
        let agent = Agent::start(&self.binaries, ready, name, &folder, launcher);
        self.wait_connected(agent.id(), true);
        let id = self.database.uuid(agent.id());
        let renamed = self.database.execute(&format!(
            "UPDATE servers SET name = '{name}' WHERE id = {id}"
        ));
        assert_eq!(renamed, 1, "the server could not be renamed");
        agent
    }

    /// A registered and connected agent that speaks the public protocol only.
    #[track_caller]
    #[must_use]
    pub fn public_agent(&self, name: &str) -> PublicAgent {
        let agent = PublicAgent::connect(&self.anonymous(), &self.ready.registration_token, name);
        self.wait_connected(agent.id(), true);
        agent
    }

    /// Waits until the control plane shows the server `id` (dis)connected.
    #[track_caller]
    pub fn wait_connected(&self, id: &str, connected: bool) {
        let what = format!("server {id} has is_connected = {connected}");
        let path = format!("/api/servers/servers/{id}/");
        let api = self.api();
        eventually(&what, || {
            let answer = api.get(&path);
            (answer.status == 200 && answer.json().get("is_connected") == Some(&connected.into()))
                .then_some(())
        });
    }

    /// A CLI with an empty home folder, not logged in.
    #[track_caller]
    #[must_use]
    pub fn cli(&self) -> Cli {
        let number = self.homes.fetch_add(1, Ordering::Relaxed);
        let home = self.folder().join(format!("home-{number}"));
        let ca_file = self.ready.ca_file.as_deref();
        Cli::new(self.binaries.cli(), &home, self.url(), ca_file)
    }

    /// A CLI logged in with the superuser's password: the gate applies.
    #[track_caller]
    #[must_use]
    pub fn cli_with_password(&self) -> Cli {
        let cli = self.cli();
        cli.log_in(
            &self.ready.superuser.username,
            &self.ready.superuser.password,
        );
        cli
    }

    /// A CLI logged in with the superuser's API token: rules of the token apply.
    #[track_caller]
    #[must_use]
    pub fn cli_with_token(&self) -> Cli {
        let cli = self.cli();
        cli.log_in_with_token(&self.ready.api_token);
        cli
    }

    /// A real browser with an empty profile, on [`Self::browser_url`].
    #[track_caller]
    #[must_use]
    pub fn browser(&self) -> Browser {
        let number = self.homes.fetch_add(1, Ordering::Relaxed);
        let profile = self.folder().join(format!("browser-{number}"));
        let key = self.options.data.join("tls").join("server.key");
        Browser::start(
            &self.browser_url(),
            &profile,
            self.options.tls.then_some(&key),
        )
    }

    /// Where browsers find the control plane: by name, because an address cannot have
    /// passkeys.
    #[must_use]
    pub fn browser_url(&self) -> String {
        self.ready.url.replacen("127.0.0.1", "localhost", 1)
    }

    /// Somebody who sends forms without a browser, with cookies of their own.
    #[must_use]
    pub fn visitor(&self) -> Visitor {
        Visitor::new(self.anonymous().seeing_redirects())
    }

    /// The same, who comes by name as a browser does: an address has no passkeys.
    #[must_use]
    pub fn visitor_by_name(&self) -> Visitor {
        let ca_file = self.ready.ca_file.as_deref();
        let api = Api::new(&self.browser_url(), ca_file, Credential::None);
        Visitor::new(api.seeing_redirects())
    }

    /// The HTTP API as nobody.
    #[must_use]
    pub fn anonymous(&self) -> Api {
        let ca_file = self.ready.ca_file.as_deref();
        Api::new(self.url(), ca_file, Credential::None)
    }

    /// The HTTP API with the superuser's API token.
    #[must_use]
    pub fn api(&self) -> Api {
        let token = Credential::Token(self.ready.api_token.clone());
        self.anonymous().as_caller(token)
    }

    /// The HTTP API with a fresh password login of the superuser.
    #[track_caller]
    #[must_use]
    pub fn api_with_password(&self) -> Api {
        let anonymous = self.anonymous();
        let login = anonymous
            .post(
                "/api/auth/login/",
                &json!({
                    "workspace_url": self.url(),
                    "username": self.ready.superuser.username,
                    "password": self.ready.superuser.password,
                }),
            )
            .expect(200);
        anonymous.as_caller(Credential::Token(login.text_at("/token")))
    }

    /// Waits until `GET path` shows what `wanted` looks for, and gives it.
    #[track_caller]
    pub fn wait_for<T>(&self, path: &str, wanted: impl Fn(&Value) -> Option<T>) -> T {
        let api = self.api();
        let what = format!("GET {path} shows what is wanted");
        eventually(&what, || {
            let answer = api.get(path);
            (answer.status == 200)
                .then(|| answer.json())
                .and_then(|body| wanted(&body))
        })
    }

    /// Kills the control plane (SIGKILL).
    pub fn kill_server(&self) {
        if let Some(mut server) = self.lock().take() {
            server.kill();
        }
    }

    /// Asks the control plane to end (SIGTERM) and gives its exit status.
    #[track_caller]
    pub fn stop_server(&self) -> ExitStatus {
        let mut server = self
            .lock()
            .take()
            .or_fail("stop a server that does not run");
        server.terminate(patience()).or_fail("wait for the server")
    }

    /// Starts the control plane again, on the same port and data.
    #[track_caller]
    pub fn restart_server(&self) {
        let mut slot = self.lock();
        assert!(slot.is_none(), "the server runs already");
        let (server, ready) = start_server(
            &self.binaries,
            &self.options,
            &self.environment,
            self.folder(),
        );
        *slot = Some(server);
        assert_eq!(ready.url, self.ready.url, "the server moved");
        assert_eq!(
            ready.api_token, self.ready.api_token,
            "a second start must keep everything"
        );
    }

    /// Checks the audit chain from outside; gives success and what it said.
    #[track_caller]
    #[must_use]
    pub fn verify_audit(&self) -> (bool, String) {
        let mut command = verify_audit_command(&self.binaries, &self.options.data);
        if let Some(url) = &self.options.database_url {
            command.args(["--database-url", url]);
        }
        let output = command.output().or_fail("run audit verify");
        let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
        text.push_str(&String::from_utf8_lossy(&output.stderr));
        (output.status.success(), text)
    }

    /// Makes a new signing key; gives success and what the program said.
    #[track_caller]
    #[must_use]
    pub fn rotate_keys(&self) -> (bool, String) {
        let mut command = std::process::Command::new(self.binaries.server());
        command.args(["keys", "rotate"]);
        command.env("ALPACON_SERVER__DATA_DIR", &self.options.data);
        if let Some(url) = &self.options.database_url {
            command.env("ALPACON_DATABASE__URL", url);
        }
        let output = command.output().or_fail("run keys rotate");
        let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
        text.push_str(&String::from_utf8_lossy(&output.stderr));
        (output.status.success(), text)
    }

    /// Runs a subcommand of the server on its data, as its operator would beside the running
    /// server; `input` is its standard input. Gives success and what it said.
    #[track_caller]
    pub fn operate(&self, arguments: &[&str], input: &str) -> (bool, String) {
        let mut command = Command::new(self.binaries.server());
        command
            .args(arguments)
            .arg("--data")
            .arg(&self.options.data);
        if let Some(url) = &self.options.database_url {
            command.args(["--database-url", url]);
        }
        finished(command, input)
    }

    /// Runs a subcommand of the server that needs nothing of this system. Gives success and
    /// what it said.
    #[track_caller]
    pub fn operate_elsewhere(&self, arguments: &[&str]) -> (bool, String) {
        let mut command = Command::new(self.binaries.server());
        command.args(arguments);
        finished(command, "")
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Daemon>> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[track_caller]
fn finished(mut command: Command, input: &str) -> (bool, String) {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().or_fail("run the server's subcommand");
    if let Some(mut stdin) = child.stdin.take() {
        // One that reads nothing may have ended already.
        let _gone = stdin.write_all(input.as_bytes());
    }
    let output = child.wait_with_output().or_fail("wait for the subcommand");
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.push_str(&String::from_utf8_lossy(&output.stderr));
    (output.status.success(), text)
}

impl Drop for System {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        let Some(folder) = self.folder.take() else {
            return;
        };
        let path = folder.keep();
        eprintln!("kept {}", path.display());
        for log in logs(&path) {
            let text = fs::read(&log).unwrap_or_default();
            let text = String::from_utf8_lossy(&text);
            let lines: Vec<&str> = text.lines().collect();
            let start = lines.len().saturating_sub(LOG_LINES);
            eprintln!("--- end of {}", log.display());
            for line in lines.get(start..).unwrap_or_default() {
                eprintln!("{line}");
            }
        }
    }
}

#[track_caller]
fn start_server(
    binaries: &Binaries,
    options: &ControlPlaneOptions,
    environment: &[(String, String)],
    folder: &Path,
) -> (Daemon, Ready) {
    if options.ready_file.exists() {
        fs::remove_file(&options.ready_file).or_fail("remove the old ready file");
    }
    let log = folder.join("server.log");
    let mut command = dev_command(binaries, options);
    command.envs(environment.iter().cloned());
    let mut server =
        Daemon::start("alpacon-server", command, &log).or_fail("start the control plane");
    let ready = Ready::wait(&mut server, &options.ready_file, patience())
        .or_fail("wait for the control plane");
    (server, ready)
}

fn logs(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.push(path.join("agent.log"));
        } else {
            found.push(path);
        }
    }
    found.retain(|path| path.extension().is_some_and(|end| end == "log") && path.exists());
    found.sort();
    found
}
