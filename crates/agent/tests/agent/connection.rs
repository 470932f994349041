//! Staying connected, and ending well.

use std::time::Duration;

use serde_json::json;

use crate::control_plane::{ControlPlane, Seen};
use crate::host::{Host, online};

#[tokio::test]
async fn pings_are_answered() {
    let plane = ControlPlane::start().await;
    let (_host, _agent) = online(&plane).await;
    let pong = plane
        .until(|seen| {
            seen.iter().find_map(|one| match one {
                Seen::Message(message) => Some(message.clone()),
                _ => None,
            })
        })
        .await;
    assert_eq!(pong["query"], "pong");
    let time = pong["timestamp"].as_str().unwrap();
    assert!(time.ends_with('Z') && chrono::DateTime::parse_from_rfc3339(time).is_ok());
}

#[tokio::test]
async fn what_it_does_not_understand_it_ignores() {
    let plane = ControlPlane::start().await;
    let (_host, _agent) = online(&plane).await;
    plane.send(&json!({"query": "dance", "steps": [1, 2]}));
    plane.send(&json!({"no": "query"}));
    plane.send(&json!("text"));
    plane.send(&json!({"query": "command", "command": null}));
    plane.send(&json!({"query": "command", "command": {"id": 5}}));
    assert_eq!(plane.run("true").await["exit_code"], 0);
}

#[tokio::test]
async fn a_server_that_accepts_and_closes_meets_no_storm() {
    let plane = ControlPlane::start().await;
    plane.set_closing(true);
    let host = Host::registered(&plane).await;
    let _agent = host.start();
    plane.connection(3).await;
    plane.set_closing(false);
    // 150 ms at least before the second attempt, 300 before the third.
    let times = plane.connection_times();
    assert!(times[2] - times[0] >= Duration::from_millis(450));
    plane
        .until(|seen| {
            seen.iter().find_map(|one| match one {
                Seen::Message(_) => Some(()),
                _ => None,
            })
        })
        .await;
    assert_eq!(plane.run("true").await["exit_code"], 0);
}

#[tokio::test]
async fn a_second_quit_changes_nothing() {
    let plane = ControlPlane::start().await;
    let (_host, agent) = online(&plane).await;
    plane.send(&json!({"query": "quit", "reason": "test"}));
    plane.send(&json!({"query": "quit"}));
    let status = agent.ended().await;
    assert!(status.success(), "{status}");
}

#[tokio::test]
async fn one_agent_at_a_time() {
    let plane = ControlPlane::start().await;
    let (host, _agent) = online(&plane).await;
    let output = host.command().output().await.unwrap();
    assert_eq!(output.status.code(), Some(1));
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(message.contains("running already"), "{message}");
}
