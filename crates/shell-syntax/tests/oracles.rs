//! Published parsers as oracles: every command that one of them finds, ours
//! finds as well. They miss commands in places that the extraction tests list,
//! so only this direction is asked.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod common;
mod oracle;

use std::{collections::HashMap, fs, path::Path};

use shell_syntax::parse;

/// Lines on which an oracle is wrong, with the reason.
const DISAGREEMENTS: [(&str, &str); 3] = [
    (
        "a[1;rm -rf /]=1",
        "bash sees an assignment, brush two commands, rable a word",
    ),
    ("! time ", "brush takes `time` after `!` as a command"),
    ("! time\t", "brush takes `time` after `!` as a command"),
];

fn missing(ours: &[String], theirs: Vec<String>) -> Vec<String> {
    let mut count: HashMap<&str, usize> = HashMap::new();
    for name in ours {
        *count.entry(name.as_str()).or_default() += 1;
    }
    let lacks = |name: &String| match count.get_mut(name.as_str()) {
        Some(left) if *left > 0 => {
            *left -= 1;
            false
        }
        _ => true,
    };
    theirs.into_iter().filter(lacks).collect()
}

fn compare(what: &str, text: &str, wrong: &mut Vec<String>) {
    if DISAGREEMENTS.iter().any(|(part, _)| text.contains(part)) {
        return;
    }
    let Ok(script) = parse(text) else { return };
    // They drop line continuations from what they report.
    let ours = common::raw_names(&script, text);
    let ours: Vec<_> = ours.iter().map(|name| name.replace("\\\n", "")).collect();
    for (oracle, theirs) in [
        ("brush", oracle::brush(text)),
        ("rable", oracle::rable(text)),
    ] {
        let missing = missing(&ours, theirs);
        if !missing.is_empty() {
            wrong.push(format!("{what}: {oracle} also finds {missing:?}"));
        }
    }
}

#[test]
fn misses_no_command_that_an_oracle_finds() {
    let mut wrong = Vec::new();
    for (path, text) in scripts() {
        compare(&path, &text, &mut wrong);
    }
    for line in corpus() {
        compare(&format!("{line:?}"), &line, &mut wrong);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Shell scripts of this machine, if it has any.
fn scripts() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for folder in [
        "/usr/bin",
        "/usr/sbin",
        "/etc/init.d",
        "/usr/lib/init",
        "/usr/share/debconf",
    ] {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let Ok(text) = fs::read_to_string(&path) else {
                continue;
            };
            // Long ones take the oracles seconds.
            if text.len() < 20_000
                && (text.starts_with("#!/bin/sh") || text.starts_with("#!/bin/bash"))
            {
                found.push((path.display().to_string(), text));
            }
        }
    }
    found
}

/// The lines of the judge's corpus.
fn corpus() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../corpus");
    let mut lines = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry
            .path()
            .extension()
            .is_some_and(|extension| extension == "jsonl")
        {
            for line in fs::read_to_string(entry.path()).unwrap().lines() {
                let case: serde_json::Value = serde_json::from_str(line).unwrap();
                lines.push(case["line"].as_str().unwrap().to_owned());
            }
        }
    }
    lines
}
