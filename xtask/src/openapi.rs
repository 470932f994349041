//! The OpenAPI document, checked in so that a change of the API shows in review.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::build::{self, Profile};
use crate::{repository, run};

/// What `cargo xtask openapi` takes.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Only check that the document is up to date.
    #[arg(long)]
    check: bool,
}

/// Writes or checks the document.
///
/// # Errors
/// When the build fails, or with `--check` when the document is out of date.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    build::programs(Profile::Debug)?;
    if arguments.check {
        return check();
    }
    fs::write(path(), document()?)?;
    println!("wrote {}", path().display());
    Ok(())
}

/// Compares the checked-in document with the one of the built server.
///
/// # Errors
/// When they differ.
pub(crate) fn check() -> Result<()> {
    let path = path();
    let kept =
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    ensure!(
        kept == document()?,
        "{} is out of date; run `cargo xtask openapi` and commit the result",
        path.display()
    );
    Ok(())
}

fn document() -> Result<String> {
    let server = build::binaries(Profile::Debug)?.server();
    let mut text = run::capture(Command::new(server).arg("openapi"))?;
    if !text.ends_with('\n') {
        text.push('\n');
    }
    Ok(text)
}

fn path() -> PathBuf {
    repository::root().join("docs/openapi.json")
}
