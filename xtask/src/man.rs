//! Man pages and shell completions of the CLI.

use std::process::Command;

use anyhow::Result;

use crate::build::{self, Profile};
use crate::{repository, run};

/// Writes them below `target/dist`.
///
/// # Errors
/// When the build fails or the folder cannot be written.
pub(crate) fn run() -> Result<()> {
    let binaries = build::programs(Profile::Debug)?;
    let folder = repository::target().join("dist");
    let writer = binaries.folder().join("cli-docs");
    run::inherit(Command::new(writer).arg(&folder))?;
    println!("wrote {}/man and {0}/completions", folder.display());
    Ok(())
}
