//! Things that break in the middle: never half a file in place.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::json;

use super::{failed, get, names, pseudo_random, put, put_rest, scene, status, stranger, succeeded};

/// Announces all of `content` and sends the first `count` bytes.
pub(super) fn begin_put(link: &str, content: &[u8], count: usize) -> TcpStream {
    let (authority, path) = link
        .strip_prefix("http://")
        .unwrap()
        .split_once('/')
        .unwrap();
    let mut stream = TcpStream::connect(authority).unwrap();
    let head = format!(
        "PUT /{path} HTTP/1.1\r\nHost: {authority}\r\nContent-Length: {}\r\n\r\n",
        content.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(&content[..count]).unwrap();
    stream.flush().unwrap();
    stream
}

/// Announces all of `content`, sends the first `count` bytes and cuts the line.
pub(super) fn cut_put(link: &str, content: &[u8], count: usize) {
    let mut stream = begin_put(link, content, count);
    // The server has read it all when it has closed its side after ours.
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(30)))
        .unwrap();
    let mut answer = Vec::new();
    let _closed = stream.read_to_end(&mut answer);
}

/// Waits until the agent has the order.
fn wait_for_agent(scene: &super::Scene) {
    let acked = "SELECT count(*) FROM commands WHERE acked_at IS NOT NULL AND line = 'download'";
    testkit::eventually("the agent is at it", || {
        (scene.system.database().integer(acked) > 0).then_some(())
    });
}

#[test]
fn a_line_cut_anywhere_leaves_nothing_and_can_be_taken_up() {
    let scene = scene();
    let content = pseudo_random(1_000_000);
    for percent in [1, 50, 99] {
        let name = format!("cut-{percent}");
        let more = json!({"streaming": true, "size": content.len()});
        let created = scene.create(&name, &scene.path(&name), &more).expect(201);
        let link = created.text_at("/upload_url");
        let cut = content.len() * percent / 100;
        cut_put(&link, &content, cut);
        assert!(
            !scene.host.join(&name).exists(),
            "half a file at {percent} %"
        );
        let (api, path) = stranger(&scene.api, &link);
        testkit::eventually("the rest is taken", || {
            let head = api.send(http::Method::HEAD, &path, None, &[]).expect(200);
            let arrived: usize = head.header("upload-offset").parse().unwrap();
            let answer = put_rest(&api, &path, &content, arrived);
            (answer.status == 200).then_some(())
        });
        succeeded(&status(&scene.api, "uploads", &created.text_at("/id")));
        assert_eq!(std::fs::read(scene.path(&name)).unwrap(), content);
    }
    assert_eq!(names(&scene.host).len(), 3);
}

#[test]
fn a_sender_that_is_cut_off_after_the_last_byte_has_sent_all() {
    let scene = scene();
    let content = pseudo_random(1_000_000);
    let more = json!({"streaming": true, "size": content.len()});
    for name in ["a", "b", "c", "d"] {
        let created = scene.create(name, &scene.path(name), &more).expect(201);
        let link = created.text_at("/upload_url");
        drop(begin_put(&link, &content, content.len()));
        succeeded(&status(&scene.api, "uploads", &created.text_at("/id")));
        assert_eq!(std::fs::read(scene.path(name)).unwrap(), content);
    }
}

#[test]
fn a_restarted_control_plane_goes_on() {
    let scene = scene();
    let content = pseudo_random(2_000_000);
    let more = json!({"streaming": true, "size": content.len()});
    let created = scene.create("x", &scene.path("x"), &more).expect(201);
    let link = created.text_at("/upload_url");
    cut_put(&link, &content, 1_000_000);
    scene.system.kill_server();
    scene.system.restart_server();
    scene.system.wait_connected(scene.agent.id(), true);
    let (api, path) = stranger(&scene.api, &link);
    testkit::eventually("the rest is taken", || {
        let head = api.send(http::Method::HEAD, &path, None, &[]);
        let arrived: usize = head.header("upload-offset").parse().ok()?;
        let answer = put_rest(&api, &path, &content, arrived);
        (answer.status == 200).then_some(())
    });
    succeeded(&status(&scene.api, "uploads", &created.text_at("/id")));
    assert_eq!(std::fs::read(scene.path("x")).unwrap(), content);
}

#[test]
fn a_killed_agent_leaves_no_half_file() {
    let scene = scene();
    let content = pseudo_random(2_000_000);
    let more = json!({"streaming": true, "size": content.len()});
    let created = scene.create("x", &scene.path("x"), &more).expect(201);
    cut_put(&created.text_at("/upload_url"), &content, 1_000_000);
    wait_for_agent(&scene);
    scene.agent.kill();
    scene.agent.restart();
    let status = status(&scene.api, "uploads", &created.text_at("/id"));
    assert_eq!(status["success"], false, "{status}");
    assert!(names(&scene.host).is_empty(), "{:?}", names(&scene.host));
}

#[test]
fn content_that_starts_over_is_never_mixed_with_what_came_before() {
    let scene = scene();
    let (old, new) = (vec![b'o'; 3_000_000], vec![b'n'; 3_000_000]);
    let more = json!({"streaming": true, "size": old.len()});
    let created = scene.create("x", &scene.path("x"), &more).expect(201);
    let link = created.text_at("/upload_url");
    wait_for_agent(&scene);
    cut_put(&link, &old, 2_000_000);
    // The same link, from the start, with something else.
    testkit::eventually("the new content is taken", || {
        (put(&scene.api, &link, &new).status == 200).then_some(())
    });
    succeeded(&status(&scene.api, "uploads", &created.text_at("/id")));
    assert!(
        std::fs::read(scene.path("x")).unwrap() == new,
        "contents were mixed"
    );
}

/// A small file system of its own, unmounted at the end.
struct SmallDisk(std::path::PathBuf);

impl SmallDisk {
    /// None where this machine does not allow mounting.
    fn mount(path: std::path::PathBuf, size: &str) -> Option<Self> {
        std::fs::create_dir_all(&path).unwrap();
        let options = format!("size={size}");
        let mounted = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", &options, "tmpfs"])
            .arg(&path)
            .status();
        mounted
            .is_ok_and(|status| status.success())
            .then_some(Self(path))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _status = std::process::Command::new("umount")
            .arg("-l")
            .arg(&self.0)
            .status();
    }
}

#[test]
fn a_full_disk_on_the_host_is_said_and_leaves_nothing() {
    let scene = scene();
    if !crate::is_root() {
        return;
    }
    let Some(disk) = SmallDisk::mount(scene.host.join("small"), "1m") else {
        panic!("a tmpfs cannot be mounted");
    };
    std::fs::write(disk.0.join("old"), "old").unwrap();
    let content = pseudo_random(3_000_000);
    for name in ["old", "new"] {
        let path = scene.path(&format!("small/{name}"));
        failed(
            &scene.upload(name, &path, &content, &json!({})),
            "no space left on device",
        );
    }
    assert_eq!(names(&disk.0), ["old"]);
    assert_eq!(std::fs::read(disk.0.join("old")).unwrap(), b"old");
    // A zip that fits, whose content does not.
    std::fs::create_dir(scene.path("tree")).unwrap();
    std::fs::write(scene.path("tree/zeros"), vec![b'a'; 5_000_000]).unwrap();
    let zip = scene
        .download(&scene.path("tree"), "folder")
        .1
        .expect(200)
        .body;
    let more = json!({"allow_unzip": true});
    let into = format!("{}/", disk.0.display());
    failed(
        &scene.upload("tree.zip", &into, &zip, &more),
        "no space left on device",
    );
    assert_eq!(names(&disk.0), ["old"]);
}

#[test]
fn a_full_store_is_said_and_takes_later_what_fits() {
    let scene = scene();
    let objects = scene.system.data().join("objects");
    let Some(_disk) = SmallDisk::mount(objects, "2m") else {
        panic!("a tmpfs cannot be mounted");
    };
    let created = scene.create("x", &scene.path("x"), &json!({})).expect(201);
    let answer = put(
        &scene.api,
        &created.text_at("/upload_url"),
        &pseudo_random(3_000_000),
    );
    answer.refuses(507, "transfer_limit_exceeded");
    std::fs::write(scene.path("big"), pseudo_random(3_000_000)).unwrap();
    let (status, read) = scene.download(&scene.path("big"), "file");
    assert_eq!(status["success"], false, "{status}");
    assert_eq!(read.status, 410, "{}", read.text());
    assert_eq!(names(&scene.host), ["big"]);
}

#[test]
fn a_target_that_vanishes_fails_cleanly() {
    let scene = scene();
    std::fs::create_dir(scene.path("dir")).unwrap();
    let more = json!({"streaming": true, "size": 10});
    let created = scene.create("x", &scene.path("dir/x"), &more).expect(201);
    let link = created.text_at("/upload_url");
    cut_put(&link, &pseudo_random(10), 5);
    // The agent holds the place open by now, or finds none.
    std::fs::remove_dir_all(scene.path("dir")).unwrap();
    let (api, path) = stranger(&scene.api, &link);
    testkit::eventually("the transfer is over", || {
        let head = api.send(http::Method::HEAD, &path, None, &[]);
        if head.status == 410 {
            return Some(());
        }
        let arrived: usize = head.header("upload-offset").parse().ok()?;
        let answer = put_rest(&api, &path, &pseudo_random(10), arrived);
        matches!(answer.status, 200 | 410).then_some(())
    });
    failed(
        &status(&scene.api, "uploads", &created.text_at("/id")),
        "no such file or directory",
    );
    assert!(names(&scene.host).is_empty());
}

#[test]
fn a_path_that_became_a_link_is_replaced_and_not_followed() {
    let scene = scene();
    std::fs::write(scene.path("victim"), "victim").unwrap();
    let more = json!({"streaming": true, "size": 10});
    let created = scene.create("x", &scene.path("x"), &more).expect(201);
    let link = created.text_at("/upload_url");
    let content = pseudo_random(10);
    cut_put(&link, &content, 5);
    // While the agent waits for the rest, somebody puts a link in its way. Whether
    // it has looked at the place before or looks after, the victim stays.
    let id = created.text_at("/id");
    wait_for_agent(&scene);
    std::os::unix::fs::symlink("victim", scene.path("x")).unwrap();
    std::os::unix::fs::lchown(scene.path("x"), Some(65534), Some(65534)).unwrap();
    let (api, path) = stranger(&scene.api, &link);
    testkit::eventually("the rest is taken", || {
        let head = api.send(http::Method::HEAD, &path, None, &[]);
        if head.status == 410 {
            return Some(());
        }
        let arrived: usize = head.header("upload-offset").parse().ok()?;
        let answer = put_rest(&api, &path, &content, arrived);
        matches!(answer.status, 200 | 410).then_some(())
    });
    let _ended = status(&scene.api, "uploads", &id);
    assert_eq!(std::fs::read(scene.path("victim")).unwrap(), b"victim");
}

#[test]
fn a_reader_may_come_late_and_in_the_middle() {
    let scene = scene();
    let content = pseudo_random(5_000_000);
    std::fs::write(scene.path("big"), &content).unwrap();
    let created = scene.ask(&scene.path("big"), "file").expect(201);
    succeeded(&status(&scene.api, "downloads", &created.text_at("/id")));
    let link = created.text_at("/download_url");
    let half = get(&scene.api, &link, &[("range", "bytes=2500000-")]).expect(206);
    assert_eq!(half.body, content[2_500_000..]);
    get(&scene.api, &link, &[("range", "bytes=5000001-")]).expect(416);
    get(&scene.api, &link, &[("range", "bytes=1-2,5-6")]).expect(400);
}
