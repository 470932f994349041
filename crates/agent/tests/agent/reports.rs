//! The end of a command arrives, whatever happens to the server or the agent.

use axum::http::Method;
use protocol::id::CommandId;
use serde_json::json;

use crate::control_plane::{ControlPlane, Seen};
use crate::host::{Host, online};

/// Waits until the server has turned away the end of a command.
async fn turned_away(plane: &ControlPlane, id: CommandId) {
    let id = id.to_string();
    plane
        .until(|seen| {
            seen.iter().find_map(|one| match one {
                Seen::TurnedAway(text) if text.contains(&id) && text.contains("\"fin\"") => {
                    Some(())
                }
                _ => None,
            })
        })
        .await;
}

#[tokio::test]
async fn an_end_survives_an_outage() {
    let plane = ControlPlane::start().await;
    let (host, _agent) = online(&plane).await;
    plane.set_down(true);
    let id = plane.dispatch(&plane.order("echo kept"));
    turned_away(&plane, id).await;
    assert!(host.spooled() > 0);
    plane.set_down(false);
    assert_eq!(plane.fin(id).await["result"], "kept\n");
    assert_eq!(plane.output(id), "kept\n");
}

#[tokio::test]
async fn an_end_survives_a_crash_of_the_agent() {
    let plane = ControlPlane::start().await;
    let (host, agent) = online(&plane).await;
    plane.set_down(true);
    let id = plane.dispatch(&plane.order("echo kept; exit 3"));
    turned_away(&plane, id).await;
    agent.kill().await;
    plane.set_down(false);
    assert!(plane.reports(id).is_empty());

    let agent = host.start();
    let fin = plane.fin(id).await;
    assert_eq!(
        (fin["exit_code"].clone(), fin["result"].clone()),
        (json!(3), json!("kept\n"))
    );
    plane
        .until(|seen| {
            seen.iter().find_map(|one| match one {
                Seen::Request { path, body, .. } if path == "/api/events/events/" => {
                    (body["unreported"] == json!([id])).then_some(())
                }
                _ => None,
            })
        })
        .await;
    assert!(agent.terminate().await.success());
    assert_eq!(host.spooled(), 0);
}

#[tokio::test]
async fn an_end_survives_a_crash_with_a_public_server_too() {
    let plane = ControlPlane::public().await;
    let host = Host::registered(&plane).await;
    let agent = host.start();
    plane.connection(1).await;
    plane.set_down(true);
    let id = CommandId::new();
    plane.send(
        &json!({"query": "command", "command": {"id": id, "shell": "system",
        "line": "echo kept", "user": "", "group": "", "env": {}, "allow_sh": true}}),
    );
    turned_away(&plane, id).await;
    agent.kill().await;
    plane.set_down(false);
    let _agent = host.start();
    assert_eq!(plane.fin(id).await["result"], "kept\n");
}

#[tokio::test]
async fn a_stopping_agent_reports_what_it_ends() {
    let plane = ControlPlane::start().await;
    let (_host, agent) = online(&plane).await;
    let id = plane.dispatch(&plane.order("echo ready; exec sleep 600"));
    plane.report(id, "chunk").await;
    assert!(agent.terminate().await.success());
    let fin = plane.fin(id).await;
    assert_eq!(fin["exit_code"], -1);
    assert!(
        fin["result"]
            .as_str()
            .unwrap()
            .contains("the agent is shutting down")
    );
}

#[tokio::test]
async fn a_new_machine_commits_what_it_is() {
    let plane = ControlPlane::start().await;
    plane.set_commissioned(false);
    let (_host, _agent) = online(&plane).await;
    let (_, commit) = plane
        .request(Method::PUT, "/api/servers/servers/-/commit/")
        .await;
    assert!(commit["os"]["name"].is_string(), "{commit}");
    assert!(commit["info"]["uuid"].is_string(), "{commit}");
    assert!(commit.as_object().unwrap().contains_key("sshd_use_pam"));
    assert!(
        commit["sync_hashes"]["os"]
            .as_str()
            .unwrap()
            .starts_with("sha256:")
    );
    let (headers, users) = plane.request(Method::POST, "/api/proc/users/").await;
    assert!(
        headers["x-sync-hash"]
            .to_str()
            .unwrap()
            .starts_with("sha256:")
    );
    assert!(
        users
            .as_array()
            .unwrap()
            .iter()
            .any(|user| user["username"] == "root")
    );
}

#[tokio::test]
async fn warnings_reach_the_server() {
    let plane = ControlPlane::start().await;
    let (_host, _agent) = online(&plane).await;
    let mut order = plane.order("id");
    order.user = "no-such-user".to_owned();
    let id = plane.dispatch(&order);
    let (_, record) = plane.request(Method::POST, "/api/history/logs/").await;
    assert_eq!(
        (record["level"].clone(), record["program"].clone()),
        (json!(30), json!("alpamon"))
    );
    let message = record["msg"].as_str().unwrap();
    assert!(message.contains(&id.to_string()), "{message}");
}

#[tokio::test]
async fn other_traffic_delays_no_report() {
    let plane = ControlPlane::start().await;
    let (_host, _agent) = online(&plane).await;
    plane.request(Method::POST, "/api/events/events/").await;
    plane.set_stuck(true);
    for _ in 0..8 {
        let mut order = plane.order("id");
        order.user = "no-such-user".to_owned();
        plane.fin(plane.dispatch(&order)).await;
    }
    // Every sender of such traffic now waits for an answer.
    let unanswered = |seen: &[Seen]| {
        let logs = seen
            .iter()
            .filter(|one| matches!(one, Seen::Unanswered(path) if path == "/api/history/logs/"));
        (logs.count() >= 2).then_some(())
    };
    plane.until(unanswered).await;
    assert_eq!(plane.run("echo at once").await["result"], "at once\n");
}
