//! `alpacon cp` in all its forms: accounts, trees, stores beside the server, terminals.

use std::fs::{File, Permissions};
use std::io::Read as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Barrier, Mutex};

use rustix::fs::{Mode, OFlags};
use rustix::pty::OpenptFlags;
use testkit::eventually;

use super::cli::{Desk, desk};
use super::cli_faults::SIZE;
use super::way::Way;
use super::{names, pseudo_random, s3};

/// Where every account may write.
fn open_to_all(desk: &Desk) -> std::path::PathBuf {
    let open = desk.scene.host.join("open");
    std::fs::create_dir(&open).unwrap();
    std::fs::set_permissions(&open, Permissions::from_mode(0o777)).unwrap();
    for folder in desk.scene.host.ancestors().take(2) {
        std::fs::set_permissions(folder, Permissions::from_mode(0o755)).unwrap();
    }
    open
}

#[test]
fn the_account_and_the_group_named_own_what_they_write() {
    let desk = desk();
    let open = open_to_all(&desk);
    std::fs::write(desk.here.path().join("x"), "1").unwrap();
    let local = desk.local("x");
    let there = |user: &str, name: &str| format!("{user}{}", desk.there(&format!("open/{name}")));
    let owner = |name: &str| {
        let metadata = open.join(name).metadata().unwrap();
        (metadata.uid(), metadata.gid())
    };
    let (nobody, daemon) = ((65534, 65534), (1, 1));
    desk.cp(&["-u", "nobody", &local, &there("", "a")]).exits(0);
    assert_eq!(owner("a"), nobody);
    desk.cp(&[&local, &there("daemon@", "b")]).exits(0);
    assert_eq!(owner("b"), daemon);
    // The flag goes before the name in the target.
    desk.cp(&["-u", "nobody", &local, &there("root@", "c")])
        .exits(0);
    assert_eq!(owner("c"), nobody);
    desk.cp(&["-u", "daemon", "-g", "daemon", &local, &there("", "d")])
        .exits(0);
    assert_eq!(owner("d"), daemon);
    let foreign = desk
        .cp(&["-u", "nobody", "-g", "root", &local, &there("", "e")])
        .exits(1);
    assert!(
        foreign.stderr().contains("not a member of group root"),
        "{foreign:?}"
    );
    let unknown = desk
        .cp(&["-u", "no-such-user", &local, &there("", "e")])
        .exits(1);
    assert!(unknown.stderr().contains("no-such-user"), "{unknown:?}");
    // Trees too, and what the account may not read stays unread.
    std::fs::create_dir(desk.here.path().join("tree")).unwrap();
    std::fs::write(desk.here.path().join("tree/leaf"), "1").unwrap();
    desk.cp(&["-r", &desk.local("tree"), &there("nobody@", "")])
        .exits(0);
    assert_eq!(owner("tree/leaf"), nobody);
    std::fs::write(open.join("secret"), "root's").unwrap();
    std::fs::set_permissions(open.join("secret"), Permissions::from_mode(0o600)).unwrap();
    let denied = desk
        .cp(&[&there("nobody@", "secret"), &desk.local("stolen")])
        .exits(1);
    assert!(denied.stderr().contains("another account"), "{denied:?}");
    assert_eq!(names(&open), ["a", "b", "c", "d", "secret", "tree"]);
    assert_eq!(names(desk.here.path()), ["tree", "x"]);
}

#[test]
fn a_tree_of_strange_names_comes_down_and_goes_up_again() {
    let desk = desk();
    let strange = [
        "-rf",
        "...",
        "a\nb",
        "ü ö.txt",
        "x\\y",
        "\u{1b}]0;title\u{7}",
        "\u{202e}gpj.exe",
        "con",
    ];
    let tree = desk.scene.host.join("-tree\n\u{1b}[31m");
    for name in strange {
        std::fs::create_dir_all(tree.join(name)).unwrap();
        std::fs::write(tree.join(name).join(name), name).unwrap();
    }
    let arrived = |folder: &Path| {
        for name in strange {
            let content = std::fs::read(folder.join(name).join(name)).unwrap();
            assert_eq!(content, name.as_bytes(), "{name:?}");
        }
        assert_eq!(names(folder).len(), strange.len());
    };
    let name = "-tree\n\u{1b}[31m";
    let down = desk
        .cp(&["-r", &desk.there(name), &desk.local("out")])
        .exits(0);
    assert!(!down.stderr().contains('\u{1b}'), "{down:?}");
    arrived(&desk.here.path().join("out").join(name));
    std::fs::remove_dir_all(&tree).unwrap();
    let source = desk.local(&format!("out/{name}"));
    let up = desk.cp(&["-r", &source, &desk.there("")]).exits(0);
    assert!(!up.stderr().contains('\u{1b}'), "{up:?}");
    arrived(&tree);
    assert_eq!(names(&desk.scene.host), [name]);
}

#[test]
fn a_store_beside_the_server_takes_all_forms() {
    let folder = tempfile::tempdir().unwrap();
    let (_store, scene) = s3::scene(&folder);
    let desk = Desk::at(scene);
    let content = pseudo_random(3_000_000);
    let here = desk.here.path().to_owned();
    std::fs::create_dir_all(here.join("tree/empty")).unwrap();
    std::fs::write(here.join("tree/leaf"), &content).unwrap();
    std::fs::write(here.join("big"), &content).unwrap();
    std::fs::write(here.join("none"), "").unwrap();
    let (big, none, tree) = (desk.local("big"), desk.local("none"), desk.local("tree"));
    desk.cp(&[&big, &none, &desk.there("")]).exits(0);
    desk.cp(&["-r", &tree, &desk.there("")]).exits(0);
    let host = desk.scene.host.clone();
    assert_eq!(names(&host), ["big", "none", "tree"]);
    assert_eq!(std::fs::read(host.join("tree/leaf")).unwrap(), content);
    assert!(std::fs::read(host.join("none")).unwrap().is_empty());
    desk.cp(&[&desk.there("big"), &desk.local("back")]).exits(0);
    assert_eq!(std::fs::read(here.join("back")).unwrap(), content);
    desk.cp(&["-r", &desk.there("tree"), &desk.local("copy")])
        .exits(0);
    assert_eq!(std::fs::read(here.join("copy/tree/leaf")).unwrap(), content);
    desk.cp(&[&desk.there("big"), &desk.there("none"), &desk.local("two")])
        .exits(0);
    assert_eq!(names(&here.join("two")), ["big", "none"]);
    let missing = desk.cp(&[&desk.there("gone"), &desk.local("y")]).exits(1);
    assert!(
        missing.stderr().to_lowercase().contains("no such file"),
        "{missing:?}"
    );
    assert!(!here.join("y").exists());
}

#[test]
fn a_store_beside_the_server_gives_large_content_in_parts() {
    let folder = tempfile::tempdir().unwrap();
    let (store, scene) = s3::scene(&folder);
    let desk = Desk::at(scene);
    let content = pseudo_random(17_000_000);
    std::fs::write(desk.scene.host.join("big"), &content).unwrap();
    desk.cp(&[&desk.there("big"), &desk.local("big")]).exits(0);
    let read = std::fs::read(desk.here.path().join("big")).unwrap();
    assert!(read == content, "the content differs");
    // All of it came in parts of four MiB.
    assert_eq!(store.parts(), 5);
}

/// A terminal, and what was written to it.
struct Terminal {
    for_the_program: Option<Stdio>,
    shown: Arc<Mutex<Vec<u8>>>,
}

impl Terminal {
    fn open() -> Self {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY;
        let ours = rustix::pty::openpt(flags).unwrap();
        rustix::pty::grantpt(&ours).unwrap();
        rustix::pty::unlockpt(&ours).unwrap();
        let size = rustix::termios::Winsize {
            ws_row: 24,
            ws_col: 100,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        rustix::termios::tcsetwinsize(&ours, size).unwrap();
        let path = rustix::pty::ptsname(&ours, Vec::new()).unwrap();
        let flags = OFlags::RDWR | OFlags::NOCTTY;
        let theirs = rustix::fs::open(path.as_c_str(), flags, Mode::empty()).unwrap();
        let shown = Arc::new(Mutex::new(Vec::new()));
        let written = shown.clone();
        std::thread::spawn(move || {
            let mut ours = File::from(ours);
            let mut bytes = [0; 4096];
            // The end of the program is an error here.
            while let Ok(count @ 1..) = ours.read(&mut bytes) {
                written.lock().unwrap().extend_from_slice(&bytes[..count]);
            }
        });
        Self {
            for_the_program: Some(theirs.into()),
            shown,
        }
    }

    fn shows(&self, text: &str) -> bool {
        String::from_utf8_lossy(&self.shown.lock().unwrap()).contains(text)
    }
}

#[test]
fn a_terminal_shows_how_far_it_is_and_what_is_left() {
    let desk = desk();
    let met = Arc::new(Barrier::new(2));
    let limit = (SIZE / 2) as u64;
    let way = Way::breaking_after(limit, desk.scene.system.url(), Some(met.clone()));
    // Whoever names a file must not drive the terminal with it.
    let name = "big\u{1b}]0;owned\u{7}";
    std::fs::write(desk.scene.host.join(name), pseudo_random(SIZE)).unwrap();
    let mut terminal = Terminal::open();
    let copying = desk.cli.start_saying_to(
        terminal.for_the_program.take().unwrap(),
        &[("HTTP_PROXY", way.url()), ("TERM", "xterm")],
        &["cp", &desk.there(name), &desk.local("big")],
    );
    met.wait();
    eventually("the bar stands in the middle", || {
        let half = ["45%", "46%", "47%", "48%", "49%", "50%"];
        let stands = half.iter().any(|percent| terminal.shows(percent));
        (stands && terminal.shows("/7.63 MiB") && terminal.shows("Downloading big")).then_some(())
    });
    met.wait();
    copying.finish().exits(0);
    eventually("the end is told", || {
        terminal.shows("downloaded [").then_some(())
    });
    assert!(
        !terminal.shows("\u{1b}]0;"),
        "the name reached the terminal"
    );
}
