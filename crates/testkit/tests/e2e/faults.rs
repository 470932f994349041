//! Things that break at the worst moment.

use std::time::Duration;

use serde_json::{Value, json};
use testkit::{PublicAgent, System, eventually};

use crate::{create_session, id, submit};

const COMMANDS: &str = "/api/events/commands/";

fn command(system: &System, id: &str) -> Value {
    system
        .api()
        .get(&format!("{COMMANDS}{id}/"))
        .expect(200)
        .json()
}

/// All output of a command, from its chunks, which must be contiguous.
#[track_caller]
fn output(system: &System, id: &str) -> String {
    let mut text = String::new();
    let mut next = 0;
    loop {
        let page = system
            .api()
            .get(&format!(
                "{COMMANDS}{id}/chunks/?ordering=seq&page=1&page_size=100&seq__gte={next}"
            ))
            .expect(200)
            .json();
        let chunks = page["results"].as_array().unwrap();
        if chunks.is_empty() {
            return text;
        }
        for chunk in chunks {
            assert_eq!(chunk["seq"], json!(next), "a hole in the output");
            text.push_str(chunk["content"].as_str().unwrap());
            next += 1;
        }
    }
}

/// The next order of a user; internal ones are passed over.
fn next_order(agent: &mut PublicAgent) -> Value {
    loop {
        let command = agent.next_command();
        if command["shell"] == "system" {
            return command;
        }
    }
}

#[test]
fn an_agent_killed_in_the_middle_finds_the_command_again() {
    let system = System::start();
    let agent = system.agent("host");
    let cli = system.cli_with_password();
    cli.open_session("host", "command");
    let gate = system.folder().join("go-on");
    let line = format!(
        "echo begun; until [ -e {} ]; do sleep 0.05; done; echo done; exit 7",
        gate.display()
    );
    let running = cli.start(&["exec", "host", &line]);
    let job = running_command(&system);
    agent.kill();
    system.wait_connected(agent.id(), false);
    agent.restart();
    system.wait_connected(agent.id(), true);
    std::fs::write(&gate, "").unwrap();
    let ended = system.wait_for(&format!("{COMMANDS}{job}/"), |command| {
        (!command["success"].is_null()).then(|| command.clone())
    });
    assert_eq!(ended["exit_code"], 7, "{ended}");
    assert_eq!(output(&system, &job), "begun\ndone\n");
    running.finish().exits(7).stdout_is("begun\ndone\n");
    cli.run(&["exec", "host", "echo back"])
        .exits(0)
        .stdout_is("back\n");
}

/// The one command that runs now.
fn running_command(system: &System) -> String {
    system.wait_for(COMMANDS, |page| {
        page["results"].as_array()?.iter().find_map(|command| {
            let running = ["running", "acked"].contains(&command["status"].as_str()?);
            (running && command["shell"] == "system").then(|| id(command))
        })
    })
}

#[test]
fn a_server_killed_in_the_middle_loses_nothing() {
    let system = System::start();
    let agent = system.agent("host");
    let gate = system.folder().join("go-on");
    let line = format!(
        "seq 1 500; until [ -e {} ]; do sleep 0.05; done; seq 501 1000; exit 9",
        gate.display()
    );
    let job = submit(&system.api(), agent.id(), &line, None);
    eventually("the first half has arrived", || {
        output(&system, &job).ends_with("500\n").then_some(())
    });

    system.kill_server();
    // It goes on while nobody listens.
    std::fs::write(&gate, "").unwrap();
    system.restart_server();

    let ended = system.wait_for(&format!("{COMMANDS}{job}/"), |command| {
        (!command["success"].is_null()).then(|| command.clone())
    });
    assert_eq!(ended["exit_code"], 9, "{ended}");
    let expected: String = (1..=1000).map(|line| format!("{line}\n")).collect();
    assert_eq!(output(&system, &job), expected);
    let (whole, said) = system.verify_audit();
    assert!(whole, "{said}");
}

#[test]
fn an_agent_stopped_in_good_order_comes_back() {
    let system = System::start();
    let agent = system.agent("host");
    agent.stop();
    system.wait_connected(agent.id(), false);
    agent.restart();
    system.wait_connected(agent.id(), true);
    let job = submit(&system.api(), agent.id(), "echo back", None);
    system.wait_for(&format!("{COMMANDS}{job}/"), |command| {
        (command["success"] == true).then_some(())
    });
    assert_eq!(output(&system, &job), "back\n");
}

#[test]
fn a_command_for_a_host_that_is_away_ends_in_time_or_waits() {
    let system = System::start();
    let agent = system.agent("host");
    agent.stop();
    system.wait_connected(agent.id(), false);
    let api = system.api();
    let answer = api.post(COMMANDS, &crate::submission(agent.id(), "echo late", None));
    if answer.status >= 400 {
        assert!(answer.status < 500, "{}", answer.text());
        assert_eq!(answer.json()["code"], "server_not_connected");
        return;
    }
    let job = answer.text_at("/0/id");
    agent.restart();
    let ended = system.wait_for(&format!("{COMMANDS}{job}/"), |command| {
        (!command["success"].is_null()).then(|| command.clone())
    });
    assert!(ended["status"].is_string());
}

#[test]
fn a_second_fin_changes_nothing() {
    let system = System::start();
    let mut agent = system.public_agent("host");
    let job = submit(&system.api(), agent.id(), "true", None);
    assert_eq!(next_order(&mut agent)["id"], json!(job));
    agent.ack(&job).expect_success();
    agent.fin(&job, 0, "first").expect_success();
    system.wait_for(&format!("{COMMANDS}{job}/"), |command| {
        (command["success"] == true).then_some(())
    });
    agent.fin(&job, 7, "second").expect_success();
    let shown = command(&system, &job);
    assert_eq!(shown["success"], true);
    assert_eq!(shown["exit_code"], 0);
    assert_eq!(shown["result"], "first");
}

#[test]
fn a_late_chunk_is_kept_and_a_repeated_one_is_not_doubled() {
    let system = System::start();
    let mut agent = system.public_agent("host");
    let job = submit(&system.api(), agent.id(), "true", None);
    next_order(&mut agent);
    agent.ack(&job).expect_success();
    agent.chunk(&job, 1, "two ").expect_success();
    agent.chunk(&job, 0, "one ").expect_success();
    agent.chunk(&job, 0, "one ").expect_success();
    agent.fin(&job, 0, "one two three").expect_success();
    agent.chunk(&job, 2, "three").expect_success();
    eventually("all output is there", || {
        (output(&system, &job) == "one two three").then_some(())
    });
}

#[test]
fn a_rejected_order_is_final() {
    let system = System::start();
    let mut agent = system.public_agent("host");
    let job = submit(&system.api(), agent.id(), "true", None);
    next_order(&mut agent);
    agent
        .api()
        .post(
            &format!("{COMMANDS}{job}/reject/"),
            &json!({"reason": "invalid_signature"}),
        )
        .expect_success();
    let ended = system.wait_for(&format!("{COMMANDS}{job}/"), |command| {
        (command["success"] == false).then(|| command.clone())
    });
    assert!(
        ["rejected", "error", "failed"].contains(&ended["status"].as_str().unwrap_or_default()),
        "{ended}"
    );
}

#[test]
fn a_refusal_after_the_acknowledgement_is_recorded_and_ends_nothing() {
    let system = System::start();
    let mut agent = system.public_agent("host");
    let job = submit(&system.api(), agent.id(), "true", None);
    next_order(&mut agent);
    agent.ack(&job).expect_success();
    agent
        .api()
        .post(
            &format!("{COMMANDS}{job}/reject/"),
            &json!({"reason": "replayed"}),
        )
        .expect_success();
    assert!(command(&system, &job)["success"].is_null());
    agent.fin(&job, 0, "done").expect_success();
    let ended = system.wait_for(&format!("{COMMANDS}{job}/"), |command| {
        (!command["success"].is_null()).then(|| command.clone())
    });
    assert_eq!(ended["success"], true, "{ended}");
    let trail = system.api().get("/api/audit/activity/?page_size=50");
    let trail = trail.expect(200).json();
    let records = trail["results"].as_array().unwrap();
    assert!(
        records.iter().any(|record| record["action"] == "reject"),
        "{trail}"
    );
    let (whole, said) = system.verify_audit();
    assert!(whole, "{said}");
}

#[test]
fn a_clock_that_is_wrong_does_not_matter_to_the_agent() {
    let system = System::start();
    let mut agent = system.public_agent("host");
    agent
        .backhaul()
        .send(r#"{"query":"pong","timestamp":"2001-01-01T00:00:00Z"}"#);
    agent
        .backhaul()
        .send(r#"{"query":"pong","timestamp":"2099-01-01T00:00:00Z"}"#);
    let job = submit(&system.api(), agent.id(), "true", None);
    assert_eq!(next_order(&mut agent)["id"], json!(job));
}

#[test]
fn nonsense_on_the_backhaul_does_not_end_it() {
    let system = System::start();
    let mut agent = system.public_agent("host");
    for text in ["", "{", "[]", "\"x\"", r#"{"query":"unheard"}"#, "null"] {
        agent.backhaul().send(text);
    }
    let job = submit(&system.api(), agent.id(), "true", None);
    assert_eq!(next_order(&mut agent)["id"], json!(job));
}

#[test]
fn a_second_backhaul_of_the_same_agent_takes_over() {
    let system = System::start();
    let mut first = system.public_agent("host");
    let mut second = first.api().socket("/ws/servers/backhaul/").unwrap();
    // The old one is closed without being told to quit.
    while let Some(message) = first.backhaul().next_json() {
        assert_ne!(message["query"], "quit", "{message}");
    }
    system.wait_connected(first.id(), true);
    let job = submit(&system.api(), first.id(), "true", None);
    loop {
        let message = second.next_json().unwrap();
        if message["query"] == "command" && message["command"]["shell"] == "system" {
            assert_eq!(message["command"]["id"], json!(job));
            break;
        }
    }
}

#[test]
fn an_order_is_delivered_once() {
    let system = System::start();
    let mut agent = system.public_agent("host");
    let job = submit(&system.api(), agent.id(), "true", None);
    assert_eq!(next_order(&mut agent)["id"], json!(job));
    agent.ack(&job).expect_success();
    let mut again = agent.api().socket("/ws/servers/backhaul/").unwrap();
    // Whatever follows a reconnect, it is not the same order.
    while let Ok(Some(message)) = again.next_json_within(Duration::from_secs(2)) {
        assert_ne!(message["command"]["id"], json!(job), "{message}");
    }
}

#[test]
fn work_in_a_session_ends_when_its_window_does() {
    let system = System::start();
    let agent = system.agent("host");
    let user = system.api_with_password();
    let session = id(&create_session(
        &user,
        agent.id(),
        &["command"],
        &json!({"expires_at": crate::from_now(4)}),
    ));
    let job = submit(&user, agent.id(), "sleep 600", Some(&session));
    let ended = system.wait_for(&format!("{COMMANDS}{job}/"), |command| {
        (command["success"] == false).then(|| command.clone())
    });
    assert_ne!(ended["exit_code"], 0, "{ended}");
}
