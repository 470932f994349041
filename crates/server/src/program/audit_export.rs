//! `alpacon-server audit export` and `verify-export`.

use std::fs::File;
use std::io::{BufReader, BufWriter, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::Args;
use protocol::id::WorkspaceId;
use store::audit_export::verify_export;

use super::place::Place;

#[derive(Debug, Args)]
pub(super) struct ExportArguments {
    #[command(flatten)]
    place: Place,
    /// Which workspace; may be left out where there is only one.
    #[arg(long, value_name = "NAME")]
    workspace: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct VerifyExportArguments {
    /// The exported file.
    file: PathBuf,
    /// Public key (hex) of whoever exported it.
    #[arg(long, value_name = "HEX")]
    public_key: String,
}

/// Writes a chain to standard output; a server may be running meanwhile.
#[expect(clippy::print_stderr, reason = "the command's report")]
pub(super) async fn export(arguments: ExportArguments) -> anyhow::Result<()> {
    let (_, keys, store) = arguments.place.existing().await?;
    let mut workspaces = store.workspaces().await?;
    if let Some(name) = &arguments.workspace {
        workspaces.retain(|row| row.name == *name);
    }
    let [row] = workspaces.as_slice() else {
        bail!("name one workspace with --workspace; see: alpacon-server workspace ls");
    };
    let mut out = BufWriter::new(std::io::stdout().lock());
    let entries = store
        .export_audit(WorkspaceId(row.id), &row.name, |line| {
            writeln!(out, "{line}")
        })
        .await?;
    out.flush().context("the export could not be written")?;
    eprintln!(
        "{}: {entries} records; verify with: alpacon-server audit verify-export FILE \
         --public-key {}",
        row.name,
        keys.audit.public_hex()
    );
    Ok(())
}

/// Verifies a file.
#[expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the command's report"
)]
pub(super) fn verify(arguments: &VerifyExportArguments) -> anyhow::Result<ExitCode> {
    let key = chain::PublicKey::parse(&arguments.public_key)?;
    let file = File::open(&arguments.file);
    let file = file.with_context(|| format!("cannot open {}", arguments.file.display()))?;
    match verify_export(BufReader::new(file), &key) {
        Ok(verified) => {
            println!(
                "{}: {} records verified, head {} signed by {}",
                verified.workspace, verified.entries, verified.head.hash, verified.head.key_id,
            );
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => {
            eprintln!("{}: NOT VERIFIED: {error}", arguments.file.display());
            Ok(ExitCode::FAILURE)
        }
    }
}
