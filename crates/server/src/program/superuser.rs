//! `alpacon-server superuser create`.

use std::io::{BufRead as _, IsTerminal as _};

use anyhow::{Context as _, bail};
use clap::Args;
use protocol::id::WorkspaceId;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use serde_json::json;
use store::audit::{Actor, AuditRecord};
use store::entity::{user, workspace};
use store::identity::NewUser;
use store::{Store, StoreError};

use super::place::Place;
use crate::crypto::keys::Keys;
use crate::crypto::password;
use crate::iam;

#[derive(Debug, Args)]
pub(super) struct CreateArguments {
    #[command(flatten)]
    place: Place,
    /// Account name, also on managed hosts.
    #[arg(long, value_name = "NAME")]
    username: String,
    /// Mail address.
    #[arg(long, value_name = "ADDRESS", default_value = "")]
    email: String,
    /// Name of the workspace; created if the server has none at all yet.
    #[arg(long, value_name = "NAME", default_value = "default")]
    workspace: String,
}

/// Creates a superuser; the password comes from standard input, one line.
pub(super) async fn create(arguments: CreateArguments) -> anyhow::Result<()> {
    let config = arguments.place.config()?;
    let keys = Keys::load_or_create(&config.server.data_dir.join("keys"))?;
    let password = read_password(&arguments.username)?;
    let store = super::node::open_store(&config, &keys).await?;
    store.migrate().await?;
    let workspace = find_or_create_workspace(&store, &keys, &arguments.workspace).await?;
    let new = SuperuserSpec {
        username: arguments.username,
        email: arguments.email,
        password,
        account: HostAccount::default(),
    };
    let user = create_superuser(&store, WorkspaceId(workspace.id), new).await?;
    say(&format!(
        "Superuser {} created in workspace {}.",
        user.username, workspace.name
    ));
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the command's confirmation")]
fn say(text: &str) {
    println!("{text}");
}

#[expect(clippy::print_stderr, reason = "the prompt of an interactive command")]
fn read_password(username: &str) -> anyhow::Result<String> {
    let stdin = std::io::stdin();
    let hidden = if stdin.is_terminal() {
        eprint!("Password for the new superuser: ");
        Some(HiddenInput::start()?)
    } else {
        None
    };
    let mut line = String::new();
    stdin
        .lock()
        .read_line(&mut line)
        .context("cannot read the password")?;
    if hidden.is_some() {
        eprintln!();
    }
    drop(hidden);
    let password = line.trim_end_matches(['\n', '\r']).to_owned();
    iam::password::check(&password, &[username])?;
    Ok(password)
}

/// A terminal that does not show what is typed, until this is dropped.
struct HiddenInput(Termios);

impl HiddenInput {
    fn start() -> anyhow::Result<Self> {
        let before = tcgetattr(std::io::stdin()).context("cannot read the terminal's mode")?;
        let mut quiet = before.clone();
        quiet.local_modes.remove(LocalModes::ECHO);
        tcsetattr(std::io::stdin(), OptionalActions::Flush, &quiet)
            .context("cannot stop the terminal from showing the password")?;
        Ok(Self(before))
    }
}

impl Drop for HiddenInput {
    fn drop(&mut self) {
        // The process is about to end its prompt either way.
        let _ = tcsetattr(std::io::stdin(), OptionalActions::Flush, &self.0);
    }
}

/// A superuser to be created.
pub(super) struct SuperuserSpec {
    pub(super) username: String,
    pub(super) email: String,
    pub(super) password: String,
    pub(super) account: HostAccount,
}

/// What is known of the account on hosts.
pub(super) struct HostAccount {
    /// None: one is given out.
    pub(super) uid: Option<i64>,
    pub(super) home: String,
    pub(super) shell: String,
}

impl Default for HostAccount {
    fn default() -> Self {
        Self {
            uid: None,
            home: String::new(),
            shell: "/bin/bash".to_owned(),
        }
    }
}

pub(super) async fn create_superuser(
    store: &Store,
    workspace: WorkspaceId,
    new: SuperuserSpec,
) -> anyhow::Result<user::Model> {
    let password_hash = password::hash(new.password).await?;
    let unit = store.begin(workspace).await?;
    let created = unit
        .tenant()
        .identity()
        .create_user(NewUser {
            username: new.username.clone(),
            email: new.email,
            password_hash: Some(password_hash),
            shell: new.account.shell,
            home_directory: new.account.home,
            uid: new.account.uid,
            is_staff: true,
            is_superuser: true,
            ..NewUser::default()
        })
        .await;
    let user = match created {
        Ok(user) => user,
        Err(StoreError::Conflict(_)) => bail!("the user {} exists already", new.username),
        Err(error) => return Err(error.into()),
    };
    unit.audit(AuditRecord {
        actor: Actor::system(),
        ip: String::new(),
        app: "iam",
        model: "user",
        object_id: Some(user.id),
        action: "create",
        status_code: 201,
        description: format!(
            "superuser {} created on the server's command line",
            user.username
        ),
        data: json!({"is_superuser": true}),
    })
    .await?;
    unit.commit().await?;
    Ok(user)
}

pub(super) async fn find_or_create_workspace(
    store: &Store,
    keys: &Keys,
    name: &str,
) -> anyhow::Result<workspace::Model> {
    if !store.workspaces().await?.is_empty() {
        // A wrong name must not make a workspace by the way.
        return super::workspaces::find(store, name).await;
    }
    crate::workspace::address::check_name(name)?;
    let settings = json!(crate::workspace::Settings::default());
    Ok(store
        .create_workspace(name, "", settings, &keys.audit)
        .await?)
}
