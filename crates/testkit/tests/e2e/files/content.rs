//! What arrives is what was sent, where it was sent to.

use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

use serde_json::json;

use super::{failed, get, names, pseudo_random, put, scene, status, succeeded};

#[test]
fn a_file_goes_up_and_comes_down_unchanged() {
    let scene = scene();
    let content = pseudo_random(3_000_000);
    let status = scene.upload("data.bin", &scene.path("data.bin"), &content, &json!({}));
    succeeded(&status);
    let written = std::fs::read(scene.path("data.bin")).unwrap();
    assert_eq!(written, content);
    let mode = std::fs::metadata(scene.path("data.bin"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o7777, 0o644);
    assert_eq!(names(&scene.host), ["data.bin"]);

    let (status, read) = scene.download(&scene.path("data.bin"), "file");
    succeeded(&status);
    assert_eq!(read.expect(200).body, content);
    assert_eq!(status["size"], 3_000_000);
    assert_eq!(status["sha256"].as_str().unwrap().len(), 64);
}

#[test]
fn an_upload_may_be_taken_while_it_is_put() {
    let scene = scene();
    let more = json!({"streaming": true, "size": 5});
    let status = scene.upload("s.txt", &scene.path("s.txt"), b"hello", &more);
    succeeded(&status);
    assert_eq!(std::fs::read(scene.path("s.txt")).unwrap(), b"hello");
    assert_eq!(status["path"], scene.path("s.txt"));
}

#[test]
fn an_empty_file_is_a_file() {
    let scene = scene();
    succeeded(&scene.upload("empty", &scene.path("empty"), b"", &json!({})));
    assert_eq!(std::fs::read(scene.path("empty")).unwrap(), b"");
    let (status, read) = scene.download(&scene.path("empty"), "file");
    succeeded(&status);
    assert_eq!(read.expect(200).body, b"");
}

#[test]
fn strange_names_are_names() {
    let scene = scene();
    for name in [
        "-rf",
        "a\nb",
        "ü ö.txt",
        ".hidden",
        "a..b",
        "\"q\\",
        "$(id)",
        "%2e%2e",
    ] {
        let status = scene.upload(name, &scene.path(name), name.as_bytes(), &json!({}));
        succeeded(&status);
        assert_eq!(
            std::fs::read(scene.host.join(name)).unwrap(),
            name.as_bytes()
        );
        let (status, read) = scene.download(&scene.path(name), "file");
        succeeded(&status);
        assert_eq!(read.expect(200).body, name.as_bytes(), "{name:?}");
    }
}

#[test]
fn a_directory_takes_the_file_under_its_name() {
    let scene = scene();
    std::fs::create_dir(scene.path("dir")).unwrap();
    succeeded(&scene.upload("a", &scene.path("dir"), b"1", &json!({})));
    succeeded(&scene.upload("b", &format!("{}/", scene.path("dir")), b"2", &json!({})));
    assert_eq!(names(&scene.host.join("dir")), ["a", "b"]);
    let missing = format!("{}/", scene.path("none"));
    failed(
        &scene.upload("a", &missing, b"1", &json!({})),
        "no such file or directory",
    );
}

#[test]
fn what_is_replaced_keeps_mode_and_owner() {
    let scene = scene();
    let path = scene.path("script.sh");
    std::fs::write(&path, "old").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o4750)).unwrap();
    std::os::unix::fs::chown(&path, Some(65534), Some(65534)).unwrap();
    succeeded(&scene.upload("script.sh", &path, b"new", &json!({})));
    let metadata = std::fs::metadata(&path).unwrap();
    assert_eq!(metadata.permissions().mode() & 0o7777, 0o750);
    assert_eq!((metadata.uid(), metadata.gid()), (65534, 65534));

    let kept = json!({"allow_overwrite": false});
    failed(
        &scene.upload("script.sh", &path, b"newer", &kept),
        "file exists",
    );
    assert_eq!(std::fs::read(&path).unwrap(), b"new");
    assert_eq!(names(&scene.host), ["script.sh"]);
}

#[test]
fn an_account_writes_and_reads_what_it_may_and_no_more() {
    let scene = scene();
    let open = scene.host.join("open");
    std::fs::create_dir(&open).unwrap();
    std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o777)).unwrap();
    // The folders above must let it through.
    for folder in scene.host.ancestors().take(2) {
        std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let nobody = json!({"username": "nobody"});
    let path = scene.path("open/mine");
    succeeded(&scene.upload("mine", &path, b"x", &nobody));
    assert_eq!(std::fs::metadata(&path).unwrap().uid(), 65534);
    failed(
        &scene.upload("theirs", &scene.path("theirs"), b"x", &nobody),
        "permission denied",
    );
    std::fs::write(scene.path("open/root-only"), "secret").unwrap();
    std::fs::set_permissions(
        scene.path("open/root-only"),
        std::fs::Permissions::from_mode(0o600),
    )
    .unwrap();
    failed(
        &scene.upload("root-only", &scene.path("open/root-only"), b"x", &nobody),
        "permission denied",
    );
    let asked = scene.api.post(
        "/api/webftp/downloads/",
        &json!({"path": scene.path("open/root-only"), "name": "root-only",
                "server": scene.agent.id(), "username": "nobody", "groupname": "",
                "resource_type": "file"}),
    );
    let id = asked.expect(201).text_at("/id");
    failed(&status(&scene.api, "downloads", &id), "permission denied");
    assert_eq!(
        std::fs::read(scene.path("open/root-only")).unwrap(),
        b"secret"
    );
    assert_eq!(names(&open), ["mine", "root-only"]);
}

#[test]
fn special_files_are_refused_without_touching_them() {
    let scene = scene();
    let pipe = scene.path("pipe");
    assert!(
        std::process::Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    let (status, read) = scene.download(&pipe, "file");
    failed(&status, "not a regular file");
    assert_eq!(read.status, 410);
    failed(
        &scene.upload("pipe", &pipe, b"x", &json!({})),
        "not a regular file",
    );
    failed(&scene.download("/dev/zero", "file").0, "not a regular file");
    failed(
        &scene.download(&scene.path("none"), "file").0,
        "no such file or directory",
    );
    let folder = scene.host.to_str().unwrap();
    failed(&scene.download(folder, "file").0, "is a directory");
}

#[test]
fn files_without_a_size_are_read_to_their_end() {
    let scene = scene();
    let (status, read) = scene.download("/proc/self/status", "file");
    succeeded(&status);
    assert!(read.expect(200).text().starts_with("Name:"));
}

#[test]
fn sparse_files_stay_sparse() {
    let scene = scene();
    let content = vec![0; 20_000_000];
    succeeded(&scene.upload("holes", &scene.path("holes"), &content, &json!({})));
    let metadata = std::fs::metadata(scene.path("holes")).unwrap();
    assert_eq!(metadata.len(), 20_000_000);
    assert!(
        metadata.blocks() * 512 < 2_000_000,
        "{} blocks",
        metadata.blocks()
    );
}

#[test]
fn own_links_lead_on_and_those_of_others_do_not() {
    let scene = scene();
    std::fs::create_dir(scene.path("real")).unwrap();
    std::fs::write(scene.path("real/file"), "old").unwrap();
    symlink("real/file", scene.path("link")).unwrap();
    succeeded(&scene.upload("link", &scene.path("link"), b"new", &json!({})));
    assert!(
        std::fs::symlink_metadata(scene.path("link"))
            .unwrap()
            .is_symlink()
    );
    assert_eq!(std::fs::read(scene.path("real/file")).unwrap(), b"new");

    symlink("/etc/passwd", scene.path("trap")).unwrap();
    std::os::unix::fs::lchown(scene.path("trap"), Some(65534), Some(65534)).unwrap();
    let before = std::fs::read("/etc/passwd").unwrap();
    failed(
        &scene.upload("trap", &scene.path("trap"), b"x", &json!({})),
        "belongs to another user",
    );
    assert_eq!(std::fs::read("/etc/passwd").unwrap(), before);
}

#[test]
fn a_folder_comes_as_a_zip_and_goes_as_one() {
    let scene = scene();
    let tree = scene.host.join("tree");
    std::fs::create_dir_all(tree.join("a/b")).unwrap();
    std::fs::create_dir(tree.join("empty")).unwrap();
    std::fs::write(tree.join("a/b/one"), "1").unwrap();
    std::fs::write(tree.join("two words\n"), pseudo_random(300_000)).unwrap();
    std::fs::set_permissions(tree.join("a/b/one"), std::fs::Permissions::from_mode(0o755)).unwrap();
    let (status, read) = scene.download(tree.to_str().unwrap(), "folder");
    succeeded(&status);
    let zip = read.expect(200).body;

    let more = json!({"allow_unzip": true});
    let target = scene.host.join("copy");
    std::fs::create_dir(&target).unwrap();
    let into = format!("{}/", target.display());
    succeeded(&scene.upload("tree.zip", &into, &zip, &more));
    assert_eq!(names(&target), ["tree"]);
    let copy = target.join("tree");
    assert_eq!(names(&copy), ["a", "empty", "two words\n"]);
    assert_eq!(
        std::fs::read(copy.join("two words\n")).unwrap(),
        pseudo_random(300_000)
    );
    let mode = std::fs::metadata(copy.join("a/b/one"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o755);

    // Again, over what is there; and not, where nothing may be replaced.
    std::fs::write(copy.join("a/b/one"), "changed").unwrap();
    std::fs::write(copy.join("kept"), "kept").unwrap();
    let careful = json!({"allow_unzip": true, "allow_overwrite": false});
    failed(
        &scene.upload("tree.zip", &into, &zip, &careful),
        "file exists",
    );
    assert_eq!(std::fs::read(copy.join("a/b/one")).unwrap(), b"changed");
    succeeded(&scene.upload("tree.zip", &into, &zip, &more));
    assert_eq!(std::fs::read(copy.join("a/b/one")).unwrap(), b"1");
    assert_eq!(std::fs::read(copy.join("kept")).unwrap(), b"kept");
    assert_eq!(names(&target), ["tree"]);
}

#[test]
fn several_files_go_in_one_request() {
    let scene = scene();
    let created = scene
        .api
        .post(
            "/api/webftp/uploads/bulk/",
            &json!({"names": ["a", "b", "c"], "path": scene.host, "server": scene.agent.id(),
                    "username": "", "groupname": "", "allow_overwrite": true,
                    "allow_unzip": false}),
        )
        .expect(201)
        .json();
    let ids: Vec<&str> = created
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["id"].as_str().unwrap())
        .collect();
    let early = scene
        .api
        .post("/api/webftp/uploads/bulk-upload/", &json!({"ids": ids}));
    assert_eq!(early.status, 409, "{}", early.text());
    for (index, one) in created.as_array().unwrap().iter().enumerate() {
        assert_eq!(one["name"], ["a", "b", "c"][index]);
        put(
            &scene.api,
            one["upload_url"].as_str().unwrap(),
            &[b'0' + u8::try_from(index).unwrap()],
        )
        .expect(200);
    }
    scene
        .api
        .post("/api/webftp/uploads/bulk-upload/", &json!({"ids": ids}))
        .expect_success();
    for id in ids {
        succeeded(&status(&scene.api, "uploads", id));
    }
    assert_eq!(std::fs::read(scene.path("c")).unwrap(), b"2");

    let paths = [scene.path("a"), scene.path("b")];
    let created = scene
        .api
        .post(
            "/api/webftp/downloads/bulk/",
            &json!({"path": paths, "server": scene.agent.id(), "username": "", "groupname": ""}),
        )
        .expect(201);
    let read = get(&scene.api, &created.text_at("/download_url"), &[]).expect(200);
    assert!(read.body.starts_with(b"PK"), "not a zip");
    assert_eq!(created.json()["path"], json!(paths));
    succeeded(&status(&scene.api, "downloads", &created.text_at("/id")));
}

#[test]
fn the_log_and_the_audit_tell_what_was_moved() {
    let scene = scene();
    succeeded(&scene.upload("x", &scene.path("x"), b"abc", &json!({})));
    failed(&scene.download(&scene.path("y"), "file").0, "no such file");
    let log = scene
        .api
        .get("/api/history/webftp-logs/")
        .expect(200)
        .json();
    let rows = log["results"].as_array().unwrap();
    assert_eq!(rows.len(), 2);
    assert_eq!(
        (&rows[0]["action"], &rows[0]["success"]),
        (&json!("download"), &json!(false))
    );
    assert_eq!(
        (&rows[1]["action"], &rows[1]["success"]),
        (&json!("upload"), &json!(true))
    );
    assert_eq!(
        (&rows[1]["size"], &rows[1]["file_name"]),
        (&json!(3), &json!("x"))
    );
    assert_eq!(rows[1]["server"], "host");
    let page = scene
        .api
        .get("/api/history/webftp-logs/?page_size=1&action=upload")
        .expect(200)
        .json();
    assert_eq!(page["results"].as_array().unwrap().len(), 1);
    scene
        .api
        .get("/api/history/webftp-logs/?action=sideways")
        .refuses(400, "invalid_choice");

    let audit = scene
        .api
        .get("/api/audit/activity/?app=webftp")
        .expect(200)
        .text();
    let digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let recorded = scene
        .system
        .database()
        .integer("SELECT count(*) FROM audit_records WHERE action = 'finish' AND app = 'webftp'");
    assert_eq!(recorded, 2, "{audit}");
    let hashed = scene.system.database().integer(&format!(
        "SELECT count(*) FROM audit_records WHERE CAST(data AS TEXT) LIKE '%{digest}%'"
    ));
    assert_eq!(hashed, 1);
    let (valid, said) = scene.system.verify_audit();
    assert!(valid, "{said}");
}
