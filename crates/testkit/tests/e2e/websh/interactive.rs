//! A terminal as a person uses it.

use super::{SESSIONS, events, request, scene};
use crate::create_session;
use serde_json::json;

#[test]
fn a_shell_runs_at_a_terminal_and_is_recorded() {
    let scene = scene();
    let mut terminal = scene.cli.at_terminal(&["websh", "root@host"]);
    // What is shown is not what was typed: the shell has run it.
    terminal.types("echo mar''ker; test -t 0 && echo a-''terminal; echo $TERM $0\r");
    terminal.shows("marker");
    terminal.shows("a-terminal");
    terminal.shows("xterm-256color -");
    // The session lacks the scope sudo.
    terminal.types("grep NoNewPrivs /proc/self/status\r");
    terminal.shows("NoNewPrivs:\t1");
    terminal.types("stty size\r");
    terminal.shows("24 80");
    terminal.resize(40, 132);
    terminal.types("while [ \"$(stty size)\" != '40 132' ]; do sleep 0.1; done; echo re''sized\r");
    terminal.shows("resized");
    terminal.types("exit 3\r");
    assert_eq!(terminal.ends(), Some(0));
    assert!(terminal.is_ordinary(), "the terminal was restored");

    let list = scene.system.api().get(SESSIONS).expect(200).json();
    assert_eq!(list["count"], 1, "{list}");
    let id = list["results"][0]["id"].as_str().unwrap().to_owned();
    let session = scene.closed(&id);
    assert_eq!(session["exit_code"], 3, "{session}");
    assert_eq!(session["success"], true);
    assert_eq!(session["close_reason"], "The shell ended.");
    let recorded = scene.recorded(&id);
    assert!(recorded.contains("marker"), "{recorded}");
    let path = format!("{SESSIONS}{id}/cast/");
    let cast = scene.system.api().get(&path).expect(200).text();
    assert_eq!(events(&cast, "r"), "132x40");
    scene
        .cli
        .run(&["websh", "records", &id, "--query", "MARKER"])
        .exits(0)
        .stdout_has("marker");
    assert!(scene.system.verify_audit().0);
}

#[test]
fn nothing_typed_is_recorded_that_the_terminal_does_not_show() {
    let scene = scene();
    let (id, mut screen) = scene.open();
    screen.types("echo on''now; read -r a; stty -echo; echo off''now; read -r b; exit\r");
    screen.shows("onnow");
    screen.types("visible-words\r");
    screen.shows("visible-words");
    screen.shows("offnow");
    screen.types("hunter2-secret\r");
    assert_eq!(screen.ends(), Some(4000));
    scene.closed(&id);
    let path = format!("{SESSIONS}{id}/cast/");
    let cast = scene.system.api().get(&path).expect(200).text();
    let typed = events(&cast, "i");
    assert!(typed.contains("visible-words"), "{cast}");
    assert!(!typed.contains("hunter2"), "{cast}");
}

#[test]
fn the_gate_is_asked_before_anything_happens() {
    let scene = scene();
    let user = scene.user();
    let server = scene.agent.id();
    let other = create_session(&user, server, &["command"], &json!({}));
    let narrow = json!({"allow_commands": ["uptime"]});
    let narrow = create_session(&user, server, &["websh"], &narrow);
    let paths = json!({"allow_paths": ["/srv/**"]});
    let paths = create_session(&user, server, &["websh", "webftp"], &paths);
    for (session, code) in [
        (paths["id"].as_str(), "work_session_scope_not_allowed"),
        (None, "work_session_required"),
        (other["id"].as_str(), "work_session_scope_not_allowed"),
        (narrow["id"].as_str(), "work_session_scope_not_allowed"),
    ] {
        user.post(SESSIONS, &request(server, session))
            .refuses(403, code);
    }
    for (rows, cols) in [(0, 80), (24, 0), (-1, 80), (65536, 80)] {
        let mut body = request(server, Some(&scene.session));
        body["rows"] = json!(rows);
        body["cols"] = json!(cols);
        user.post(SESSIONS, &body).expect(400);
    }
    let sessions = scene
        .system
        .database()
        .integer("SELECT count(*) FROM websh_sessions");
    assert_eq!(sessions, 0);
}

#[test]
fn without_a_terminal_no_session_is_made() {
    let scene = scene();
    scene
        .cli
        .run(&["websh", "root@host"])
        .exits(1)
        .stderr_has("not a terminal");
    let list = scene.system.api().get(SESSIONS).expect(200).json();
    assert_eq!(list["count"], 0);
}

#[test]
fn the_end_of_the_work_session_ends_the_terminal() {
    let scene = scene();
    let (id, mut screen) = scene.open();
    screen.types("sleep 1000\r");
    screen.shows("sleep");
    let path = format!("/api/work-sessions/sessions/{}/complete/", scene.session);
    scene.user().post(&path, &json!({})).expect_success();
    assert_eq!(screen.ends(), Some(4000));
    let session = scene.closed(&id);
    assert_eq!(session["close_reason"], "The authority behind it ended.");
}
