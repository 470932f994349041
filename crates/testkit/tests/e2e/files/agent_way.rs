//! A way between agent and control plane that breaks: what the host sends and takes
//! arrives all the same.

use testkit::System;

use super::way::Way;
use super::{Scene, names, pseudo_random, succeeded};

const SIZE: usize = 8_000_000;

/// The usual, with an agent whose way breaks once, after half of a transfer.
fn scene() -> (Scene, Way) {
    let system = System::start();
    let way = Way::breaking_after((SIZE / 2) as u64, system.url(), None);
    let agent = system.agent_by("host", way.url());
    let host = system.folder().join("host-files");
    std::fs::create_dir(&host).unwrap();
    let scene = Scene {
        api: system.api(),
        system,
        agent,
        host,
    };
    (scene, way)
}

/// Not everything again.
#[track_caller]
fn is_taken_up(way: &Way) {
    assert!(way.has_struck(), "the way never broke");
    let passed = way.passed();
    assert!(passed < SIZE as u64 + 3_000_000, "{passed} bytes went by");
}

#[test]
fn a_file_from_the_host_goes_on_where_it_broke() {
    let (scene, way) = scene();
    let content = pseudo_random(SIZE);
    std::fs::write(scene.path("big"), &content).unwrap();
    let (status, read) = scene.download(&scene.path("big"), "file");
    succeeded(&status);
    assert!(read.expect(200).body == content, "the content differs");
    is_taken_up(&way);
}

#[test]
fn a_file_to_the_host_goes_on_where_it_broke() {
    let (scene, way) = scene();
    let content = pseudo_random(SIZE);
    let more = serde_json::json!({"streaming": true, "size": SIZE});
    succeeded(&scene.upload("big", &scene.path("big"), &content, &more));
    assert!(std::fs::read(scene.path("big")).unwrap() == content);
    assert_eq!(names(&scene.host), ["big"]);
    is_taken_up(&way);
}

/// An archive is written while it is sent: it starts over, and what the reader has of
/// the first is not continued with the second.
#[test]
fn a_folder_from_the_host_starts_over() {
    let (scene, way) = scene();
    std::fs::create_dir(scene.path("tree")).unwrap();
    for number in 0..40 {
        let leaf = scene.path(&format!("tree/{number}"));
        std::fs::write(leaf, pseudo_random(SIZE / 40)).unwrap();
    }
    let cli = scene.system.cli_with_password();
    cli.open_session("host", "webftp");
    let here = tempfile::tempdir().unwrap();
    let to = here.path().to_str().unwrap();
    let from = format!("host:{}", scene.path("tree"));
    cli.run(&["cp", "-r", &from, to]).exits(0);
    assert!(way.has_struck(), "the way never broke");
    let arrived = here.path().join("tree");
    assert_eq!(names(&arrived).len(), 40);
    for number in 0..40 {
        let leaf = std::fs::read(arrived.join(number.to_string())).unwrap();
        assert!(leaf == pseudo_random(SIZE / 40), "{number}");
    }
    assert_eq!(names(here.path()), ["tree"]);
}
