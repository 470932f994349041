//! `alpacon cp` and `edit` through the real control plane and agent.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use testkit::{Cli, Finished};

use super::{Scene, names, pseudo_random, scene};

/// A scene with somebody at a shell who may transfer files.
pub(super) struct Desk {
    pub(super) scene: Scene,
    pub(super) cli: Cli,
    pub(super) here: tempfile::TempDir,
}

pub(super) fn desk() -> Desk {
    Desk::at(scene())
}

impl Desk {
    pub(super) fn at(scene: Scene) -> Self {
        let cli = scene.system.cli_with_password();
        cli.open_session("host", "webftp");
        Self {
            scene,
            cli,
            here: tempfile::tempdir().unwrap(),
        }
    }

    pub(super) fn local(&self, name: &str) -> String {
        self.here.path().join(name).to_str().unwrap().to_owned()
    }

    pub(super) fn there(&self, name: &str) -> String {
        format!("host:{}", self.scene.path(name))
    }

    #[track_caller]
    pub(super) fn cp(&self, words: &[&str]) -> Finished {
        self.cli.run(&[&["cp"], words].concat())
    }

    fn write(&self, name: &str, content: &[u8]) {
        let path = self.here.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
}

fn read(folder: &Path, name: &str) -> Vec<u8> {
    std::fs::read(folder.join(name)).unwrap()
}

#[test]
fn a_file_goes_there_and_back() {
    let desk = desk();
    let content = pseudo_random(5_000_000);
    desk.write("data.bin", &content);
    desk.cp(&[&desk.local("data.bin"), &desk.there("")])
        .exits(0)
        .stdout_is("");
    assert_eq!(read(&desk.scene.host, "data.bin"), content);
    desk.cp(&[&desk.there("data.bin"), &desk.local("back")])
        .exits(0)
        .stdout_is("");
    assert_eq!(read(desk.here.path(), "back"), content);
    let mode = desk
        .here
        .path()
        .join("back")
        .metadata()
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o077, 0);
    assert_eq!(names(desk.here.path()), ["back", "data.bin"]);
    assert_eq!(names(&desk.scene.host), ["data.bin"]);
    let rows = desk
        .cli
        .run(&["webftp-log", "--output", "json"])
        .exits(0)
        .json();
    assert_eq!(
        (&rows[0]["action"], &rows[1]["action"]),
        (&"download".into(), &"upload".into())
    );
    assert_eq!(
        (&rows[0]["size"], &rows[0]["success"]),
        (&5_000_000.into(), &true.into())
    );
}

#[test]
fn strange_names_survive_both_ways() {
    let desk = desk();
    let strange = ["-rf", "a\nb", "ü ö.txt", "a:b", "x\\y", "\u{1b}[31mred"];
    for name in strange {
        desk.write(name, name.as_bytes());
    }
    let mut words: Vec<String> = strange.iter().map(|name| desk.local(name)).collect();
    words.push(desk.there(""));
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let done = desk.cp(&words).exits(0);
    assert!(!done.stderr().contains('\u{1b}'), "{done:?}");
    let mut words: Vec<String> = strange.iter().map(|name| desk.there(name)).collect();
    words.push(desk.local("out"));
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    desk.cp(&words).exits(0);
    for name in strange {
        assert_eq!(read(&desk.scene.host, name), name.as_bytes(), "{name:?}");
        assert_eq!(
            read(&desk.here.path().join("out"), name),
            name.as_bytes(),
            "{name:?}"
        );
    }
}

#[test]
fn a_folder_goes_there_and_back() {
    let desk = desk();
    desk.write("site/index.html", b"<p>");
    desk.write("site/a/b/c.bin", &pseudo_random(700_000));
    desk.write("site/run.sh", b"#!/bin/sh\n");
    std::fs::create_dir(desk.here.path().join("site/empty")).unwrap();
    let executable = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(desk.here.path().join("site/run.sh"), executable).unwrap();
    desk.cp(&["-r", &desk.local("site"), &desk.there("")])
        .exits(0);
    let there = desk.scene.host.join("site");
    assert_eq!(names(&there), ["a", "empty", "index.html", "run.sh"]);
    assert_eq!(read(&there, "a/b/c.bin"), pseudo_random(700_000));
    let mode = |folder: &Path| {
        folder
            .join("run.sh")
            .metadata()
            .unwrap()
            .permissions()
            .mode()
            & 0o111
    };
    assert_eq!(mode(&there) & 0o100, 0o100);
    assert_eq!(names(&desk.scene.host), ["site"]);
    desk.cp(&["-r", &desk.there("site"), &desk.local("copy")])
        .exits(0);
    let copy = desk.here.path().join("copy/site");
    assert_eq!(read(&copy, "a/b/c.bin"), pseudo_random(700_000));
    assert_eq!(names(&copy), ["a", "empty", "index.html", "run.sh"]);
    assert_eq!(mode(&copy) & 0o100, 0o100);
    // A file beside a folder, an archive among them, in one go.
    desk.write("keep.zip", b"PK is not unpacked");
    std::fs::remove_dir_all(&there).unwrap();
    desk.cp(&[
        "-r",
        &desk.local("site"),
        &desk.local("keep.zip"),
        &desk.there(""),
    ])
    .exits(0);
    assert_eq!(names(&desk.scene.host), ["keep.zip", "site"]);
}

#[test]
fn what_is_there_is_kept_on_demand() {
    let desk = desk();
    desk.write("x", b"new");
    std::fs::write(desk.scene.host.join("x"), "old").unwrap();
    let refused = desk
        .cp(&["-n", &desk.local("x"), &desk.there("x")])
        .exits(1);
    assert!(refused.stderr().contains("exists"), "{refused:?}");
    assert_eq!(read(&desk.scene.host, "x"), b"old");
    desk.cp(&["-n", &desk.there("x"), &desk.local("x")])
        .exits(1);
    assert_eq!(read(desk.here.path(), "x"), b"new");
    desk.cp(&[&desk.local("x"), &desk.there("x")]).exits(0);
    assert_eq!(read(&desk.scene.host, "x"), b"new");
}

#[test]
fn failures_say_where_and_what_to_do() {
    let desk = desk();
    desk.write("x", b"1");
    let missing = desk.cp(&[&desk.there("none"), &desk.local("y")]).exits(1);
    assert!(
        missing.stderr().to_lowercase().contains("no such file"),
        "{missing:?}"
    );
    assert!(missing.stderr().contains("Hint:"), "{missing:?}");
    desk.cp(&[&desk.local("x"), &desk.there("none/deep/")])
        .exits(1);
    let folder = desk.cp(&[&desk.there(""), &desk.local("y")]).exits(1);
    assert!(!folder.stderr().is_empty());
    let denied = desk
        .cp(&["-u", "nobody", &desk.local("x"), "host:/root/x"])
        .exits(1);
    assert!(
        denied.stderr().to_lowercase().contains("permission denied"),
        "{denied:?}"
    );
    let unknown = desk.cp(&[&desk.local("x"), "nowhere:/tmp/"]).exits(1);
    assert!(
        unknown.stderr().contains("alpacon server ls"),
        "{unknown:?}"
    );
    assert_eq!(names(desk.here.path()), ["x"]);
    assert!(names(&desk.scene.host).is_empty());
}

#[test]
fn without_a_session_the_gate_says_what_to_do() {
    let scene = scene();
    let cli = scene.system.cli_with_password();
    let source = format!("host:{}", scene.path("x"));
    let denied = cli.run(&["cp", &source, "/tmp/never"]).exits(3);
    assert!(
        denied.stderr().contains("--scope webftp --server host"),
        "{denied:?}"
    );
    cli.run(&["edit", &source]).exits(3);
}

#[test]
fn a_file_is_edited_and_put_back() {
    let desk = desk();
    let path = desk.scene.host.join("app.toml");
    std::fs::write(&path, "a = 1\n").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    let target = desk.there("app.toml");
    let editor = ["edit", "--editor", "sed -i s/1/2/", "--diff", &target];
    let saved = desk.cli.run(&editor).exits(0).stdout_is("");
    assert!(saved.stderr().contains("-a = 1\n+a = 2\n"), "{saved:?}");
    assert_eq!(std::fs::read(&path).unwrap(), b"a = 2\n");
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o640);
    let same = desk
        .cli
        .run(&["edit", "--editor", "true", &target])
        .exits(0);
    assert!(same.stderr().contains("no changes"), "{same:?}");
    desk.cli
        .run(&["edit", "--editor", "true", &desk.there("new")])
        .exits(1);
    assert!(!desk.cli.home().join(".alpacon/edit").exists());
}

#[test]
fn a_local_link_is_followed_and_stays() {
    let desk = desk();
    std::fs::write(desk.scene.host.join("x"), "new").unwrap();
    desk.write("target", b"old");
    symlink("target", desk.here.path().join("link")).unwrap();
    desk.cp(&[&desk.there("x"), &desk.local("link")]).exits(0);
    assert_eq!(read(desk.here.path(), "target"), b"new");
    assert!(desk.here.path().join("link").is_symlink());
}
