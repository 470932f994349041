//! The programs as they are shipped: one binary each that runs on old
//! distributions.
//!
//! A binary needs at least the glibc it was linked against. The agent cannot be
//! static, because a host's directory services are found through glibc; so it is
//! linked against an old one. The zig linker knows those, and comes, like the cargo
//! command that drives it, as Python packages into a folder below `target`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::packages::{self, Need};
use crate::{man, repository, run};

/// What the binaries run on: Debian 10, Ubuntu 20.04, RHEL 8 and newer.
const GLIBC: (u32, u32) = (2, 28);
/// The target the binaries are for.
const TARGET: &str = "x86_64-unknown-linux-gnu";
/// Cargo packages of the programs, each with its binary's name.
const PROGRAMS: [(&str, &str); 3] = [
    ("alpacon-server", "alpacon-server"),
    ("alpamon", "alpamon"),
    ("alpacon", "alpacon"),
];
/// The linker, and the cargo command that drives it.
const TOOLS: [&str; 2] = ["ziglang==0.17.1", "cargo-zigbuild==0.24.1"];

/// Builds the programs, checks what they need, and puts them beside man pages and
/// completions in `target/dist`.
///
/// # Errors
/// When a tool is missing, the build fails, or a binary needs a newer glibc.
pub(crate) fn run() -> Result<()> {
    packages::ensure(&[Need::Python, Need::Binutils])?;
    let tools = tools()?;
    let target = format!("{TARGET}.{}.{}", GLIBC.0, GLIBC.1);
    let mut build = run::cargo();
    build.args(["zigbuild", "--release", "--target", &target]);
    for (package, _) in PROGRAMS {
        build.args(["--package", package]);
    }
    run::inherit(build.env("PATH", path_with(&tools)?))?;

    let built = repository::target().join(TARGET).join("release");
    let folder = repository::target().join("dist");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    for (_, program) in PROGRAMS {
        let binary = built.join(program);
        let needs = needed_glibc(&run::capture(
            Command::new("objdump").arg("-T").arg(&binary),
        )?);
        ensure!(
            needs <= GLIBC,
            "{program} needs glibc {}.{}, more than {}.{}",
            needs.0,
            needs.1,
            GLIBC.0,
            GLIBC.1
        );
        fs::copy(&binary, folder.join(program))
            .with_context(|| format!("cannot copy {}", binary.display()))?;
        println!("{program}: needs glibc {}.{}", needs.0, needs.1);
    }
    man::run()
}

/// The folder with the tools, installed if they are not there.
fn tools() -> Result<PathBuf> {
    let venv = repository::target().join("dist-tools");
    let programs = venv.join("bin");
    if !programs.join("cargo-zigbuild").is_file() {
        run::inherit(Command::new("python3").args(["-m", "venv"]).arg(&venv))?;
        run::inherit(
            Command::new(programs.join("pip"))
                .args(["install", "--quiet"])
                .args(TOOLS),
        )?;
    }
    Ok(programs)
}

fn path_with(folder: &Path) -> Result<std::ffi::OsString> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(folder.to_owned()).chain(std::env::split_paths(&path));
    match std::env::join_paths(folders) {
        Ok(path) => Ok(path),
        Err(error) => bail!("PATH cannot hold {}: {error}", folder.display()),
    }
}

/// The newest glibc version among the symbols of a binary.
fn needed_glibc(symbols: &str) -> (u32, u32) {
    symbols
        .split("GLIBC_")
        .skip(1)
        .filter_map(|rest| {
            let version = rest
                .split(|c: char| !c.is_ascii_digit() && c != '.')
                .next()?;
            let (major, rest) = version.split_once('.')?;
            let minor = rest.split('.').next()?;
            Some((major.parse().ok()?, minor.parse().ok()?))
        })
        .max()
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::needed_glibc;

    #[test]
    fn the_newest_symbol_decides() {
        let symbols = "0 DF *UND* 0 (GLIBC_2.2.5) read\n0 DF *UND* 0 (GLIBC_2.28) fcntl64\n\
                       0 w DF *UND* 0 (GLIBC_2.9) pipe2\n";
        assert_eq!(needed_glibc(symbols), (2, 28));
        assert_eq!(needed_glibc("no such symbol"), (0, 0));
    }
}
