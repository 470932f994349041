//! `alpacon-server workspace …`: what only the operator of a server may do. A running
//! server notices within a second.

use anyhow::{Context as _, bail, ensure};
use clap::{Args, Subcommand};
use protocol::id::WorkspaceId;
use serde_json::json;
use store::audit::{Actor, AuditRecord};
use store::entity::workspace;
use store::{Store, StoreError, Unit};

use super::place::Place;
use crate::workspace::address;

#[derive(Debug, Subcommand)]
pub(super) enum WorkspaceCommand {
    /// Create a workspace. Its first superuser comes next: alpacon-server superuser create.
    Create(CreateArguments),
    /// List the workspaces.
    List(ListArguments),
    /// Serve a workspace under another host name.
    SetHost(HostArguments),
    /// Serve a workspace under one more host name.
    AddHost(HostArguments),
    /// Serve a workspace no longer under a further host name.
    RemoveHost(HostArguments),
    /// Serve a workspace no longer: logins and tokens are refused, what runs is stopped.
    Disable(NameArguments),
    /// Serve a disabled workspace again.
    Enable(NameArguments),
    /// Take away the lock that a superuser put on a workspace.
    Unlock(NameArguments),
}

#[derive(Debug, Args)]
pub(super) struct CreateArguments {
    /// Name: a label of letters, digits and hyphens.
    name: String,
    /// Host name that leads to it. The first workspace of a server needs none: it then
    /// serves every name.
    #[arg(long, value_name = "HOST", default_value = "")]
    host: String,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Args)]
pub(super) struct ListArguments {
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Args)]
pub(super) struct HostArguments {
    /// Name of the workspace.
    name: String,
    /// Host name that leads to it.
    host: String,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Args)]
pub(super) struct NameArguments {
    /// Name of the workspace.
    name: String,
    #[command(flatten)]
    place: Place,
}

pub(super) async fn run(command: WorkspaceCommand) -> anyhow::Result<()> {
    match command {
        WorkspaceCommand::Create(arguments) => create(arguments).await,
        WorkspaceCommand::List(arguments) => list(arguments).await,
        WorkspaceCommand::SetHost(arguments) => set_host(arguments).await,
        WorkspaceCommand::AddHost(arguments) => add_host(arguments).await,
        WorkspaceCommand::RemoveHost(arguments) => remove_host(arguments).await,
        WorkspaceCommand::Disable(arguments) => set_enabled(arguments, false).await,
        WorkspaceCommand::Enable(arguments) => set_enabled(arguments, true).await,
        WorkspaceCommand::Unlock(arguments) => unlock(arguments).await,
    }
}

async fn create(arguments: CreateArguments) -> anyhow::Result<()> {
    address::check_name(&arguments.name)?;
    let host = host(&arguments.host)?;
    let (_, keys, store) = arguments.place.existing().await?;
    store.migrate().await?;
    let existing = store.workspaces().await?;
    if let Some(nameless) = existing.iter().find(|row| row.host.is_empty()) {
        bail!(
            "the workspace {0} has no host name and serves them all; give it one first: \
             alpacon-server workspace set-host {0} HOST",
            nameless.name
        );
    }
    ensure!(
        existing.is_empty() || !host.is_empty(),
        "a second workspace needs a host name of its own: --host HOST"
    );
    let settings = json!(crate::workspace::Settings::default());
    let row = store
        .create_workspace(&arguments.name, &host, settings, &keys.audit)
        .await
        .map_err(|error| taken(error, &arguments.name, &host))?;
    let unit = store.begin(WorkspaceId(row.id)).await?;
    record(&unit, &row, "create", json!({"host": host})).await?;
    unit.commit().await?;
    say(&format!(
        "Workspace {0} created. Create its superuser: alpacon-server superuser create \
         --workspace {0} --username NAME",
        row.name
    ));
    Ok(())
}

async fn list(arguments: ListArguments) -> anyhow::Result<()> {
    let (_, _, store) = arguments.place.existing().await?;
    let rows = store.workspaces().await?;
    let further = store.workspace_hosts().await?;
    let hosts = |row: &workspace::Model| -> Vec<&str> {
        let own = further.iter().filter(|host| host.workspace_id == row.id);
        own.map(|host| host.host.as_str()).collect()
    };
    if arguments.json {
        let rows: Vec<_> = rows
            .iter()
            .map(|row| {
                json!({"id": row.id, "name": row.name, "host": row.host,
                    "hosts": hosts(row), "is_enabled": row.is_enabled, "added_at": row.added_at})
            })
            .collect();
        say(&serde_json::to_string_pretty(&rows)?);
        return Ok(());
    }
    say(&format!("{:<24} {:<40} STATE", "NAME", "HOST"));
    for row in rows {
        let first = match row.host.as_str() {
            "" => "(every name)",
            host => host,
        };
        let host = [&[first][..], hosts(&row).as_slice()].concat().join(", ");
        let state = if row.is_enabled {
            "enabled"
        } else {
            "disabled"
        };
        say(&format!("{:<24} {host:<40} {state}", row.name));
    }
    Ok(())
}

async fn set_host(arguments: HostArguments) -> anyhow::Result<()> {
    let host = host(&arguments.host)?;
    ensure!(!host.is_empty(), "the host name is empty");
    let (_, _, store) = arguments.place.existing().await?;
    let row = find(&store, &arguments.name).await?;
    let unit = store.begin(WorkspaceId(row.id)).await?;
    unit.tenant()
        .set_host(&host)
        .await
        .map_err(|error| taken(error, &row.name, &host))?;
    let data = json!({"from": row.host, "to": host});
    record(&unit, &row, "update", data).await?;
    unit.commit().await?;
    say(&format!(
        "Workspace {} is served under {host}. Its agents and clients must use this name.",
        row.name
    ));
    Ok(())
}

async fn add_host(arguments: HostArguments) -> anyhow::Result<()> {
    let host = address::check_host(&arguments.host)?;
    let (_, _, store) = arguments.place.existing().await?;
    let row = find(&store, &arguments.name).await?;
    ensure!(
        !row.host.is_empty(),
        "the workspace {0} has no host name yet and serves them all; give it its first: \
         alpacon-server workspace set-host {0} HOST",
        row.name
    );
    let unit = store.begin(WorkspaceId(row.id)).await?;
    let added = unit.tenant().add_host(&host).await;
    if !added.map_err(|error| taken(error, &row.name, &host))? {
        say(&format!(
            "Workspace {} is served under {host} already.",
            row.name
        ));
        return Ok(());
    }
    record(&unit, &row, "update", json!({"added_host": host})).await?;
    unit.commit().await?;
    say(&format!(
        "Workspace {} is served under {host} too. Passkeys work only at the name that they \
         were made at.",
        row.name
    ));
    Ok(())
}

async fn remove_host(arguments: HostArguments) -> anyhow::Result<()> {
    let host = address::check_host(&arguments.host)?;
    let (_, _, store) = arguments.place.existing().await?;
    let row = find(&store, &arguments.name).await?;
    let unit = store.begin(WorkspaceId(row.id)).await?;
    ensure!(
        unit.tenant().remove_host(&host).await?,
        "{host} is no further host name of the workspace {}; see: alpacon-server workspace list",
        row.name
    );
    record(&unit, &row, "update", json!({"removed_host": host})).await?;
    unit.commit().await?;
    say(&format!(
        "Workspace {} is no longer served under {host}.",
        row.name
    ));
    Ok(())
}

async fn set_enabled(arguments: NameArguments, is_enabled: bool) -> anyhow::Result<()> {
    let (_, _, store) = arguments.place.existing().await?;
    let row = find(&store, &arguments.name).await?;
    let (action, done) = match is_enabled {
        true => ("enable", "enabled"),
        false => ("disable", "disabled"),
    };
    if row.is_enabled == is_enabled {
        say(&format!("Workspace {} is {done} already.", row.name));
        return Ok(());
    }
    let unit = store.begin(WorkspaceId(row.id)).await?;
    unit.tenant().set_enabled(is_enabled).await?;
    record(&unit, &row, action, json!({})).await?;
    unit.commit().await?;
    say(&format!("Workspace {} {done}.", row.name));
    Ok(())
}

async fn unlock(arguments: NameArguments) -> anyhow::Result<()> {
    let (_, _, store) = arguments.place.existing().await?;
    let row = find(&store, &arguments.name).await?;
    let unit = store.begin(WorkspaceId(row.id)).await?;
    let locks = unit.tenant().locks();
    let kind = Some(store::locks::LockKind::Workspace);
    let (held, _) = locks.list(kind, None, store::Paging::default()).await?;
    if held.is_empty() {
        say(&format!("Workspace {} is not locked.", row.name));
        return Ok(());
    }
    for lock in held {
        locks.delete(protocol::id::LockId(lock.id)).await?;
    }
    record(&unit, &row, "unlock", json!({})).await?;
    unit.commit().await?;
    say(&format!("Workspace {} unlocked.", row.name));
    Ok(())
}

fn host(given: &str) -> anyhow::Result<String> {
    Ok(match given {
        "" => String::new(),
        given => address::check_host(given)?,
    })
}

fn taken(error: StoreError, name: &str, host: &str) -> anyhow::Error {
    match error {
        StoreError::Conflict(what) if what.contains("host") => {
            anyhow::anyhow!("another workspace is served under {host}")
        }
        StoreError::Conflict(_) => anyhow::anyhow!("there is a workspace called {name} already"),
        other => other.into(),
    }
}

/// The workspace of this name.
pub(super) async fn find(store: &Store, name: &str) -> anyhow::Result<workspace::Model> {
    store.workspace_by_name(name).await?.with_context(|| {
        format!("there is no workspace called {name}; see: alpacon-server workspace list")
    })
}

async fn record(
    unit: &Unit,
    row: &workspace::Model,
    action: &'static str,
    data: serde_json::Value,
) -> anyhow::Result<()> {
    unit.audit(AuditRecord {
        actor: Actor::system(),
        ip: String::new(),
        app: "workspace",
        model: "workspace",
        object_id: Some(row.id),
        action,
        status_code: 200,
        description: format!(
            "{action} workspace {} on the server's command line",
            row.name
        ),
        data,
    })
    .await?;
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the output of the commands")]
fn say(text: &str) {
    println!("{text}");
}
