//! `edit` with editors that are small scripts.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use crate::environment::{Environment, Run};
use crate::fake::Fake;
use crate::fake_files::Files;
use crate::files::{logged_in, server};

/// An editor that does what `script` says with the file in `$1`.
fn editor(environment: &Environment, script: &str) -> String {
    let path = environment.home().join("editor.sh");
    std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path.to_str().unwrap().to_owned()
}

fn edit(environment: &Environment, script: &str, more: &[&str]) -> Run {
    let editor = editor(environment, script);
    let words = ["edit", "--editor", &editor, "root@web-01:/etc/app.toml"];
    environment.run(&[&words, more].concat())
}

/// Working copies that are left.
fn left(environment: &Environment) -> Vec<PathBuf> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => walk(&path, found),
                false => found.push(path),
            }
        }
    }
    let mut found = Vec::new();
    walk(&environment.home().join(".alpacon/edit"), &mut found);
    found
}

fn hosting() -> Fake {
    server(Files::with("/etc/app.toml", b"a = 1\n"))
}

#[test]
fn what_was_changed_goes_back_where_it_came_from() {
    let server = hosting();
    let environment = logged_in(&server);
    let run = edit(
        &environment,
        "stat -c %a \"$1\" >&2; echo b = 2 >> \"$1\"",
        &[],
    );
    assert_eq!((run.status, run.stdout.as_str()), (0, ""), "{run:?}");
    assert!(run.stderr.contains("600\n"), "{run:?}");
    assert!(
        run.stderr.contains("Success: saved web-01:/etc/app.toml"),
        "{run:?}"
    );
    assert_eq!(
        server.delivered(),
        [("/etc/|app.toml".to_owned(), b"a = 1\nb = 2\n".to_vec())]
    );
    let body = &server.posted("/api/webftp/uploads/")[0];
    assert_eq!(
        (&body["username"], &body["allow_overwrite"]),
        (&"root".into(), &true.into())
    );
    assert!(!environment.home().join(".alpacon/edit").exists());
}

#[test]
fn nothing_changed_is_nothing_sent() {
    let server = hosting();
    let environment = logged_in(&server);
    let run = edit(&environment, "touch \"$1\"", &[]);
    assert_eq!(run.status, 0, "{run:?}");
    assert!(run.stderr.contains("no changes"), "{run:?}");
    assert!(server.delivered().is_empty() && left(&environment).is_empty());
}

#[test]
fn an_editor_that_fails_keeps_only_what_was_changed() {
    let server = hosting();
    let environment = logged_in(&server);
    let run = edit(&environment, "exit 3", &[]);
    assert_eq!(run.status, 1, "{run:?}");
    assert!(left(&environment).is_empty());
    let run = edit(&environment, "echo mine > \"$1\"; exit 3", &[]);
    assert_eq!(run.status, 1, "{run:?}");
    let kept = left(&environment);
    assert_eq!(std::fs::read(&kept[0]).unwrap(), b"mine\n");
    assert!(run.stderr.contains(kept[0].to_str().unwrap()), "{run:?}");
    assert!(server.delivered().is_empty());
}

#[test]
fn a_failed_upload_keeps_the_changes() {
    let server = hosting().answering_json(
        "POST",
        "/api/webftp/uploads/",
        403,
        &serde_json::json!({"code": "work_session_expired", "detail": "It has expired."}),
    );
    let environment = logged_in(&server);
    let run = edit(&environment, "echo mine > \"$1\"", &[]);
    assert_eq!(run.status, 3, "{run:?}");
    let kept = left(&environment);
    assert_eq!(std::fs::read(&kept[0]).unwrap(), b"mine\n");
    assert!(run.stderr.contains(kept[0].to_str().unwrap()), "{run:?}");
}

#[test]
fn the_changes_can_be_seen_first() {
    let server = hosting();
    let environment = logged_in(&server);
    let run = edit(&environment, "printf 'a = 2\\n' > \"$1\"", &["--diff"]);
    assert_eq!(run.status, 0, "{run:?}");
    assert!(run.stderr.contains("-a = 1\n+a = 2\n"), "{run:?}");
    assert_eq!(server.delivered().len(), 1);
    // A question needs somebody who answers.
    let run = edit(&environment, "true", &["--confirm"]);
    assert_eq!(run.status, 2, "{run:?}");
}

#[test]
fn a_large_file_is_only_edited_on_demand() {
    let server = server(Files::with(
        "/etc/app.toml",
        &vec![b'x'; 10 * 1024 * 1024 + 1],
    ));
    let environment = logged_in(&server);
    let run = edit(&environment, "echo mine > \"$1\"", &[]);
    assert_eq!(run.status, 1, "{run:?}");
    assert!(run.stderr.contains("--force"), "{run:?}");
    assert!(server.delivered().is_empty() && left(&environment).is_empty());
    let run = edit(&environment, "echo mine > \"$1\"", &["--force"]);
    assert_eq!(run.status, 0, "{run:?}");
    assert_eq!(server.delivered()[0].1, b"mine\n");
}

#[test]
fn an_editor_that_does_not_exist_is_named() {
    let server = hosting();
    let environment = logged_in(&server);
    let run = environment.run(&[
        "edit",
        "--editor",
        "no-such-editor -x",
        "web-01:/etc/app.toml",
    ]);
    assert_eq!(run.status, 1, "{run:?}");
    assert!(run.stderr.contains("cannot run no-such-editor"), "{run:?}");
    assert!(left(&environment).is_empty());
}
