//! What a workspace lets through, shares of the store, and content in parts.

use serde_json::{Value, json};

use super::faults::cut_put;
use super::{
    Scene, failed, get, names, pseudo_random, put, put_rest, scene, status, stranger, succeeded,
};

const ELF: &[u8] = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\x3e\0\x01\0\0\0";

/// A system with this policy.
fn scene_with(policy: &Value) -> Scene {
    let scene = scene();
    scene
        .system
        .api_with_password()
        .patch("/api/workspaces/transfer-policy/-/", policy)
        .expect(200);
    scene
}

impl Scene {
    fn denials(&self) -> i64 {
        let sql = "SELECT count(*) FROM audit_records \
                   WHERE action = 'deny' AND app = 'webftp'";
        self.system.database().integer(sql)
    }
}

#[test]
fn content_is_judged_by_its_bytes_in_both_directions() {
    let policy = json!({"forbidden_types": ["application/x-executable"]});
    let scene = scene_with(&policy);
    let mut program = ELF.to_vec();
    program.extend(pseudo_random(1_000_000));
    // Called a picture, put at once or while the agent takes it, whole or in two.
    for (name, more) in [
        ("a.png", json!({})),
        ("b.png", json!({"streaming": true, "size": program.len()})),
    ] {
        let created = scene.create(name, &scene.path(name), &more).expect(201);
        put(&scene.api, &created.text_at("/upload_url"), &program)
            .refuses(415, "content_not_allowed");
        failed(
            &status(&scene.api, "uploads", &created.text_at("/id")),
            "does not let content of the type application/x-executable through",
        );
    }
    // Too little to judge by, then the rest.
    let more = json!({"streaming": true, "size": program.len()});
    let created = scene.create("c", &scene.path("c"), &more).expect(201);
    let link = created.text_at("/upload_url");
    cut_put(&link, &program, 3);
    let (api, path) = stranger(&scene.api, &link);
    testkit::eventually("the rest is refused", || {
        let answer = put_rest(&api, &path, &program, 0);
        (answer.status == 415).then_some(())
    });
    assert!(names(&scene.host).is_empty(), "{:?}", names(&scene.host));
    // What is short is judged when it is whole.
    let created = scene.create("d", &scene.path("d"), &json!({})).expect(201);
    put(
        &scene.api,
        &created.text_at("/upload_url"),
        &program[..3000],
    )
    .refuses(415, "content_not_allowed");
    // From the host.
    std::fs::write(scene.path("tool"), &program).unwrap();
    let created = scene.ask(&scene.path("tool"), "file").expect(201);
    failed(
        &status(&scene.api, "downloads", &created.text_at("/id")),
        "application/x-executable",
    );
    let read = get(&scene.api, &created.text_at("/download_url"), &[]);
    assert_eq!(read.status, 410, "{}", read.text());
    assert_eq!(scene.denials(), 5);
    // Everything else goes.
    succeeded(&scene.upload("e", &scene.path("e"), b"text", &json!({})));
    succeeded(&scene.upload("f", &scene.path("f"), b"", &json!({})));
}

#[test]
fn names_and_sizes_are_judged_before_anything_is_ordered() {
    let policy = json!({"forbidden_extensions": ["exe"], "max_bytes": 1000,
                        "requester_quota_bytes": 1500});
    let scene = scene_with(&policy);
    for (name, path) in [("a.EXE", "a"), ("a", "a.exe"), ("a.exe", "a.exe")] {
        scene
            .create(name, &scene.path(path), &json!({}))
            .refuses(403, "content_not_allowed");
    }
    scene
        .ask(&scene.path("a.exe"), "file")
        .refuses(403, "content_not_allowed");
    assert_eq!(scene.denials(), 4);
    scene
        .create("x", &scene.path("x"), &json!({"size": 1001}))
        .refuses(413, "transfer_limit_exceeded");
    // Unannounced, it is noticed as it comes.
    let created = scene.create("x", &scene.path("x"), &json!({})).expect(201);
    let link = created.text_at("/upload_url");
    put(&scene.api, &link, &pseudo_random(1001)).refuses(413, "transfer_limit_exceeded");
    put(&scene.api, &link, &pseudo_random(1000)).expect(200);
    // 1,000 bytes wait; of the share, 500 are left.
    scene
        .create("y", &scene.path("y"), &json!({"size": 501}))
        .refuses(507, "transfer_limit_exceeded");
    let created = scene.create("y", &scene.path("y"), &json!({})).expect(201);
    put(
        &scene.api,
        &created.text_at("/upload_url"),
        &pseudo_random(501),
    )
    .refuses(507, "transfer_limit_exceeded");
    put(
        &scene.api,
        &created.text_at("/upload_url"),
        &pseudo_random(500),
    )
    .expect(200);
    // From the host, the agent is told the limit.
    std::fs::write(scene.path("big"), pseudo_random(1001)).unwrap();
    let (ended, _) = scene.download(&scene.path("big"), "file");
    assert_eq!(ended["success"], false, "{ended}");
}

#[test]
fn content_is_read_in_parts_at_once_and_is_whole() {
    let scene = scene();
    let content = pseudo_random(3_000_001);
    std::fs::write(scene.path("big"), &content).unwrap();
    let created = scene.ask(&scene.path("big"), "file").expect(201);
    let link = created.text_at("/download_url");
    succeeded(&status(&scene.api, "downloads", &created.text_at("/id")));
    let parts: Vec<(usize, usize)> = (0..8)
        .map(|number| (number * 400_000, (number + 1) * 400_000 - 1))
        .collect();
    // What was read in part waits for who reads the rest of it.
    let fetched = "SELECT count(*) FROM transfers WHERE fetched_at IS NOT NULL";
    for range in ["bytes=0-9", "bytes=10-19"] {
        get(&scene.api, &link, &[("range", range)]).expect(206);
    }
    assert_eq!(scene.system.database().integer(fetched), 0);
    // The last one first, and all the others after it and beside each other.
    let read: Vec<Vec<u8>> = std::thread::scope(|scope| {
        let reading: Vec<_> = parts
            .iter()
            .rev()
            .map(|(start, last)| {
                let (api, link) = (&scene.api, &link);
                scope.spawn(move || {
                    let range = format!("bytes={start}-{last}");
                    let part = get(api, link, &[("range", &range)]).expect(206);
                    let end = (*last).min(3_000_000);
                    assert_eq!(
                        part.header("content-range"),
                        format!("bytes {start}-{end}/3000001")
                    );
                    part.body
                })
            })
            .collect();
        reading
            .into_iter()
            .rev()
            .map(|part| part.join().unwrap())
            .collect()
    });
    assert!(read.concat() == content, "the parts are not the whole");
    testkit::eventually("the end of it was noted", || {
        (scene.system.database().integer(fetched) == 1).then_some(())
    });
    get(&scene.api, &link, &[("range", "bytes=3000001-3000002")]).expect(416);
}
