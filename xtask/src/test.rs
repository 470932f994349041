//! `cargo xtask test`: every test, and the end-to-end suite on each database.

mod tally;

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use clap::ValueEnum;

use crate::packages::{self, Need};
use crate::postgres::Cluster;
use crate::screen;
use crate::{repository, run};
use tally::Tally;

/// Names the database to the tests, see `testkit::Database`.
const DATABASE_VARIABLE: &str = "ALPACON_TEST_DATABASE";
/// URL of a PostgreSQL in which tests may create databases.
const POSTGRES_VARIABLE: &str = "ALPACON_TEST_POSTGRES_URL";
/// Packages whose tests depend on the database.
const DATABASE_PACKAGES: [&str; 3] = ["alpacon-store", "alpacon-server", "alpacon-testkit"];

/// What `cargo xtask test` takes.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Database of the tests that need one.
    #[arg(long, value_enum, default_value_t = Database::Both)]
    database: Database,
    /// Run only tests whose names contain one of these.
    filters: Vec<String>,
}

/// Which databases.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Database {
    Sqlite,
    Postgres,
    Both,
}

impl Arguments {
    /// What CI runs.
    pub(crate) fn everything() -> Self {
        Self {
            database: Database::Both,
            filters: Vec::new(),
        }
    }
}

/// Runs the tests and prints `N passed, N failed` last.
///
/// # Errors
/// When a package is missing, the build fails, or a test fails.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let sqlite = arguments.database != Database::Postgres;
    let postgres = arguments.database != Database::Sqlite;
    let needs: Vec<Need> = Need::TEST
        .into_iter()
        .filter(|need| postgres || *need != Need::PostgreSql)
        .collect();
    packages::ensure(&needs)?;

    screen::heading("Build");
    // All targets at once: tests enable features of shared dependencies, and the
    // programs they drive should come from the same build.
    run::inherit(run::cargo().args(["build", "--workspace", "--all-targets"]))?;

    let mut tally = Tally::default();
    let cluster = if postgres {
        Some(Cluster::start()?)
    } else {
        None
    };
    if sqlite {
        screen::heading("Tests, on SQLite");
        let mut command = run::cargo();
        command.args(["test", "--workspace", "--no-fail-fast", "--"]);
        command.args(&arguments.filters);
        command.env(DATABASE_VARIABLE, "sqlite");
        tests(&mut command, "SQLite", &mut tally)?;
    }
    if let Some(cluster) = &cluster {
        screen::heading("Tests that use a database, on PostgreSQL");
        let executables = executables()?;
        ensure!(
            !executables.is_empty(),
            "found no test that uses a database"
        );
        for executable in executables {
            let mut command = Command::new(&executable.path);
            command.args(&arguments.filters);
            command.current_dir(&executable.package);
            command.env("CARGO_MANIFEST_DIR", &executable.package);
            command.env(DATABASE_VARIABLE, "postgres");
            command.env(POSTGRES_VARIABLE, cluster.url());
            println!("     Running {}", executable.path.display());
            tests(&mut command, "PostgreSQL", &mut tally)?;
        }
    }

    screen::heading("Summary");
    for failure in &tally.failures {
        println!("  failed: {failure}");
    }
    println!("{} passed, {} failed", tally.passed, tally.failed);
    if tally.failed > 0 {
        bail!("{} tests failed", tally.failed);
    }
    ensure!(
        tally.passed > 0 || !arguments.filters.is_empty(),
        "no test ran"
    );
    Ok(())
}

/// Runs a test program, or cargo running several, and counts.
fn tests(command: &mut Command, label: &str, tally: &mut Tally) -> Result<()> {
    let line = run::display(command);
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot run `{line}`"))?;
    let before = tally.failed;
    if let Some(stdout) = child.stdout.take() {
        let mut reader = BufReader::new(stdout);
        let mut bytes = Vec::new();
        while reader.read_until(b'\n', &mut bytes)? > 0 {
            let text = String::from_utf8_lossy(&bytes);
            tally.read(label, text.trim_end());
            std::io::stdout().write_all(&bytes)?;
            bytes.clear();
        }
    }
    let status = child.wait()?;
    if !status.success() && tally.failed == before {
        tally.crashed(label, &format!("`{line}` ({status})"));
    }
    Ok(())
}

/// A built test program.
struct Executable {
    path: PathBuf,
    package: PathBuf,
}

fn executables() -> Result<Vec<Executable>> {
    let messages = run::capture(run::cargo().args([
        "test",
        "--workspace",
        "--no-run",
        "--quiet",
        "--message-format=json",
    ]))?;
    Ok(messages
        .lines()
        .filter_map(|line| executable(&serde_json::from_str(line).ok()?))
        .collect())
}

fn executable(message: &serde_json::Value) -> Option<Executable> {
    if message.get("reason")? != "compiler-artifact"
        || !message.get("profile")?.get("test")?.as_bool()?
    {
        return None;
    }
    let path = PathBuf::from(message.get("executable")?.as_str()?);
    let manifest = PathBuf::from(message.get("manifest_path")?.as_str()?);
    let package = manifest.parent()?.to_owned();
    let name = package
        .strip_prefix(repository::root().join("crates"))
        .ok()?;
    let uses_database = DATABASE_PACKAGES
        .iter()
        .any(|package| package.strip_prefix("alpacon-") == name.to_str());
    uses_database.then_some(Executable { path, package })
}

#[cfg(test)]
mod tests {
    use super::{executable, repository};

    #[test]
    fn only_test_programs_that_use_a_database_are_taken() {
        let message = |package: &str, test: bool| {
            serde_json::json!({
                "reason": "compiler-artifact",
                "manifest_path": repository::root().join("crates").join(package).join("Cargo.toml"),
                "profile": {"test": test},
                "executable": "/target/debug/deps/e2e-0",
            })
        };
        assert!(executable(&message("testkit", true)).is_some());
        assert!(executable(&message("testkit", false)).is_none());
        assert!(executable(&message("judge", true)).is_none());
    }
}
