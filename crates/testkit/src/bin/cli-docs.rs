//! Writes the man pages and shell completions of `alpacon` into a folder:
//! `cli-docs FOLDER`. `cargo xtask man` runs it.

#![forbid(unsafe_code)]

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use clap_complete::Shell;

fn main() -> Result<()> {
    let folder = std::env::args_os()
        .nth(1)
        .context("usage: cli-docs FOLDER")?;
    let folder = Path::new(&folder);
    let pages = folder.join("man");
    let completions = folder.join("completions");
    fs::create_dir_all(&pages)?;
    fs::create_dir_all(&completions)?;
    clap_mangen::generate_to(alpacon_cli::command(), &pages)?;
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish, Shell::PowerShell] {
        clap_complete::generate_to(shell, &mut alpacon_cli::command(), "alpacon", &completions)?;
    }
    Ok(())
}
