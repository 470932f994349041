//! What the public agent and the public CLI need, spoken by hand.

use serde_json::{Value, json};
use testkit::System;

use super::{SESSIONS, Screen, events, request};
use crate::{create_session, id};

#[test]
fn a_public_agent_and_a_public_client_share_plain_bytes() {
    let system = System::start();
    let mut agent = system.public_agent("public");
    let user = system.api_with_password();
    let session = create_session(&user, agent.id(), &["websh"], &json!({}));
    let body = request(agent.id(), session["id"].as_str());
    let granted = user.post(SESSIONS, &body).expect(201).json();

    let command = agent.next_command();
    assert_eq!(command["line"], "openpty");
    assert_eq!(command["shell"], "internal");
    let order: Value = serde_json::from_str(command["data"].as_str().unwrap()).unwrap();
    assert_eq!(order["session_id"], granted["id"]);
    assert_eq!(order["username"], "root");
    assert_eq!(order["home_directory"], "/root");
    assert_eq!((&order["rows"], &order["cols"]), (&json!(24), &json!(80)));
    let command = command["id"].as_str().unwrap().to_owned();
    agent.ack(&command).expect_success();
    agent.fin(&command, 0, "spawned").expect_success();

    let url = order["url"].as_str().unwrap();
    assert!(user.socket_url(url).is_err(), "a user is no agent");
    let mut terminal = agent.api().socket_url(url).unwrap();
    // Output may come before anybody looks.
    terminal.send_bytes(b"early \xe2\x82");
    let mut screen = Screen::connect(&user, granted["websocket_url"].as_str().unwrap());
    terminal.send_bytes(b"\xac late\r\n");
    screen.shows("early € late\r\n");
    screen.types("typed\r");
    assert_eq!(terminal.next_bytes().unwrap(), b"typed\r");

    // A new size is an order of its own.
    let terminal_id = id(&granted);
    let path = format!("{SESSIONS}{terminal_id}/");
    user.patch(&path, &json!({"rows": 30, "cols": 100}))
        .expect(200);
    let resize = agent.next_command();
    assert_eq!(resize["line"], "resizepty");
    let size: Value = serde_json::from_str(resize["data"].as_str().unwrap()).unwrap();
    assert_eq!((&size["rows"], &size["cols"]), (&json!(30), &json!(100)));

    // The connection is lost: the agent asks for another one, and gets a path.
    drop(terminal);
    let channel = agent
        .api()
        .post("/api/websh/pty-channels/", &json!({"session": terminal_id}))
        .expect(201)
        .json();
    let path = channel["websocket_url"].as_str().unwrap();
    assert!(path.starts_with('/'), "{channel}");
    let mut terminal = agent.api().socket(path).unwrap();
    terminal.send_bytes(b"again");
    screen.shows("again");
    screen.types("more");
    assert_eq!(terminal.next_bytes().unwrap(), b"more");

    // The shell ends: the agent closes, and the client sees how a session ends.
    terminal.close_with(1000);
    assert_eq!(screen.ends(), Some(4000));
    let session = system.wait_for(&format!("{SESSIONS}{terminal_id}/"), |session| {
        session["closed_at"].as_str()?;
        Some(session.clone())
    });
    assert_eq!(session["success"], true);
    let cast = format!("{SESSIONS}{terminal_id}/cast/");
    let cast = system.api().get(&cast).expect(200).text();
    assert_eq!(events(&cast, "o"), "early € late\r\nagain");
    assert_eq!(events(&cast, "i"), "", "it does not tell about echo");
}

#[test]
fn another_servers_agent_gets_no_way_in() {
    let system = System::start();
    let agent = system.public_agent("one");
    let other = system.public_agent("two");
    let user = system.api_with_password();
    let session = create_session(&user, agent.id(), &["websh"], &json!({}));
    let body = request(agent.id(), session["id"].as_str());
    let granted = user.post(SESSIONS, &body).expect(201).json();
    let wanted = json!({"session": granted["id"]});
    other
        .api()
        .post("/api/websh/pty-channels/", &wanted)
        .expect(404);
    user.post("/api/websh/pty-channels/", &wanted).expect(403);
}
