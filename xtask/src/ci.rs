//! `cargo xtask ci`: everything a change must pass, each step timed.

use std::process::Command;
use std::time::Instant;

use anyhow::{Result, bail, ensure};

use crate::screen;
use crate::{openapi, quickstart, repository, run, test};

/// What `cargo xtask ci` takes.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Run only these steps, for example `format` or `lints`.
    #[arg(value_name = "STEP", value_parser = STEPS.map(|step| step.name))]
    steps: Vec<String>,
}

struct Step {
    name: &'static str,
    run: fn() -> Result<()>,
}

/// Cheap ones first, so that a mistake shows early.
const STEPS: [Step; 7] = [
    Step {
        name: "format",
        run: format,
    },
    Step {
        name: "lints",
        run: lints,
    },
    Step {
        name: "docs",
        run: docs,
    },
    Step {
        name: "dependencies",
        run: dependencies,
    },
    Step {
        name: "test",
        run: tests,
    },
    Step {
        name: "openapi",
        run: openapi::check,
    },
    Step {
        name: "quickstart",
        run: walk,
    },
];

/// Runs the steps, all of them even when one fails.
///
/// # Errors
/// When a step failed.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let started = Instant::now();
    let mut results = Vec::new();
    for step in STEPS {
        let wanted =
            arguments.steps.is_empty() || arguments.steps.iter().any(|name| name == step.name);
        if !wanted {
            continue;
        }
        screen::heading(&format!("== {} ==", step.name));
        let step_started = Instant::now();
        let outcome = (step.run)();
        if let Err(error) = &outcome {
            eprintln!("{} failed: {error:#}", step.name);
        }
        results.push((step.name, outcome.is_ok(), step_started.elapsed()));
    }

    screen::heading("== CI ==");
    for (name, ok, time) in &results {
        let word = if *ok { "ok" } else { "FAILED" };
        println!("{name:<14}{word:<8}{}", screen::duration(*time));
    }
    println!("{:<22}{}", "total", screen::duration(started.elapsed()));
    let failed: Vec<&str> = results
        .iter()
        .filter(|(_, ok, _)| !ok)
        .map(|(name, _, _)| *name)
        .collect();
    ensure!(failed.is_empty(), "failed steps: {}", failed.join(", "));
    Ok(())
}

fn format() -> Result<()> {
    run::inherit(run::cargo().args(["fmt", "--all", "--check"]))
}

fn lints() -> Result<()> {
    run::inherit(run::cargo().args([
        "clippy",
        "--workspace",
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ]))
}

fn docs() -> Result<()> {
    run::inherit(
        run::cargo()
            .args(["doc", "--workspace", "--no-deps"])
            .env("RUSTDOCFLAGS", "-D warnings"),
    )
}

fn dependencies() -> Result<()> {
    if !deny(&["--version"]).output()?.status.success() {
        run::inherit(run::cargo().args(["install", "--locked", "cargo-deny"]))?;
    }
    run::inherit(&mut deny(&[
        "check",
        "--hide-inclusion-graph",
        "bans",
        "licenses",
        "sources",
    ]))?;
    advisories()
}

/// The advisory database lies on the network, which a build machine may lack.
fn advisories() -> Result<()> {
    let output = deny(&["check", "advisories"]).output()?;
    let text = String::from_utf8_lossy(&output.stderr);
    if output.status.success() {
        println!("advisories ok");
        return Ok(());
    }
    if text.contains("failed to fetch advisory database") {
        println!("advisories not checked: the database cannot be reached from here");
        return Ok(());
    }
    eprintln!("{text}");
    bail!("cargo deny found advisories")
}

fn deny(arguments: &[&str]) -> Command {
    let mut command = run::cargo();
    command.arg("deny").args(arguments);
    command.current_dir(repository::root());
    command
}

fn tests() -> Result<()> {
    test::run(&test::Arguments::everything())
}

fn walk() -> Result<()> {
    quickstart::run(&quickstart::Arguments::once())
}
