//! `alpacon-server audit verify`.

use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use protocol::id::WorkspaceId;

use super::place::Place;
use crate::audit::Checkpoints;

#[derive(Debug, Args)]
pub(super) struct VerifyArguments {
    #[command(flatten)]
    place: Place,
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
    let (config, keys, store) = arguments.place.existing().await?;
    let key = match arguments.public_key {
        Some(hex) => chain::PublicKey::parse(&hex)?,
        None => keys.audit.public()?,
    };
    let kept = Checkpoints(config.server.data_dir.join("audit-heads.jsonl")).read();
    let mut kept = kept.context("the kept audit heads cannot be read")?;
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
