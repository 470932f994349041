//! What breaks, and what is left of the terminal then.

use serde_json::json;

use super::{SESSIONS, Screen, scene};

/// Numbers that follow each other without a gap.
fn numbers(text: &str) -> Vec<u64> {
    let begin = text.rfind("be-gin").unwrap();
    text[begin..]
        .lines()
        .filter_map(|line| line.trim().parse().ok())
        .collect()
}

#[test]
fn the_shell_outlives_a_killed_control_plane_and_no_byte_is_lost_or_doubled() {
    let scene = scene();
    let (id, mut owner) = scene.open();
    let user = scene.user();
    let share = format!("{SESSIONS}{id}/share/");
    let share = user
        .post(&share, &json!({"read_only": false}))
        .expect(201)
        .json();
    let line = "echo be-''gin; for n in $(seq 300); do echo $n; sleep 0.02; done; echo fi''nis\r";
    owner.types(line);
    owner.shows("\n50\r\n");
    scene.system.kill_server();
    scene.system.restart_server();
    let channel = share["shared_url"].as_str().unwrap();
    let channel = channel.split_once("?channel=").unwrap().1;
    let join = format!("/api/websh/user-channels/{channel}/join/");
    let joined = scene
        .user()
        .post(&join, &json!({"password": share["password"]}));
    let joined = joined.expect(200).json();
    let mut other = Screen::connect(&scene.user(), joined["websocket_url"].as_str().unwrap());
    other.shows("finis");
    other.types("exit\r");
    assert_eq!(other.ends(), Some(4000));
    scene.closed(&id);
    let recorded = scene.recorded(&id);
    assert_eq!(numbers(&recorded), (1..=300).collect::<Vec<_>>());
    assert!(scene.system.verify_audit().0);
}

#[test]
fn a_killed_agent_takes_the_shell_along() {
    let scene = scene();
    let (_id, mut owner) = scene.open();
    owner.types("echo pi''d=$$=; echo af''ter\r");
    owner.shows("after");
    let (_, behind) = owner.shown.split_once("pid=").unwrap();
    let pid: u32 = behind.split('=').next().unwrap().parse().unwrap();
    scene.agent.kill();
    testkit::eventually("the shell is gone", || {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"));
        // A zombie whose parent is gone may wait for its new one.
        stat.map_or(true, |stat| stat.contains(") Z "))
            .then_some(())
    });
}
