//! `alpacon-server audit verify`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use protocol::id::WorkspaceId;

use crate::audit::Checkpoints;
use crate::config::Config;
use crate::crypto::keys::Keys;

#[derive(Debug, Args)]
pub(super) struct VerifyArguments {
    /// Configuration file (TOML).
    #[arg(
        long,
        value_name = "FILE",
        env = "ALPACON_CONFIG",
        conflicts_with = "data"
    )]
    config: Option<PathBuf>,
    /// Data folder of an embedded node.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Verify this database instead of the configured one.
    #[arg(
        long,
        value_name = "URL",
        env = "ALPACON_DATABASE__URL",
        hide_env_values = true
    )]
    database_url: Option<String>,
    /// Public key (hex) to verify with, instead of the one in the data folder.
    #[arg(long, value_name = "HEX")]
    public_key: Option<String>,
}

/// Verifies every workspace's chain; a server may be running meanwhile.
#[expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the command's report"
)]
pub(super) async fn verify(arguments: VerifyArguments) -> anyhow::Result<ExitCode> {
    let mut config = Config::load(arguments.config.as_deref())?;
    if let Some(data) = arguments.data {
        config.server.data_dir = data;
    }
    if arguments.database_url.is_some() {
        config.database.url = arguments.database_url;
    }
    let data_dir = &config.server.data_dir;
    // Looking must not make a data folder where there is none.
    anyhow::ensure!(
        data_dir.is_dir(),
        "there is no data folder {}",
        data_dir.display()
    );
    let keys = Keys::load_or_create(&data_dir.join("keys"))?;
    let key = match arguments.public_key {
        Some(hex) => chain::PublicKey::parse(&hex)?,
        None => keys.audit.public()?,
    };
    let kept = Checkpoints(data_dir.join("audit-heads.jsonl")).read();
    let mut kept = kept.context("the kept audit heads cannot be read")?;
    let store = super::node::open_store(&config, &keys).await?;
    let mut sound = true;
    for row in store.workspaces().await? {
        let id = WorkspaceId(row.id);
        let heads = kept.remove(&id).unwrap_or_default();
        let checked = heads.len();
        match store.verify_audit(id, &row.name, &key, heads).await {
            Ok(verified) => println!(
                "{}: {} records verified, head {} signed by {}, {checked} kept heads agree",
                verified.workspace, verified.entries, verified.head.hash, verified.head.key_id,
            ),
            Err(error) => {
                sound = false;
                eprintln!("{}: NOT VERIFIED: {error}", row.name);
            }
        }
    }
    for id in kept.keys() {
        sound = false;
        eprintln!("{id}: NOT VERIFIED: the workspace is gone, but its audit heads were kept");
    }
    Ok(if sound {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
