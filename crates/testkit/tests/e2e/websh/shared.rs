//! Others at a terminal.

use serde_json::json;

use super::{SESSIONS, Screen, scene};

const CHANNELS: &str = "/api/websh/user-channels/";

fn channel(share: &serde_json::Value) -> String {
    let url = share["shared_url"].as_str().unwrap();
    url.split_once("?channel=").unwrap().1.to_owned()
}

#[test]
fn who_joins_read_only_sees_and_cannot_type() {
    let scene = scene();
    let (id, mut owner) = scene.open();
    let user = scene.user();
    owner.types("echo before''hand\r");
    owner.shows("beforehand");
    for read_only in [true, false] {
        let share = format!("{SESSIONS}{id}/share/");
        let share = user
            .post(&share, &json!({"read_only": read_only}))
            .expect(201);
        let share = share.json();
        let join = format!("{CHANNELS}{}/join/", channel(&share));
        let joined = user.post(&join, &json!({"password": share["password"]}));
        let joined = joined.expect(200).json();
        let mut other = Screen::connect(&user, joined["websocket_url"].as_str().unwrap());
        other.shows("beforehand");
        let word = format!("typed-{read_only}");
        other.types(&format!("echo {word}\r"));
        let done = format!("done-{read_only}");
        if read_only {
            // The owner's line is run; had the other's been, it would come first.
            owner.types(&format!("echo {done}\r"));
            owner.shows(&format!("{done}\r\n"));
            assert!(!owner.shown.contains(&word), "{}", owner.shown);
        } else {
            owner.shows(&format!("{word}\r\n"));
        }
        other.shows(if read_only { &done } else { &word });
    }
}

#[test]
fn a_password_cannot_be_guessed() {
    let scene = scene();
    let (id, _owner) = scene.open();
    let user = scene.user();
    let share = format!("{SESSIONS}{id}/share/");
    let share = user
        .post(&share, &json!({"read_only": true}))
        .expect(201)
        .json();
    let join = format!("{CHANNELS}{}/join/", channel(&share));
    for _ in 0..5 {
        user.post(&join, &json!({"password": "wrong"})).expect(403);
    }
    let right = json!({"password": share["password"]});
    let refused = user.post(&join, &right).expect(403).json();
    assert!(
        refused["detail"].as_str().unwrap().contains("Too many"),
        "{refused}"
    );
}

#[test]
fn watching_is_for_staff_and_a_place_is_given_once() {
    let scene = scene();
    let (id, mut owner) = scene.open();
    owner.types("echo on''screen\r");
    owner.shows("onscreen");
    let body = json!({"session": id, "is_master": false, "read_only": true});
    let watch = scene.user().post(CHANNELS, &body).expect(201).json();
    let url = watch["websocket_url"].as_str().unwrap();
    let mut watcher = Screen::connect(&scene.user(), url);
    watcher.shows("onscreen");
    assert!(scene.user().socket_url(url).is_err(), "once only");
    watcher.types("echo from-watcher\r");
    owner.types("exit\r");
    assert_eq!(watcher.ends(), Some(4000));
    assert_eq!(owner.ends(), Some(4000));
    assert!(!owner.shown.contains("from-watcher"));
    let session = scene.closed(&id);
    assert_eq!(session["success"], true);
}

#[test]
fn a_closed_session_is_closed_for_all() {
    let scene = scene();
    let (id, mut owner) = scene.open();
    owner.types("echo re''ady\r");
    owner.shows("ready");
    scene.cli.run(&["websh", "close", &id]).exits(0);
    assert_eq!(owner.ends(), Some(4000));
    assert_eq!(scene.closed(&id)["close_reason"], "It was closed.");
}
