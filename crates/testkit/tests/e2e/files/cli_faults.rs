//! What breaks on the way of `alpacon cp`, and what is left then: all of it, or
//! nothing.

use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Barrier};

use super::cli::{Desk, desk};
use super::way::Way;
use super::{names, pseudo_random};

pub(super) const SIZE: usize = 8_000_000;

/// One file up, or down, by a way that breaks after a part of it. Gives what arrived.
fn by_a_broken_way(desk: &Desk, up: bool, limit: u64, met: Option<Arc<Barrier>>) -> Way {
    let content = pseudo_random(SIZE);
    let way = Way::breaking_after(limit, desk.scene.system.url(), met.clone());
    let (from, to) = match up {
        true => (desk.local("big"), desk.there("big")),
        false => (desk.there("big"), desk.local("big")),
    };
    let there = desk.scene.host.join("big");
    let here = desk.here.path().join("big");
    let (source, target) = if up { (&here, &there) } else { (&there, &here) };
    std::fs::write(source, &content).unwrap();
    std::fs::write(target, "what was there").unwrap();
    let copying = desk
        .cli
        .start_with(&[("HTTP_PROXY", way.url())], &["cp", &from, &to]);
    if let Some(met) = met {
        met.wait();
        assert_eq!(std::fs::read(target).unwrap(), b"what was there");
        desk.scene.system.kill_server();
        desk.scene.system.restart_server();
        met.wait();
    }
    copying.finish().exits(0);
    assert!(
        std::fs::read(target).unwrap() == content,
        "the content differs"
    );
    assert!(way.has_struck(), "the way never broke");
    assert_eq!(names(&desk.scene.host), ["big"]);
    assert_eq!(names(desk.here.path()), ["big"]);
    way
}

#[test]
fn a_broken_way_is_taken_up_where_it_broke() {
    for up in [true, false] {
        for percent in [1, 50, 99] {
            let limit = (SIZE * percent / 100) as u64;
            let way = by_a_broken_way(&desk(), up, limit, None);
            let passed = way.passed();
            // Not everything again.
            let most = SIZE as u64 + 3_000_000;
            assert!(passed < most, "{up} {percent}: {passed} bytes went by");
        }
    }
}

#[test]
fn a_restarted_control_plane_is_waited_for() {
    for up in [true, false] {
        by_a_broken_way(
            &desk(),
            up,
            (SIZE / 2) as u64,
            Some(Arc::new(Barrier::new(2))),
        );
    }
}

#[test]
fn a_signal_leaves_nothing_behind() {
    for up in [true, false] {
        let desk = desk();
        let met = Arc::new(Barrier::new(2));
        let limit = (SIZE / 2) as u64;
        let way = Way::breaking_after(limit, desk.scene.system.url(), Some(met.clone()));
        let (from, to) = match up {
            true => (desk.local("big"), desk.there("big")),
            false => (desk.there("big"), desk.local("big")),
        };
        let source = if up {
            desk.here.path()
        } else {
            &desk.scene.host
        };
        std::fs::write(source.join("big"), pseudo_random(SIZE)).unwrap();
        let copying = desk
            .cli
            .start_with(&[("HTTP_PROXY", way.url())], &["cp", &from, &to]);
        met.wait();
        copying.signal("INT");
        copying.finish().exits(130);
        met.wait();
        let target = if up {
            &desk.scene.host
        } else {
            desk.here.path()
        };
        testkit::eventually("nothing is left", || names(target).is_empty().then_some(()));
    }
}

/// A small disk, unmounted when dropped.
struct SmallDisk<'a>(&'a Path);

impl<'a> SmallDisk<'a> {
    fn mount(folder: &'a Path) -> Self {
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"])
            .arg(folder)
            .status()
            .unwrap();
        assert!(mounted.success(), "mount needs root");
        Self(folder)
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        let _gone = Command::new("umount").arg(self.0).status();
    }
}

#[test]
fn a_full_disk_here_leaves_what_was_there() {
    let desk = desk();
    std::fs::write(desk.scene.host.join("big"), pseudo_random(SIZE)).unwrap();
    std::fs::create_dir(desk.scene.host.join("folder")).unwrap();
    std::fs::write(desk.scene.host.join("folder/big"), pseudo_random(SIZE)).unwrap();
    let small = desk.here.path().join("small");
    std::fs::create_dir(&small).unwrap();
    let _disk = SmallDisk::mount(&small);
    std::fs::write(small.join("big"), "mine").unwrap();
    let full = desk
        .cp(&[&desk.there("big"), &desk.local("small/big")])
        .exits(1);
    assert!(
        full.stderr().contains("no space left on device"),
        "{full:?}"
    );
    assert!(
        full.stderr().contains("make room on this machine"),
        "{full:?}"
    );
    assert_eq!(std::fs::read(small.join("big")).unwrap(), b"mine");
    desk.cp(&["-r", &desk.there("folder"), &desk.local("small")])
        .exits(1);
    assert_eq!(names(&small), ["big"]);
}

#[test]
fn a_folder_that_may_not_be_written_is_found_out_first() {
    let desk = desk();
    std::fs::write(desk.scene.host.join("x"), "1").unwrap();
    let refused = desk.cp(&[&desk.there("x"), "/proc/x"]).exits(1);
    assert!(refused.stderr().contains("/proc/x"), "{refused:?}");
    // Nothing was asked for.
    let rows = desk
        .cli
        .run(&["webftp-log", "--output", "json"])
        .exits(0)
        .json();
    assert_eq!(rows.as_array().unwrap().len(), 0);
}

#[test]
fn a_target_that_vanishes_is_an_error_and_leaves_nothing() {
    let desk = desk();
    let met = Arc::new(Barrier::new(2));
    let limit = (SIZE / 2) as u64;
    let way = Way::breaking_after(limit, desk.scene.system.url(), Some(met.clone()));
    std::fs::write(desk.scene.host.join("big"), pseudo_random(SIZE)).unwrap();
    std::fs::create_dir(desk.here.path().join("out")).unwrap();
    let words = ["cp", &desk.there("big"), &desk.local("out/")];
    let copying = desk.cli.start_with(&[("HTTP_PROXY", way.url())], &words);
    met.wait();
    std::fs::remove_dir_all(desk.here.path().join("out")).unwrap();
    met.wait();
    copying.finish().exits(1);
    assert!(names(desk.here.path()).is_empty());
}

#[test]
fn a_lost_answer_is_no_lost_upload() {
    let desk = desk();
    let here = desk.here.path();
    std::fs::create_dir(here.join("tree")).unwrap();
    std::fs::write(here.join("tree/leaf"), pseudo_random(SIZE)).unwrap();
    std::fs::write(here.join("big"), pseudo_random(SIZE)).unwrap();
    std::fs::write(here.join("none"), "").unwrap();
    for words in [&["big"][..], &["none"], &["-r", "tree"]] {
        let way = Way::losing_the_answer_to_a_put(desk.scene.system.url());
        let there = desk.there("");
        let mut line = vec!["cp".to_owned()];
        line.extend(words.iter().map(|word| match word.starts_with('-') {
            true => (*word).to_owned(),
            false => desk.local(word),
        }));
        line.push(there);
        let line: Vec<&str> = line.iter().map(String::as_str).collect();
        let copied = desk.cli.run_with(&[("HTTP_PROXY", way.url())], &line);
        copied.exits(0);
        assert!(way.has_struck(), "{words:?}");
    }
    let host = &desk.scene.host;
    assert_eq!(names(host), ["big", "none", "tree"]);
    for file in ["big", "none", "tree/leaf"] {
        let same =
            std::fs::read(host.join(file)).unwrap() == std::fs::read(here.join(file)).unwrap();
        assert!(same, "{file}");
    }
}

#[test]
fn a_folder_starts_over_when_its_way_breaks_or_the_control_plane_restarts() {
    for restarts in [false, true] {
        let desk = desk();
        let tree = desk.here.path().join("tree");
        std::fs::create_dir(&tree).unwrap();
        for number in 0..40 {
            std::fs::write(tree.join(format!("{number}")), pseudo_random(SIZE / 40)).unwrap();
        }
        let met = Arc::new(Barrier::new(2));
        let limit = (SIZE / 2) as u64;
        let way = Way::breaking_after(limit, desk.scene.system.url(), Some(met.clone()));
        let copying = desk.cli.start_with(
            &[("HTTP_PROXY", way.url())],
            &["cp", "-r", &desk.local("tree"), &desk.there("")],
        );
        met.wait();
        if restarts {
            desk.scene.system.kill_server();
            desk.scene.system.restart_server();
        }
        met.wait();
        copying.finish().exits(0);
        let arrived = desk.scene.host.join("tree");
        assert_eq!(names(&arrived).len(), 40);
        let last = std::fs::read(arrived.join("39")).unwrap();
        assert!(last == pseudo_random(SIZE / 40));
        assert_eq!(names(&desk.scene.host), ["tree"]);
    }
}

#[test]
fn what_is_altered_on_its_way_is_told() {
    let desk = desk();
    let content = b"the one byte that matters, and more that comes after it";
    let way = Way::altering(b"the one byte", desk.scene.system.url());
    let by = [("HTTP_PROXY", way.url())];
    std::fs::write(desk.here.path().join("x"), content).unwrap();
    let up = desk
        .cli
        .run_with(&by, &["cp", &desk.local("x"), &desk.there("up")])
        .exits(1);
    assert!(up.stderr().contains("changed on its way"), "{up:?}");
    assert!(way.has_struck());
    std::fs::write(desk.scene.host.join("x"), content).unwrap();
    let down = desk
        .cli
        .run_with(&by, &["cp", &desk.there("x"), &desk.local("down")])
        .exits(1);
    assert!(down.stderr().contains("changed on its way"), "{down:?}");
    assert_eq!(names(desk.here.path()), ["x"]);
}
