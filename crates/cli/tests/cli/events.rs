//! `event wait` and `event watch`.

use serde_json::{Value, json};

use crate::environment::Environment;
use crate::fake::Fake;

fn event(sub_type: &str) -> Value {
    json!({"event_type": "work_session", "payload": {"sub_type": sub_type, "seq": 1}})
}

const WAIT: [&str; 6] = [
    "event",
    "wait",
    "--type",
    "work_session",
    "--target",
    "ws-1",
];

#[test]
fn a_decisive_event_ends_the_wait() {
    let server = Fake::start().announcing(&[event("extended"), event("activated")]);
    let run = Environment::logged_in(&server).run(&[&WAIT[..], &["--output", "json"]].concat());
    assert_eq!(run.status, 0, "{run:?}");
    let line = r#"{"event_type":"work_session","payload":{"sub_type":"activated","seq":1}}"#;
    assert_eq!(run.stdout, format!("{line}\n"));
    assert_eq!(
        server.posted("/api/events/subscriptions/"),
        [json!({"channel": "ch-1", "event_type": "work_session", "target_id": "ws-1"})]
    );
}

#[test]
fn a_refusal_ends_with_six_unless_it_was_waited_for() {
    let server = Fake::start().announcing(&[event("rejected")]);
    let environment = Environment::logged_in(&server);
    let run = environment.run(&WAIT);
    assert_eq!(run.status, 6, "{run:?}");
    assert!(
        run.stdout.ends_with("\twork_session\trejected\tws-1\n"),
        "{run:?}"
    );
    let run = environment.run(&[&WAIT[..], &["--until", "rejected"]].concat());
    assert_eq!(run.status, 0, "{run:?}");
}

#[test]
fn the_state_may_have_decided_before() {
    let server = Fake::start();
    let environment = Environment::logged_in(&server);
    let run = environment.run(&[
        "work-session",
        "create",
        "--purpose",
        "p",
        "--scope",
        "command",
        "--server",
        "web-01",
        "--expires-in",
        "1h",
    ]);
    assert_eq!(run.status, 0, "{run:?}");
    let run = environment.run(&[&WAIT[..], &["--output", "json"]].concat());
    assert_eq!(run.status, 0, "{run:?}");
    assert_eq!(
        run.json(),
        json!({"event_type": "work_session",
               "payload": {"sub_type": "activated", "source": "catch_up"}})
    );
}

#[test]
fn an_open_outcome_ends_with_four() {
    let server = Fake::start();
    let environment = Environment::logged_in(&server);
    let line = [&WAIT[..], &["--timeout", "50ms", "--output", "json"]].concat();
    let run = environment.run(&line);
    assert_eq!(run.status, 4, "{run:?}");
    assert_eq!(run.json()["status"], "pending_approval");
    assert_eq!(run.json()["context"], json!({}));
}

#[test]
fn a_refused_subscription_is_final() {
    let path = "/api/events/subscriptions/";
    let body = r#"{"code":"invalid_choice","detail":"Unknown event type."}"#;
    let server = Fake::start().answering("POST", path, 400, "application/json", body);
    let environment = Environment::logged_in(&server);
    let run = environment.run(&["event", "watch", "--type", "odd", "--output", "json"]);
    assert_eq!(run.status, 1, "{run:?}");
    assert_eq!(run.envelope()["error_code"], "invalid_choice");
    assert_eq!(run.envelope()["context"], json!({"operation": "watch"}));
    assert!(!run.stderr.contains("ws://"), "{run:?}");
}

#[test]
fn the_old_list_says_that_it_is_old() {
    let server = Fake::start();
    let run = Environment::logged_in(&server).run(&["events", "--tail", "1"]);
    assert_eq!(run.status, 0, "{run:?}");
    assert!(
        run.stderr
            .starts_with("Warning: `alpacon event` is deprecated"),
        "{run:?}"
    );
    assert!(run.stdout.starts_with("SERVER"), "{run:?}");
}
