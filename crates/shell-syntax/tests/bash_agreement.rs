//! `bash -n` as judge over the shell scripts of the machine the tests run on:
//! what bash accepts is accepted, what it refuses is refused.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use shell_syntax::{MAX_LENGTH, parse};

/// Where systems keep shell scripts.
const ROOTS: [&str; 7] = [
    "/bin",
    "/sbin",
    "/usr/bin",
    "/usr/sbin",
    "/etc",
    "/usr/lib",
    "/usr/share",
];

/// Enough to be telling, few enough to stay quick.
const MOST: usize = 3_000;

#[test]
fn agrees_with_bash_on_every_script() {
    if !bash_accepts("true") {
        return; // No bash here.
    }
    let mut scripts = Vec::new();
    for root in ROOTS {
        // `/bin` is often the same folder as `/usr/bin`.
        if let Ok(root) = fs::canonicalize(root) {
            collect(&root, 0, &mut scripts);
        }
    }
    scripts.sort_unstable();
    scripts.dedup();
    let mut wrong = Vec::new();
    for path in &scripts {
        let Some(text) = read_script(path) else {
            continue;
        };
        let ours = parse(&text);
        if ours.is_ok() != bash_accepts(&text) {
            let why = ours.err().map(|error| error.to_string());
            wrong.push(format!(
                "{}: {}",
                path.display(),
                why.as_deref().unwrap_or("accepted")
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        scripts.len(),
        wrong.join("\n")
    );
}

fn collect(folder: &Path, depth: usize, scripts: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let path = entry.path();
        let Ok(kind) = entry.file_type() else {
            continue;
        };
        if kind.is_dir() && depth < 6 {
            collect(&path, depth + 1, scripts);
        } else if kind.is_file() && scripts.len() < MOST && is_shell_script(&path) {
            scripts.push(path);
        }
    }
}

fn is_shell_script(path: &Path) -> bool {
    use std::io::Read as _;
    let mut head = [0; 64];
    let Ok(length) = fs::File::open(path).and_then(|mut file| file.read(&mut head)) else {
        return false;
    };
    let Some(line) = head[..length].split(|byte| *byte == b'\n').next() else {
        return false;
    };
    let Ok(line) = std::str::from_utf8(line) else {
        return false;
    };
    let interpreter = line.trim_end().trim_start_matches("#!").trim();
    line.starts_with("#!")
        && ["/sh", "/bash", "/dash", "env sh", "env bash"]
            .iter()
            .any(|shell| {
                interpreter
                    .split(" -")
                    .next()
                    .is_some_and(|program| program.ends_with(shell))
            })
}

fn read_script(path: &Path) -> Option<String> {
    let text = String::from_utf8(fs::read(path).ok()?).ok()?;
    // A self-extracting archive is no script after its first lines.
    (text.len() <= MAX_LENGTH && !text.contains('\0')).then_some(text)
}

fn bash_accepts(text: &str) -> bool {
    use std::io::Write as _;
    let Ok(mut bash) = Command::new("bash")
        .args(["--norc", "-n"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
    else {
        return false;
    };
    if let Some(mut stdin) = bash.stdin.take() {
        // Bash stops reading at the first error; that is its answer.
        drop(stdin.write_all(text.as_bytes()));
    }
    bash.wait().is_ok_and(|status| status.success())
}
