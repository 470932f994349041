//! More than anybody can take at once, and a recording that cannot be kept.

use serde_json::json;

use super::{SESSIONS, Screen, request, scene};

#[test]
fn a_paste_of_a_mebibyte_arrives_whole() {
    let scene = scene();
    let (_id, mut owner) = scene.open();
    owner.types("stty raw -echo; echo re''ady; head -c 1048576 | tr -d x | wc -c; stty sane\r");
    owner.shows("ready");
    let line = format!("{}\n", "x".repeat(63));
    let paste = line.repeat(1024 * 1024 / line.len());
    for piece in paste.as_bytes().chunks(60_000) {
        owner.socket.send_bytes(piece);
    }
    owner.shows("16384");
}

#[test]
fn the_last_of_many_sizes_counts() {
    let scene = scene();
    let (id, mut owner) = scene.open();
    let user = scene.user();
    for rows in 1..=100 {
        let size = json!({"rows": rows, "cols": 200 - rows});
        user.patch(&format!("{SESSIONS}{id}/"), &size).expect(200);
    }
    owner.types("while [ \"$(stty size)\" != '100 100' ]; do sleep 0.1; done; echo a''ll\r");
    owner.shows("all");
}

#[test]
fn a_flood_can_be_interrupted() {
    let scene = scene();
    let (_id, mut owner) = scene.open();
    owner.types("yes\r");
    owner.shows("y\r\ny\r\n");
    owner.types("\x03");
    owner.types("echo stop''ped\r");
    owner.skips_to("stopped");
}

#[test]
fn who_does_not_read_holds_nobody_back() {
    let scene = scene();
    let (id, mut owner) = scene.open();
    let user = scene.user();
    let body = json!({"session": id, "is_master": false, "read_only": true});
    let watch = user.post("/api/websh/user-channels/", &body).expect(201);
    let watch = watch.json();
    let mut stalled = Screen::connect(&user, watch["websocket_url"].as_str().unwrap());
    owner.types("head -c 16000000 /dev/zero | tr '\\0' x; echo fi''nis\r");
    owner.skips_to("finis");
    // It goes on with what there is.
    owner.types("exit\r");
    stalled.skips_to("finis");
    assert_eq!(stalled.ends(), Some(4000));
}

#[test]
fn what_a_shell_shows_last_is_not_lost() {
    let scene = scene();
    let (id, mut owner) = scene.open();
    owner.types("stty -echo; head -c 3000000 /dev/zero | tr '\\0' x; echo fi''nis; exit 7\r");
    assert_eq!(owner.ends(), Some(4000));
    assert!(owner.shown.contains("xfinis"), "the end was shown");
    assert_eq!(owner.shown.matches('x').count(), 3_000_000 + extra(&owner));
    assert_eq!(scene.closed(&id)["exit_code"], 7);
}

/// Letters of the line itself, which was shown while it was typed.
fn extra(screen: &Screen) -> usize {
    let (before, _) = screen.shown.split_once("xxxx").unwrap();
    before.matches('x').count()
}

#[test]
fn a_recording_that_is_lost_ends_the_terminal() {
    let scene = scene();
    let (id, mut owner) = scene.open();
    owner.types("echo re''ady\r");
    owner.shows("ready");
    let recordings = scene.system.data().join("recordings");
    std::fs::remove_dir_all(recordings.join(&id)).unwrap();
    owner.types("head -c 3000000 /dev/zero | tr '\\0' x\r");
    assert_eq!(owner.ends(), Some(1011));
    assert!(owner.shown.contains("could not be recorded"));
    let session = scene.closed(&id);
    assert_eq!(session["close_reason"], "It could not be recorded.");
    assert_eq!(session["success"], false);
    // And no other begins where nothing can be written.
    std::fs::remove_dir_all(&recordings).unwrap();
    std::fs::write(&recordings, "").unwrap();
    let body = request(scene.agent.id(), Some(&scene.session));
    let granted = scene.user().post(SESSIONS, &body).expect(201).json();
    let session = scene.closed(granted["id"].as_str().unwrap());
    assert_eq!(session["close_reason"], "It could not be recorded.");
}

#[test]
fn a_shell_that_left_its_terminal_dies_with_the_session() {
    let scene = scene();
    let (id, mut owner) = scene.open();
    owner.types("echo pi''d=$$=; echo af''ter\r");
    owner.shows("after");
    let (_, behind) = owner.shown.split_once("pid=").unwrap();
    let pid: u32 = behind.split('=').next().unwrap().parse().unwrap();
    let is = |name: &str| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"));
        stat.is_ok_and(|stat| stat.contains(name) && !stat.contains(") Z "))
    };
    owner.types("exec sleep 1000 </dev/null >/dev/null 2>&1\r");
    testkit::eventually("the shell is another program", || {
        is("(sleep)").then_some(())
    });
    let path = format!("{SESSIONS}{id}/close/");
    scene.user().post(&path, &json!({})).expect_success();
    testkit::eventually("the program is gone", || (!is("(sleep)")).then_some(()));
    scene.closed(&id);
}
