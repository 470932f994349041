//! The daemon: from the configuration to a working agent, and back down.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use protocol::agent::{AccessPolicy, AgentEvent};
use reqwest::Method;
use tokio::signal::unix::{SignalKind, signal};

use crate::auth_socket::{Authority, Tracker};
use crate::backhaul::Backhaul;
use crate::collector::Collector;
use crate::config::Config;
use crate::config::paths::{self, Paths};
use crate::dispatch::Dispatcher;
use crate::executor::{Executor, Own, Supervised, Supervisors};
use crate::files::Files;
use crate::internal::Internal;
use crate::inventory::Inventory;
use crate::lifecycle::{Exit, Lifecycle};
use crate::log::{self, Uploads};
use crate::orders::Verifier;
use crate::pty::Terminals;
use crate::reporter::Reporter;
use crate::reporter::background::{Errand, PRIORITY_EVENT};
use crate::server::{Server, VERSION};
use crate::tunnel::Tunnels;
use crate::{control, guard, random, session, sys};

/// The reports of what just ended get this long to arrive.
const DRAIN: Duration = Duration::from_secs(3);
/// Commands that were told to stop get this long to do so.
const STOP: Duration = Duration::from_secs(3);

/// Runs until something ends the daemon; how it ended.
///
/// # Errors
/// When it cannot start.
pub(crate) async fn run(config: Config, paths: &Paths, uploads: Uploads) -> anyhow::Result<Exit> {
    let lifecycle = Lifecycle::default();
    end_on_signals(&lifecycle)?;
    let server = Server::new(&config.server, &config.tls)?;
    let commissioned = tokio::select! {
        () = lifecycle.shutdown().cancelled() => return Ok(lifecycle.exit()),
        answer = session::check(&server) => answer,
    };
    let Some(commissioned) = commissioned else {
        return Ok(Exit::GaveUp);
    };
    tracing::info!(commissioned, "the server knows this agent");

    let tracker = Tracker::default();
    // Before the reporter: what it still holds is announced before it leaves.
    let supervisors = supervisors(&paths.state_dir, tracker.clone()).await;
    let resumed = match &supervisors {
        Some(supervisors) => supervisors.find().await,
        None => Vec::new(),
    };
    let reporter = Reporter::start(server.clone(), &paths::spool(&paths.state_dir));
    announce(&reporter, &resumed)?;
    tokio::spawn(log::upload(uploads, reporter.clone()));
    let policy = Arc::<Mutex<AccessPolicy>>::default();
    let inventory = Inventory::new(server.clone(), reporter.clone(), policy.clone());
    let authority = Authority::new(server.clone(), tracker.clone(), policy, lifecycle.clone());
    listen(&authority, paths);
    let collector = Collector::new(server.clone(), reporter.clone());
    let own = Own::current();
    let open_files = sys::raise_open_files();
    let terminals = Terminals::new(server.clone(), own.clone(), open_files, tracker.clone());
    let dispatcher = Dispatcher::new(
        reporter.clone(),
        Executor::new(
            reporter.clone(),
            own.clone(),
            open_files,
            tracker,
            supervisors,
        ),
        Internal {
            server: server.clone(),
            lifecycle: lifecycle.clone(),
            collector: collector.clone(),
            inventory: inventory.clone(),
            tunnels: Tunnels::new(server.clone()),
            terminals: terminals.clone(),
            files: Files::new(
                server.clone(),
                reporter.clone(),
                own,
                config.max_download_bytes,
            ),
        },
        verifier(&config),
        lifecycle.clone(),
        &config.pool,
    );
    for supervised in resumed {
        tracing::info!(command = supervised.command, "going on with a command");
        dispatcher.resume(supervised);
    }
    let backhaul = Backhaul {
        server: server.clone(),
        reporter: reporter.clone(),
        dispatcher: dispatcher.clone(),
        lifecycle: lifecycle.clone(),
    };
    let connections = [
        tokio::spawn(backhaul.run()),
        tokio::spawn(control::run(
            server,
            authority.approvals().clone(),
            lifecycle.clone(),
        )),
    ];
    tokio::spawn(async move {
        match collector.start().await {
            Ok(others) => tracing::debug!(others, "collector settings read"),
            Err(error) => tracing::info!(%error, "no collector"),
        }
    });
    tokio::spawn(inventory.first(commissioned, lifecycle.shutdown().clone()));
    lifecycle.shutdown().cancelled().await;

    tracing::info!("shutting down");
    let _late = tokio::time::timeout(STOP, dispatcher.finish()).await;
    let _late = tokio::time::timeout(STOP, terminals.finish()).await;
    reporter.drain(DRAIN).await;
    for connection in connections {
        let _ended = tokio::time::timeout(STOP, connection).await;
    }
    Ok(lifecycle.exit())
}

/// Answers the PAM module and the sudo plugin of this machine, which ask only root.
fn listen(authority: &Authority, paths: &Paths) {
    let Some(socket) = &paths.auth_socket else {
        return;
    };
    match authority.serve(socket) {
        Ok(serving) => drop(tokio::spawn(serving)),
        Err(error) => {
            tracing::error!(%error, socket = %socket.display(), "sudo cannot be asked about");
        }
    }
}

fn verifier(config: &Config) -> Option<Verifier> {
    let key = config.orders.clone();
    match &key {
        Some(key) => tracing::info!(key_id = key.key_id, "only signed orders are obeyed"),
        None => tracing::warn!("no order key is pinned: orders are obeyed unsigned"),
    }
    key.map(|key| Verifier::new(key, config.server.id.clone()))
}

/// Where this machine lets us hold trees.
async fn supervisors(state_dir: &Path, tracker: Tracker) -> Option<Supervisors> {
    let possible = tokio::task::spawn_blocking(guard::is_possible).await;
    if !possible.unwrap_or(false) {
        return None;
    }
    let folder = paths::guards(state_dir);
    Supervisors::new(folder, tracker)
        .inspect_err(|error| tracing::error!(%error, "no exec guard: its folder cannot be used"))
        .ok()
}

/// Tells the server that this process is new, which ends it still holds, and which
/// commands still run.
fn announce(reporter: &Reporter, resumed: &[Supervised]) -> anyhow::Result<()> {
    let event = AgentEvent {
        reporter: "alpamon".to_owned(),
        record: "started".to_owned(),
        description: format!("alpamon {VERSION} started"),
        boot_id: Some(random::token()?),
        unreported: (reporter.unreported().iter())
            .chain(resumed.iter().map(|supervised| &supervised.command))
            .filter_map(|id| id.parse().ok())
            .collect(),
    };
    let errand = Errand {
        method: Method::POST,
        path: "/api/events/events/".to_owned(),
        body: Some(serde_json::to_vec(&event)?),
        sync_hash: None,
        must_arrive: true,
    };
    reporter.errand(PRIORITY_EVENT, errand);
    Ok(())
}

fn end_on_signals(lifecycle: &Lifecycle) -> std::io::Result<()> {
    for kind in [SignalKind::terminate(), SignalKind::interrupt()] {
        let mut signals = signal(kind)?;
        let lifecycle = lifecycle.clone();
        tokio::spawn(async move {
            while signals.recv().await.is_some() {
                lifecycle.end(Exit::Stop);
            }
        });
    }
    Ok(())
}
