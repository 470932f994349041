//! Secrets in output: what is kept, and who reads what.

use serde_json::{Value, json};
use testkit::{Api, PublicAgent, System};

use crate::accounts::second_superuser;
use crate::{create_session, id, submit};

const ACCESS_CONTROL: &str = "/api/workspaces/access-control/-/";
/// The secret is not in the line that prints it.
const LINE: &str = "echo UEFTU1dPUkQ9aHVudGVyMnNlY3JldAo= | base64 -d; echo done";
const PRINTED: &str = "PASSWORD=hunter2secret\ndone\n";
const MASKED: &str = "PASSWORD=[masked]\ndone\n";

/// All output of a command, as a caller reads it.
#[track_caller]
fn output(api: &Api, command: &str) -> String {
    let path = format!("/api/events/commands/{command}/chunks/?page_size=100");
    let page = api.get(&path).expect(200).json();
    let pieces = page["results"].as_array().unwrap().iter();
    pieces
        .map(|piece| piece["content"].as_str().unwrap())
        .collect()
}

/// How often something stands in what is stored of output.
fn stored(system: &System, text: &str) -> i64 {
    let database = system.database();
    [
        "SELECT count(*) FROM command_chunks WHERE content",
        "SELECT count(*) FROM commands WHERE result",
    ]
    .map(|query| database.integer(&format!("{query} LIKE '%{text}%'")))
    .iter()
    .sum()
}

#[track_caller]
fn last_command(api: &Api) -> String {
    let page = api
        .get("/api/events/commands/?page_size=1")
        .expect(200)
        .json();
    id(&page["results"][0])
}

#[test]
fn whoever_ran_it_reads_it_and_nobody_else_does() {
    let system = System::start();
    let _agent = system.agent("host");
    let cli = system.cli_with_password();
    cli.open_session("host", "command");
    cli.run(&["exec", "host", LINE]).exits(0).stdout_is(PRINTED);
    assert_eq!(stored(&system, "hunter2"), 0);
    assert!(stored(&system, "PASSWORD=") > 0);

    let own = system.api_with_password();
    let command = last_command(&own);
    assert_eq!(output(&own, &command), PRINTED);
    let other = second_superuser(&system);
    assert_eq!(output(&other, &command), MASKED);
    let shown = other
        .get(&format!("/api/events/commands/{command}/"))
        .expect(200);
    assert!(!shown.text().contains("hunter2"), "{}", shown.text());

    // After a while it is gone for good.
    let aged = "UPDATE masked_originals SET added_at = '2020-01-01T00:00:00.000000Z'";
    assert!(system.database().execute(aged) > 0);
    assert_eq!(output(&own, &command), MASKED);
}

#[test]
fn a_workspace_says_who_reads_what_and_adds_patterns() {
    let system = System::start();
    let _agent = system.agent("host");
    let cli = system.cli_with_password();
    cli.open_session("host", "command");
    let api = system.api_with_password();
    let change = |change: Value| api.patch(ACCESS_CONTROL, &change);
    for wrong in ["acme", "a{5}", "acme_{0}"] {
        let refused = change(json!({"mask_patterns": [wrong]})).expect(400);
        assert!(
            refused.text().contains("mask_patterns"),
            "{}",
            refused.text()
        );
    }
    change(json!({"mask_output": "some"})).expect(400);

    change(json!({"mask_output": "everybody", "mask_patterns": ["acme-{6}"]})).expect(200);
    cli.run(&["exec", "host", LINE]).exits(0).stdout_is(MASKED);
    cli.run(&["exec", "host", "echo acme-a1b2c3d4"])
        .exits(0)
        .stdout_is("acme-[masked]\n");
    change(json!({"mask_output": "nobody"})).expect(200);
    cli.run(&["exec", "host", LINE]).exits(0).stdout_is(PRINTED);
    assert!(stored(&system, "hunter2") > 0);
}

/// A command of a public agent that has been delivered.
fn delivered(system: &System, agent: &mut PublicAgent) -> (Api, String) {
    let api = system.api_with_password();
    let session = id(&create_session(&api, agent.id(), &["command"], &json!({})));
    let command = submit(&api, agent.id(), "true", Some(&session));
    agent.next_command();
    agent.ack(&command).expect(200);
    (api, command)
}

#[test]
fn a_secret_across_pieces_is_masked_in_any_order_and_after_a_restart() {
    let system = System::start();
    let mut agent = system.public_agent("host");
    let (api, command) = delivered(&system, &mut agent);
    let pieces = ["a PASS", "WORD=hun", "ter2sec", "ret\nend"];
    for seq in [0, 2, 3, 1, 1] {
        agent
            .chunk(&command, seq, pieces[usize::try_from(seq).unwrap()])
            .expect(200);
    }
    for part in ["hun", "ter2", "ret"] {
        assert_eq!(stored(&system, part), 0, "{part}");
    }
    assert_eq!(output(&api, &command), pieces.concat());

    agent.chunk(&command, 4, "\ntoken: ghp_").expect(200);
    system.stop_server();
    system.restart_server();
    agent
        .chunk(&command, 5, "Zq7xW2mN9pL4kR8vT1yB6cF3hJ5dG0sAeUiO")
        .expect(200);
    assert_eq!(stored(&system, "Zq7xW2"), 0);
}

#[test]
fn an_end_is_not_waited_for_longer_because_something_was_masked() {
    let system = System::start();
    let mut agent = system.public_agent("host");
    let (api, command) = delivered(&system, &mut agent);
    agent.chunk(&command, 0, "password=abc\n").expect(200);
    agent.fin(&command, 0, "password=abc\n").expect(200);
    let shown = api
        .get(&format!("/api/events/commands/{command}/"))
        .expect(200)
        .json();
    assert_eq!(shown["status"], "completed");
    assert_eq!(shown["result"], "password=abc\n");
    assert_eq!(stored(&system, "abc"), 0);
}
