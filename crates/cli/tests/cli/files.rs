//! `cp` and `webftp-log` over the public protocol.

use std::io::{Read as _, Write as _};
use std::path::Path;

use client::files::digest;
use serde_json::{Value, json};
use zip::write::{SimpleFileOptions, ZipWriter};

use crate::environment::{Environment, Run};
use crate::fake::{Fake, Script};
use crate::fake_files::Files;

pub(crate) fn server(files: Files) -> Fake {
    Fake::start().serving(files).script(Script {
        detail: json!({"status": "success", "success": true}),
        ..Script::default()
    })
}

pub(crate) fn logged_in(server: &Fake) -> Environment {
    let environment = Environment::new();
    let login = environment.run(&["login", &server.url(), "-t", "alpat-1"]);
    assert_eq!(login.status, 0, "{login:?}");
    environment
}

fn cp(server: &Fake, words: &[&str]) -> Run {
    let words: Vec<&str> = ["cp"].iter().chain(words).copied().collect();
    let run = logged_in(server).run(&words);
    assert_eq!(run.stdout, "");
    run
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn path(folder: &tempfile::TempDir, name: &str) -> String {
    folder.path().join(name).to_str().unwrap().to_owned()
}

fn zip_of(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, content) in members {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn only(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn one_file_goes_up() {
    let local = folder();
    std::fs::write(local.path().join("a b.txt"), "hello").unwrap();
    let server = server(Files {
        slow: 1,
        ..Files::default()
    });
    let run = cp(
        &server,
        &["-g", "dev", &path(&local, "a b.txt"), "root@web-01:/tmp/"],
    );
    assert_eq!(run.status, 0, "{run:?}");
    assert!(run.stderr.contains("Uploading a b.txt..."), "{run:?}");
    assert!(run.stderr.contains("Success: uploaded ["), "{run:?}");
    assert_eq!(
        server.delivered(),
        [("/tmp/|a b.txt".to_owned(), b"hello".to_vec())]
    );
    assert_eq!(
        server.posted("/api/webftp/uploads/"),
        [json!({
            "name": "a b.txt", "path": "/tmp/", "server": "s-1", "username": "root",
            "groupname": "dev", "allow_overwrite": true, "allow_unzip": false,
        })]
    );
}

#[test]
fn an_empty_file_is_a_file() {
    let local = folder();
    std::fs::write(local.path().join("empty"), "").unwrap();
    let server = server(Files::default());
    let run = cp(&server, &["-n", &path(&local, "empty"), "web-01:/tmp/x"]);
    assert_eq!(run.status, 0, "{run:?}");
    assert_eq!(
        server.delivered(),
        [("/tmp/x|empty".to_owned(), Vec::new())]
    );
    assert_eq!(
        server.posted("/api/webftp/uploads/")[0]["allow_overwrite"],
        false
    );
}

#[test]
fn several_files_go_up_together() {
    let local = folder();
    let mut words: Vec<String> = Vec::new();
    for name in ["a", "-rf", "ü\n"] {
        std::fs::write(local.path().join(name), name).unwrap();
        words.push(path(&local, name));
    }
    words.push("web-01:/srv/app".to_owned());
    let server = server(Files::default());
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let run = cp(&server, &words);
    assert_eq!(run.status, 0, "{run:?}");
    let names = &server.posted("/api/webftp/uploads/bulk/")[0]["names"];
    assert_eq!(*names, json!(["a", "-rf", "ü\n"]));
    let delivered: Vec<String> = server
        .delivered()
        .into_iter()
        .map(|(path, _)| path)
        .collect();
    assert_eq!(delivered, ["/srv/app/|a", "/srv/app/|-rf", "/srv/app/|ü\n"]);
    // A name cannot start a line of its own.
    assert!(run.stderr.contains("ü\\n"), "{run:?}");
}

#[test]
fn a_folder_goes_up_as_an_archive_that_is_unpacked_there() {
    let local = folder();
    std::fs::create_dir_all(local.path().join("site/empty")).unwrap();
    std::fs::write(local.path().join("site/index.html"), "x".repeat(5000)).unwrap();
    let server = server(Files::default());
    let run = cp(&server, &["-r", &path(&local, "site"), "web-01:/var/www"]);
    assert_eq!(run.status, 0, "{run:?}");
    let body = &server.posted("/api/webftp/uploads/")[0];
    assert_eq!(
        (&body["name"], &body["path"]),
        (&json!("site.zip"), &json!("/var/www/"))
    );
    assert_eq!(body["allow_unzip"], true);
    let content = server.delivered().remove(0).1;
    let mut zip = zip::ZipArchive::new(std::io::Cursor::new(content)).unwrap();
    let names: Vec<String> = zip
        .file_names()
        .map(|name| name.unwrap().into_owned())
        .collect();
    assert_eq!(names, ["site/", "site/empty/", "site/index.html"]);
    let mut text = String::new();
    zip.by_name("site/index.html")
        .unwrap()
        .read_to_string(&mut text)
        .unwrap();
    assert_eq!(text.len(), 5000);
}

#[test]
fn files_and_folders_together_are_not_unpacked_together() {
    let local = folder();
    std::fs::create_dir(local.path().join("site")).unwrap();
    std::fs::write(local.path().join("keep.zip"), zip_of(&[("a", b"1")])).unwrap();
    let server = server(Files::default());
    let words = [
        "-r",
        &path(&local, "site"),
        &path(&local, "keep.zip"),
        "web-01:/srv",
    ];
    let run = cp(&server, &words);
    assert_eq!(run.status, 0, "{run:?}");
    let bodies = server.posted("/api/webftp/uploads/bulk/");
    let asked: Vec<(&Value, &Value)> = bodies
        .iter()
        .map(|body| (&body["names"], &body["allow_unzip"]))
        .collect();
    assert_eq!(asked[0], (&json!(["keep.zip"]), &json!(false)));
    assert_eq!(asked[1], (&json!(["site.zip"]), &json!(true)));
}

#[test]
fn one_file_comes_down_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let local = folder();
    let server = server(Files {
        late: 2,
        slow: 1,
        ..Files::with("/var/log/x.log", b"line\n")
    });
    let to = path(&local, "new/sub/");
    let run = cp(&server, &["web-01:/var/log/x.log", &to]);
    assert_eq!(run.status, 0, "{run:?}");
    let file = local.path().join("new/sub/x.log");
    assert_eq!(std::fs::read(&file).unwrap(), b"line\n");
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o077, 0);
    assert_eq!(
        server.posted("/api/webftp/downloads/"),
        [json!({
            "path": "/var/log/x.log", "name": "x.log", "server": "s-1", "username": "",
            "groupname": "", "resource_type": "file",
        })]
    );
}

#[test]
fn a_file_that_others_may_read_stays_so_and_is_warned_about() {
    use std::os::unix::fs::PermissionsExt as _;
    let local = folder();
    let file = local.path().join("x");
    std::fs::write(&file, "old").unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let server = server(Files::with("/x", b"new"));
    let run = cp(&server, &["web-01:/x", &path(&local, "x")]);
    assert_eq!(run.status, 0, "{run:?}");
    assert!(run.stderr.contains("lets others read it"), "{run:?}");
    assert_eq!(std::fs::read(&file).unwrap(), b"new");
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o644);
}

#[test]
fn several_files_and_folders_come_down_as_an_archive() {
    let local = folder();
    let archive = zip_of(&[("a", b"1"), ("etc/b\x1b[2J", b"2")]);
    let server = server(Files {
        host: [("/a,/etc", archive.clone()), ("/etc", archive)].into(),
        ..Files::default()
    });
    let out = path(&local, "out");
    let run = cp(&server, &["web-01:/a", "web-01:/etc", &out]);
    assert_eq!(run.status, 0, "{run:?}");
    assert!(!run.stderr.contains('\x1b'), "{run:?}");
    assert_eq!(only(Path::new(&out)), ["a", "etc"]);
    assert_eq!(
        std::fs::read(local.path().join("out/etc/b\x1b[2J")).unwrap(),
        b"2"
    );
    assert_eq!(
        server.posted("/api/webftp/downloads/bulk/")[0]["path"],
        json!(["/a", "/etc"])
    );
    let run = cp(&server, &["-r", "web-01:/etc", &path(&local, "one")]);
    assert_eq!(run.status, 0, "{run:?}");
    assert_eq!(
        server.posted("/api/webftp/downloads/")[0]["resource_type"],
        "folder"
    );
    assert_eq!(only(&local.path().join("one")), ["a", "etc"]);
}

#[test]
fn a_broken_connection_is_taken_up_where_it_broke() {
    let content: Vec<u8> = (0..300_000_u32).map(|n| (n % 251) as u8).collect();
    for ranges in [true, false] {
        for percent in [1, 50, 99] {
            let local = folder();
            let server = server(Files {
                cuts: vec![content.len() * percent / 100],
                ranges,
                digest: Some(digest::of(&content)),
                ..Files::with("/big", &content)
            });
            let run = cp(&server, &["web-01:/big", &path(&local, "big")]);
            assert_eq!(run.status, 0, "{percent} {ranges} {run:?}");
            assert_eq!(std::fs::read(local.path().join("big")).unwrap(), content);
            assert_eq!(only(local.path()), ["big"]);
        }
    }
}

#[test]
fn what_was_changed_on_its_way_replaces_nothing() {
    let local = folder();
    std::fs::write(local.path().join("x"), "mine").unwrap();
    let server = server(Files {
        digest: Some(digest::of(b"something else")),
        ..Files::with("/x", b"content")
    });
    let run = cp(&server, &["web-01:/x", &path(&local, "x")]);
    assert_eq!(run.status, 1, "{run:?}");
    assert!(run.stderr.contains("changed on its way"), "{run:?}");
    assert_eq!(std::fs::read(local.path().join("x")).unwrap(), b"mine");
    assert_eq!(only(local.path()), ["x"]);
    // And up: the host got something else.
    let run = cp(&server, &[&path(&local, "x"), "web-01:/tmp/"]);
    assert_eq!(run.status, 1, "{run:?}");
    assert!(run.stderr.contains("changed on its way"), "{run:?}");
}

#[test]
fn a_hostile_archive_writes_nothing_outside() {
    let evil: [&[(&str, &[u8])]; 4] = [
        &[("ok", b"1"), ("../evil", b"2")],
        &[("ok", b"1"), ("/tmp/alpacon-evil", b"2")],
        &[("a/../../evil", b"2")],
        &[("link/evil", b"2")],
    ];
    for members in evil {
        let local = folder();
        std::fs::create_dir(local.path().join("out")).unwrap();
        std::os::unix::fs::symlink("..", local.path().join("out/link")).unwrap();
        let server = server(Files::with("/x", &zip_of(members)));
        let run = cp(&server, &["-r", "web-01:/x", &path(&local, "out")]);
        assert_eq!(run.status, 1, "{members:?} {run:?}");
        assert_eq!(only(local.path()), ["out"]);
        assert_eq!(only(&local.path().join("out")), ["link"]);
        assert!(!Path::new("/tmp/alpacon-evil").exists());
    }
}

#[test]
fn without_overwriting_what_is_here_stays() {
    let local = folder();
    std::fs::write(local.path().join("x"), "mine").unwrap();
    let server = server(Files {
        host: [
            ("/x", b"new".to_vec()),
            ("/d", zip_of(&[("y", b"2"), ("x", b"1")])),
        ]
        .into(),
        ..Files::default()
    });
    let here = path(&local, "");
    let run = cp(&server, &["-n", "web-01:/x", &here]);
    assert_eq!(run.status, 1, "{run:?}");
    let run = cp(&server, &["-rn", "web-01:/d", &here]);
    assert_eq!(run.status, 1, "{run:?}");
    assert!(run.stderr.contains("exists already"), "{run:?}");
    assert_eq!(only(local.path()), ["x"]);
    assert_eq!(std::fs::read(local.path().join("x")).unwrap(), b"mine");
}

#[test]
fn failures_of_the_host_are_told_with_advice() {
    let local = folder();
    std::fs::write(local.path().join("x"), "1").unwrap();
    let failing = |message| {
        server(Files {
            failing: Some(message),
            ..Files::with("/x", b"1")
        })
    };
    let denied = failing("/root/x: permission denied");
    let run = cp(&denied, &[&path(&local, "x"), "web-01:/root/"]);
    assert_eq!(run.status, 1, "{run:?}");
    assert!(
        run.stderr
            .contains("Error: web-01: /root/x: permission denied"),
        "{run:?}"
    );
    assert!(
        run.stderr.contains("Hint: use another account (-u USER)"),
        "{run:?}"
    );
    let missing = failing("No such file or directory\x1b[31m");
    let run = cp(&missing, &["web-01:/x", &path(&local, "y")]);
    assert_eq!(run.status, 1, "{run:?}");
    assert!(run.stderr.contains("alpacon exec web-01 ls"), "{run:?}");
    assert!(!run.stderr.contains('\x1b'), "{run:?}");
    assert_eq!(only(local.path()), ["x"]);
}

#[test]
fn a_download_that_the_host_cannot_start_ends_with_its_reason() {
    let local = folder();
    let server = server(Files::with("/x", b"1")).script(Script {
        detail: json!({"status": "failed", "success": false, "result": "it is Tuesday"}),
        ..Script::default()
    });
    let run = cp(&server, &["web-01:/x", &path(&local, "x")]);
    assert_eq!(run.status, 1, "{run:?}");
    assert!(run.stderr.contains("web-01: it is Tuesday"), "{run:?}");
    assert!(only(local.path()).is_empty());
}

#[test]
fn a_refusal_of_the_gate_is_exit_3_also_with_words_that_mean_something_else() {
    let local = folder();
    std::fs::write(local.path().join("x"), "1").unwrap();
    let refusing = || {
        server(Files {
            refusal: Some((403, "work_session_required")),
            ..Files::with("/x", b"1")
        })
    };
    let run = cp(&refusing(), &[&path(&local, "x"), "web-01:/tmp/"]);
    assert_eq!(run.status, 3, "{run:?}");
    assert!(
        run.stderr.contains("--scope webftp --server web-01"),
        "{run:?}"
    );
    let run = logged_in(&refusing()).run(&[
        "--output",
        "json",
        "cp",
        "--work-session",
        "ws-9",
        "web-01:/x",
        &path(&local, "y"),
    ]);
    assert_eq!((run.status, run.stdout.as_str()), (3, ""), "{run:?}");
    let envelope: Value = serde_json::from_str(&run.stderr).unwrap();
    assert_eq!(envelope["error_code"], "work_session_required");
    assert_eq!(envelope["context"]["required_scope"], "webftp");
    assert_eq!(envelope["context"]["current_worksession"], "ws-9");
    assert_eq!(only(local.path()), ["x"]);
}

#[test]
fn a_missing_username_is_told_and_not_waited_for() {
    let local = folder();
    let server = server(Files {
        refusal: Some((400, "user_username_required")),
        ..Files::with("/x", b"1")
    });
    let run = cp(&server, &["web-01:/x", &path(&local, "x")]);
    assert_eq!(run.status, 1, "{run:?}");
    assert!(run.stderr.contains("alpacon username set"), "{run:?}");
}

#[test]
fn a_wrong_line_is_refused_before_anything_is_asked() {
    let environment = Environment::new();
    for words in [
        &["cp", "web-01:/x"][..],
        &["cp", "/x", "/y"],
        &["cp", "web-01:/x", "web-02:/y"],
        &["cp", ":x", "/tmp"],
        &["webftp-log", "--tail", "0"],
        &["edit", "web-01"],
        &["edit", "web-01:/etc/"],
        &["edit", "--editor", "'", "web-01:/etc/hosts"],
    ] {
        let run = environment.run(words);
        assert_eq!(
            (run.status, run.stdout.as_str()),
            (2, ""),
            "{words:?} {run:?}"
        );
    }
    let run = environment.run(&["cp", "/does/not/exist", "web-01:/tmp/"]);
    assert_eq!(run.status, 1);
    assert!(run.stderr.contains("no such file"), "{run:?}");
}

#[test]
fn the_log_is_a_list() {
    let server = server(Files::default());
    let environment = logged_in(&server);
    let run = environment.run(&["webftp-logs", "-s", "web-01", "-a", "upload", "-t", "3"]);
    assert_eq!(run.status, 0, "{run:?}");
    assert!(
        run.stdout.starts_with("SERVER   FILE NAME   ACTION"),
        "{run:?}"
    );
    assert!(run.stdout.contains("a.txt"), "{run:?}");
    let request = server.requests().pop().unwrap();
    assert_eq!(request.query, "action=upload&page_size=3&server=s-1");
    let rows = environment.run(&["webftp-log", "--output", "json"]).json();
    assert_eq!(
        (&rows[0]["size"], &rows[0]["success"]),
        (&json!(5), &json!(true))
    );
    let run = environment.run(&["webftp-log", "-s", "nowhere"]);
    assert_eq!(run.status, 1, "{run:?}");
    assert!(
        run.stderr
            .contains("--server: server \"nowhere\" not found"),
        "{run:?}"
    );
}
