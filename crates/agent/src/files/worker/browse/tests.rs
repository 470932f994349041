use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use serde_json::{Value, json};

use super::*;

struct Scene {
    _keep: tempfile::TempDir,
    folder: PathBuf,
    session: Session,
}

fn scene(read: &[&str], write: &[&str]) -> Scene {
    let keep = tempfile::tempdir().unwrap();
    let folder = keep.path().canonicalize().unwrap();
    let rules = |patterns: &[&str]| -> PathRules {
        let patterns = patterns.iter();
        let list: Vec<String> = patterns
            .map(|pattern| format!("{}/{pattern}", folder.display()))
            .collect();
        match list.is_empty() {
            true => Vec::new(),
            false => vec![list],
        }
    };
    let start = Start {
        home: folder.to_string_lossy().into_owned(),
        read_rules: rules(read),
        write_rules: rules(write),
    };
    let session = Session::new(&start).unwrap();
    Scene {
        _keep: keep,
        folder,
        session,
    }
}

impl Scene {
    fn ask(&mut self, command: &str, data: Value) -> Response {
        let mut request = json!({"command": command});
        request["data"] = data;
        let request = serde_json::from_value(request).unwrap();
        self.session.answer(&request)
    }

    #[track_caller]
    fn works(&mut self, command: &str, data: Value) -> Entry {
        let response = self.ask(command, data);
        assert!(response.success && response.code == 250, "{response:?}");
        response.data
    }

    #[track_caller]
    fn fails(&mut self, command: &str, data: Value, code: i64) -> String {
        let response = self.ask(command, data);
        assert!(!response.success, "{response:?}");
        assert_eq!(response.code, code, "{response:?}");
        response.data.message
    }

    fn write(&self, name: &str, content: &str) {
        std::fs::write(self.folder.join(name), content).unwrap();
    }

    fn mkdir(&self, name: &str) {
        std::fs::create_dir_all(self.folder.join(name)).unwrap();
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.join(name)).unwrap()
    }

    fn names(&self) -> Vec<String> {
        names(&self.folder)
    }
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn children(entry: &Entry) -> Vec<&str> {
    entry.children.iter().map(|entry| &*entry.name).collect()
}

#[test]
fn listings_have_the_shape_of_the_contract() {
    let mut scene = scene(&[], &[]);
    scene.mkdir("sub/deeper/deepest");
    scene.write("a", "12345");
    scene.write(".hidden", "");
    symlink("a", scene.folder.join("link")).unwrap();
    symlink("nowhere", scene.folder.join("lost")).unwrap();
    let listed = scene.works("list", json!({}));
    assert_eq!(children(&listed), ["a", "link", "lost", "sub"]);
    assert_eq!((&*listed.kind, listed.code), ("folder", 250));
    let [file, link, lost, sub] = listed.children.as_slice() else {
        panic!("{listed:?}");
    };
    assert_eq!((&*file.kind, file.size), ("file", 5));
    assert_eq!(file.path, scene.folder.join("a").to_str().unwrap());
    assert_eq!((&*link.kind, &*link.target, link.size), ("symlink", "a", 5));
    assert_eq!(lost.size, 0);
    assert!(chrono::DateTime::parse_from_rfc3339(&file.mod_time).is_ok());
    assert!(!file.owner.is_empty() && !file.group.is_empty());
    assert!(sub.children.is_empty());
    let deep = scene.works("list", json!({"depth": 3, "show_hidden": true}));
    assert_eq!(children(&deep), [".hidden", "a", "link", "lost", "sub"]);
    let deepest = &deep.children[4].children[0].children[0];
    assert_eq!(deepest.name, "deepest");
    scene.fails("list", json!({"depth": 4}), 452);
    // A directory that cannot be read is said inside a success.
    for path in ["none", "a"] {
        let broken = scene.works("list", json!({"path": path}));
        assert_eq!(broken.code, 550, "{broken:?}");
        assert!(!broken.message.is_empty());
    }
}

#[test]
fn the_working_directory_is_where_paths_start() {
    let mut scene = scene(&[], &[]);
    scene.mkdir("sub");
    scene.write("file", "");
    scene.works("cwd", json!({"path": "sub"}));
    let sub = scene.folder.join("sub");
    assert_eq!(scene.works("pwd", json!({})).path, sub.to_str().unwrap());
    scene.works("mkd", json!({"path": "~/made"}));
    assert!(sub.join("made").is_dir());
    scene.fails("cwd", json!({"path": "../file"}), 550);
    scene.fails("cwd", json!({"path": "../none"}), 550);
    scene.fails("mkd", json!({"path": "made"}), 552);
    scene.fails("mkd", json!({"path": "a\0b"}), 452);
    scene.fails("mkd", json!({"path": "/"}), 452);
    scene.fails("mkd", json!({"path": "no/such"}), 550);
    let unknown = scene.ask("format", json!({}));
    assert_eq!((unknown.success, unknown.code), (false, 550));
}

#[test]
fn files_and_directories_are_removed() {
    let mut scene = scene(&[], &[]);
    scene.mkdir("full/inside");
    scene.mkdir("empty");
    scene.write("full/file", "");
    scene.write("victim", "");
    symlink(scene.folder.join("victim"), scene.folder.join("full/link")).unwrap();
    scene.fails("rmd", json!({"path": "full"}), 552);
    scene.fails("rmd", json!({"path": "none"}), 550);
    scene.works("rmd", json!({"path": "full", "recursive": true}));
    scene.works("dele", json!({"path": "empty"}));
    scene.fails("dele", json!({"path": "empty"}), 550);
    assert_eq!(scene.names(), ["victim"]);
}

#[test]
fn what_is_there_is_replaced_only_when_asked() {
    let mut scene = scene(&[], &[]);
    scene.write("a.txt", "a");
    scene.write("b.txt", "b");
    let moved = scene.works("mv", json!({"src": "a.txt", "dst": "b.txt"}));
    assert_eq!(moved.dst, scene.folder.join("a (1).txt").to_str().unwrap());
    assert_eq!(scene.read("b.txt"), "b");
    scene.write("a.txt", "new");
    let copied = scene.works("cp", json!({"src": "a.txt", "dst": "b.txt"}));
    assert_eq!(copied.dst, scene.folder.join("a (2).txt").to_str().unwrap());
    let itself = json!({"src": "a.txt", "dst": "a.txt", "allow_overwrite": true});
    let copied = scene.works("cp", itself);
    assert_eq!(copied.dst, scene.folder.join("a (3).txt").to_str().unwrap());
    let over = json!({"src": "a.txt", "dst": "b.txt", "allow_overwrite": true});
    scene.works("cp", over.clone());
    assert_eq!(scene.read("b.txt"), "new");
    scene.write("a.txt", "newer");
    scene.works("mv", over);
    assert_eq!(scene.read("b.txt"), "newer");
    let left = ["a (1).txt", "a (2).txt", "a (3).txt", "b.txt"];
    assert_eq!(scene.names(), left);
}

#[test]
fn directories_are_copied_whole_or_not_at_all() {
    let mut scene = scene(&[], &[]);
    scene.mkdir("tree/inside");
    scene.write("tree/inside/file", "content");
    scene.write("tree/script", "#!");
    let script = scene.folder.join("tree/script");
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o4755)).unwrap();
    scene.works("cp", json!({"src": "tree", "dst": "copy"}));
    assert_eq!(scene.read("copy/inside/file"), "content");
    let mode = std::fs::metadata(scene.folder.join("copy/script")).unwrap();
    assert_eq!(mode.permissions().mode() & 0o7777, 0o755);
    scene.write("copy/old", "");
    let over = json!({"src": "tree", "dst": "copy", "allow_overwrite": true});
    scene.works("cp", over.clone());
    assert_eq!(names(&scene.folder.join("copy")), ["inside", "script"]);
    let message = scene.fails("cp", json!({"src": "tree", "dst": "tree/inside/x"}), 553);
    assert!(message.contains("causing infinite recursion"));
    // Something in it that cannot be copied: what was there stays.
    symlink("inside", scene.folder.join("tree/way")).unwrap();
    scene.write("copy/kept", "");
    scene.fails("cp", over, 550);
    assert_eq!(
        names(&scene.folder.join("copy")),
        ["inside", "kept", "script"]
    );
    assert_eq!(scene.names(), ["copy", "tree"]);
}

#[test]
fn permissions_and_owners_are_changed_without_following_links_inside() {
    let mut scene = scene(&[], &[]);
    scene.mkdir("tree");
    scene.write("tree/file", "");
    scene.write("outside", "");
    symlink("../outside", scene.folder.join("tree/link")).unwrap();
    let mode = |name: &str| {
        let data = std::fs::metadata(scene_path(&scene.folder, name)).unwrap();
        data.permissions().mode() & 0o7777
    };
    let before = mode("outside");
    let all = json!({"path": "tree", "mode": "4700", "recursive": true});
    let request = serde_json::from_value(json!({"command": "chmod", "data": all})).unwrap();
    assert!(scene.session.answer(&request).success);
    assert_eq!((mode("tree"), mode("tree/file")), (0o700, 0o700));
    assert_eq!(mode("outside"), before);
    scene.fails("chmod", json!({"path": "tree", "mode": "9"}), 550);
    scene.fails(
        "chown",
        json!({"path": "tree", "username": "no-such-user"}),
        550,
    );
    scene.works("chown", json!({"path": "tree", "recursive": true}));
}

fn scene_path(folder: &Path, name: &str) -> PathBuf {
    folder.join(name)
}

#[test]
fn rules_hold_on_where_paths_lead_and_on_everything_inside() {
    let mut scene = scene(&["deploy/*"], &["deploy/*"]);
    scene.mkdir("deploy/app");
    scene.mkdir("secret/inside");
    scene.write("deploy/app/file", "app");
    scene.write("secret/key", "key");
    symlink("../secret", scene.folder.join("deploy/way")).unwrap();
    symlink("../secret/key", scene.folder.join("deploy/key")).unwrap();
    for path in ["secret", "deploy/../secret", "deploy/way", "."] {
        let listed = scene.works("list", json!({"path": path}));
        assert_eq!(listed.code, 450, "{path}: {listed:?}");
        assert!(listed.children.is_empty());
        scene.fails("cwd", json!({"path": path}), 450);
    }
    scene.works("cwd", json!({"path": "deploy"}));
    let listed = scene.works("list", json!({}));
    assert_eq!(children(&listed), ["app", "key", "way"]);
    // Where a link leads is not told, also not by its size.
    assert_eq!(listed.children[1].size, 0);
    for data in [
        json!({"path": "../secret/new"}),
        json!({"path": "way/new"}),
        json!({"path": "/new"}),
    ] {
        scene.fails("mkd", data, 450);
    }
    for path in ["../secret/key", "way/key", "way/inside"] {
        scene.fails("dele", json!({"path": path}), 450);
        let recursive = json!({"path": path, "recursive": true});
        scene.fails("rmd", recursive, 450);
        scene.fails("chmod", json!({"path": path, "mode": "777"}), 450);
        scene.fails("mv", json!({"src": path, "dst": "stolen"}), 450);
        scene.fails("cp", json!({"src": path, "dst": "stolen"}), 450);
        scene.fails("mv", json!({"src": "app/file", "dst": path}), 450);
        scene.fails("cp", json!({"src": "app/file", "dst": path}), 450);
    }
    // A link out is no way to change what is outside.
    scene.fails("chmod", json!({"path": "key", "mode": "777"}), 450);
    scene.fails("cp", json!({"src": "key", "dst": "stolen"}), 450);
    scene.works("cp", json!({"src": "app", "dst": "copy"}));
    scene.works("rmd", json!({"path": "copy", "recursive": true}));
    assert_eq!(scene.read("secret/key"), "key");
    assert_eq!(names(&scene.folder.join("secret")), ["inside", "key"]);
}

#[test]
fn a_tree_with_something_forbidden_inside_is_left_alone() {
    let mut scene = scene(&[], &["tree", "tree/ok*", "new", "new/ok*"]);
    scene.mkdir("tree");
    scene.write("tree/ok-1", "");
    scene.write("tree/other", "");
    for (command, data) in [
        ("rmd", json!({"path": "tree", "recursive": true})),
        ("mv", json!({"src": "tree", "dst": "new"})),
        ("cp", json!({"src": "tree", "dst": "new"})),
    ] {
        scene.fails(command, data, 450);
        assert_eq!(scene.names(), ["tree"], "{command}");
        assert_eq!(names(&scene.folder.join("tree")), ["ok-1", "other"]);
    }
    std::fs::remove_file(scene.folder.join("tree/other")).unwrap();
    scene.works("mv", json!({"src": "tree", "dst": "new"}));
}

#[test]
fn nothing_is_moved_to_where_it_could_be_read() {
    let mut scene = scene(&["out", "out/*"], &["*"]);
    for folder in ["out", "secret", "mixed"] {
        scene.mkdir(folder);
    }
    scene.write("secret/key", "key");
    scene.write("out/mine", "mine");
    for flag in [false, true] {
        for (from, to) in [("secret/key", "out/key"), ("secret", "out/secret")] {
            let data = json!({"src": from, "dst": to, "allow_overwrite": flag});
            scene.fails("mv", data, 450);
        }
    }
    assert_eq!(names(&scene.folder.join("out")), ["mine"]);
    scene.works("mv", json!({"src": "secret/key", "dst": "secret/other"}));
    scene.works("mv", json!({"src": "out/mine", "dst": "out/same"}));
    scene.works("mv", json!({"src": "out/same", "dst": "mixed/same"}));
    scene.fails("mv", json!({"src": "mixed/same", "dst": "out/same"}), 450);
}

mod properties {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever is asked, nothing outside of what the rules allow changes.
        #[test]
        fn nothing_leads_out(
            command in prop::sample::select(vec!["mkd", "dele", "rmd", "mv", "cp", "chmod", "cwd"]),
            one in "(\\.\\./|\\./|/|way/|in/|~|secret/?|key|x){0,6}",
            two in "(\\.\\./|\\./|/|way/|in/|~|secret/?|key|x){0,6}",
            flag: bool,
        ) {
            let mut scene = scene(&["in/*"], &["in/*"]);
            scene.mkdir("in");
            scene.mkdir("secret");
            scene.write("secret/key", "key");
            symlink("../secret", scene.folder.join("in/way")).unwrap();
            let data = json!({
                "path": one, "src": one, "dst": two, "recursive": flag,
                "allow_overwrite": flag, "mode": "777",
            });
            scene.ask("cwd", json!({"path": "in"}));
            scene.ask(command, data);
            prop_assert_eq!(scene.read("secret/key"), "key");
            prop_assert_eq!(names(&scene.folder.join("secret")), ["key"]);
            prop_assert_eq!(scene.names(), ["in", "secret"]);
        }
    }
}
