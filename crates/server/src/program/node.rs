//! A running node: everything started in order, and stopped in order.

use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use store::{Store, StoreOptions};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::agents::Hub;
use crate::app::{App, SharedApp};
use crate::commands::Feeds;
use crate::config::Config;
use crate::crypto::keys::Keys;
use crate::egress::Addresses;
use crate::events::EventHub;
use crate::http::listen::{self, DRAIN_TIMEOUT};
use crate::http::middleware::LoginLimiter;
use crate::http::router;
use crate::identity::guesses::Guesses;
use crate::locks::{self, Locks};
use crate::mail::{self, Mailer};
use crate::mfa::Codes;
use crate::notifications::{self, Outbound};
use crate::oauth::bearer::Bearers;
use crate::oauth::keys::SigningKeys;
use crate::objects::{LinkKey, Objects, RemoteStore};
use crate::oidc::{Fetcher, Issuers};
use crate::telemetry::Metrics;
use crate::workspace::Workspaces;
use crate::{
    applications, approvals, audit, commands, fleet, iam, oauth, rendezvous, transfers, tunnels,
    websh, work_sessions,
};

/// The public agent replaces the text 8000 by 8081 in the URL of its WebSockets.
const REPLACED_PORT: u16 = 8000;
const REPLACEMENT_PORT: u16 = 8081;

/// Opens the database of a configuration.
pub(super) async fn open_store(config: &Config, keys: &Keys) -> anyhow::Result<Store> {
    std::fs::create_dir_all(&config.server.data_dir).with_context(|| {
        format!(
            "server.data_dir: cannot create {}",
            config.server.data_dir.display()
        )
    })?;
    let url = config.database_url();
    Store::open(StoreOptions {
        url: &url,
        audit_key: keys.audit.clone(),
    })
    .await
    .context("database.url: cannot open the database")
}

/// The data folder is for the server's own eyes: it holds keys and the database.
pub(super) fn create_data_dir(path: &Path) -> anyhow::Result<()> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .with_context(|| format!("server.data_dir: cannot create {}", path.display()))
}

/// The TLS configuration, if the node serves TLS itself.
pub(super) fn check_tls(config: &Config) -> anyhow::Result<Option<Arc<rustls::ServerConfig>>> {
    let (Some(certificate), Some(key)) = (&config.tls.certificate, &config.tls.key) else {
        return Ok(None);
    };
    server_tls(certificate, key).map(Some)
}

fn server_tls(certificate: &Path, key: &Path) -> anyhow::Result<Arc<rustls::ServerConfig>> {
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect)
        .with_context(|| format!("tls.certificate: cannot read {}", certificate.display()))?;
    let key = PrivateKeyDer::from_pem_file(key)
        .with_context(|| format!("tls.key: cannot read {}", key.display()))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut tls = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .context("tls: the certificate and the key do not fit together")?;
    tls.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(tls))
}

/// A node that accepts requests.
pub(super) struct Node {
    pub(super) app: SharedApp,
    pub(super) address: SocketAddr,
    listeners: Vec<TcpListener>,
    tls: Option<Arc<rustls::ServerConfig>>,
}

impl Node {
    /// Opens the database, migrates it and binds the address.
    pub(super) async fn start(config: Config, keys: Keys) -> anyhow::Result<Self> {
        let tls = check_tls(&config)?;
        let mailer = Mailer::new(&config.mail)?;
        let outbound = Outbound::new(&config.notifications)?;
        let issuers = open_issuers(&config)?;
        let store = open_store(&config, &keys).await?;
        store
            .migrate()
            .await
            .context("the database could not be migrated")?;
        let workspaces = Workspaces::load(&store).await?;
        let locks = Locks::load(&store).await?;
        for workspace in workspaces.all() {
            // Whoever was connected to a process that is gone is not connected.
            let unit = store.begin(workspace.id).await?;
            unit.tenant().fleet().clear_presence().await?;
            let reason = tunnels::End::Restart.reason();
            unit.tenant().tunnels().close_left_open(reason).await?;
            unit.commit().await?;
            iam::ensure_everyone(&store, workspace.id).await?;
        }
        let signing_keys = SigningKeys::load(&store, &keys.sealing).await?;
        let listen = config.server.listen;
        let bind = async |address: SocketAddr| {
            TcpListener::bind(address)
                .await
                .with_context(|| format!("server.listen: cannot listen on {address}"))
        };
        let (first, address) = loop {
            let listener = bind(listen).await?;
            let address = listener.local_addr()?;
            // A free port is our choice, so not one that the public agent rewrites.
            if listen.port() != 0 || !address.port().to_string().contains("8000") {
                break (listener, address);
            }
        };
        let mut listeners = vec![first];
        if address.port() == REPLACED_PORT {
            listeners.push(bind(SocketAddr::new(address.ip(), REPLACEMENT_PORT)).await?);
        }
        let objects = open_objects(&config, &keys)?;
        let app = Arc::new(App {
            started_at: store::now(),
            config,
            store,
            keys,
            workspaces,
            locks,
            agents: Hub::default(),
            events: EventHub::default(),
            feeds: Feeds::default(),
            tunnels: rendezvous::Hub::default(),
            websh: websh::Hub::default(),
            file_browsers: rendezvous::Hub::default(),
            transfer_feeds: Feeds::default(),
            objects,
            login_limiter: LoginLimiter::new(),
            mailer,
            outbound,
            issuers,
            device_limiter: LoginLimiter::new(),
            signing_keys,
            bearers: Bearers::default(),
            guesses: Guesses::default(),
            codes: Codes::new(),
            metrics: Metrics::new(),
            tasks: TaskTracker::new(),
            shutdown: CancellationToken::new(),
        });
        Ok(Self {
            app,
            address,
            listeners,
            tls,
        })
    }

    /// Serves until SIGTERM or SIGINT, then drains.
    pub(super) async fn run(self) -> anyhow::Result<()> {
        self.run_with(|| Ok(())).await
    }

    /// Like [`Self::run`]; calls `ready` once requests are accepted.
    pub(super) async fn run_with(
        self,
        ready: impl FnOnce() -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let Self {
            app,
            address,
            listeners,
            tls,
        } = self;
        websh::revive(&app)
            .await
            .context("the terminals that were open could not be read")?;
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        start_clocks(&app);
        let router = router::router(&app);
        let serving = TaskTracker::new();
        for listener in listeners {
            let shutdown = app.shutdown.clone();
            serving.spawn(listen::serve(
                listener,
                tls.clone(),
                router.clone(),
                shutdown,
            ));
        }
        serving.close();
        tracing::info!(%address, tls = tls.is_some(), database = app.store.kind(), "serving");
        ready()?;
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("draining");
        app.shutdown.cancel();
        serving.wait().await;
        app.tasks.close();
        if tokio::time::timeout(DRAIN_TIMEOUT, app.tasks.wait())
            .await
            .is_err()
        {
            tracing::warn!("work still going on after the drain time is cut");
        }
        tracing::info!("stopped");
        Ok(())
    }
}

/// Issuers that others trust, and how they are reached.
fn open_issuers(config: &Config) -> anyhow::Result<Issuers> {
    let addresses = Addresses::new(&config.oidc.private_hosts, "oidc.private_hosts");
    let fetcher = Fetcher::new(addresses, config.oidc.ca_file.as_deref());
    Ok(Issuers::new(fetcher.context(
        "oidc.ca_file: issuers could not be trusted by it",
    )?))
}

/// The store of transferred content.
fn open_objects(config: &Config, keys: &Keys) -> anyhow::Result<Objects> {
    let folder = config.objects_folder();
    let remote = match &config.objects.bucket {
        Some(bucket) => Some(
            RemoteStore::open(&config.objects, bucket)
                .context("objects.bucket: the object store cannot be used")?,
        ),
        None => None,
    };
    Objects::open(LinkKey::new(&keys.links), folder.clone(), remote)
        .with_context(|| format!("objects.folder: cannot use {}", folder.display()))
}

fn start_clocks(app: &SharedApp) {
    app.spawn(commands::run_clock(app.clone()));
    app.spawn(transfers::run_clock(app.clone()));
    app.spawn(work_sessions::run_clock(app.clone()));
    app.spawn(approvals::run_clock(app.clone()));
    app.spawn(fleet::run_clock(app.clone()));
    app.spawn(rendezvous::run_clock(app.clone()));
    app.spawn(websh::run_clock(app.clone()));
    app.spawn(locks::watch(app.clone()));
    app.spawn(mail::run(app.clone()));
    app.spawn(notifications::run(app.clone()));
    app.spawn(oauth::keys::run_clock(app.clone()));
    let checkpoints = audit::Checkpoints(app.config.server.data_dir.join("audit-heads.jsonl"));
    app.spawn(audit::run_checkpoints(app.clone(), checkpoints));
    app.spawn(housekeeping(app.clone()));
}

/// What has to be forgotten now and then.
async fn housekeeping(app: SharedApp) {
    let mut ticks = tokio::time::interval(std::time::Duration::from_secs(30));
    loop {
        ticks.tick().await;
        app.events.sweep();
        app.login_limiter.sweep();
        mail::sweep(&app).await;
        notifications::sweep(&app).await;
        app.device_limiter.sweep();
        app.guesses.sweep();
        app.codes.sweep();
        app.bearers.sweep();
        for workspace in app.workspaces.all() {
            let swept: Result<(), store::StoreError> = async {
                let unit = app.store.begin(workspace.id).await?;
                let identity = unit.tenant().identity();
                identity.delete_expired_logins(store::now()).await?;
                identity
                    .delete_expired_password_resets(store::now())
                    .await?;
                applications::forget(&unit).await?;
                unit.tenant().trust().forget_used(store::now()).await?;
                let federation = unit.tenant().federation();
                federation.forget_departures(store::now()).await?;
                identity.delete_expired_invitations(store::now()).await?;
                unit.tenant().oauth().sweep(store::now()).await?;
                unit.tenant().mfa().delete_expired(store::now()).await?;
                unit.commit().await
            }
            .await;
            if let Err(error) = swept {
                tracing::warn!(%error, "expired logins could not be removed");
            }
        }
    }
}
