//! Signed orders: only genuine, fresh ones are carried out.

use axum::http::Method;
use protocol::id::{CommandId, ServerId};
use serde_json::json;

use crate::control_plane::{ControlPlane, command, reports};
use crate::host::online;

async fn rejection(plane: &ControlPlane, id: CommandId) -> String {
    let report = plane.report(id, "reject").await;
    report["reason"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn what_is_not_in_order_is_rejected() {
    let plane = ControlPlane::start().await;
    let (_host, _agent) = online(&plane).await;

    let unsigned = CommandId::new();
    plane.send(
        &json!({"query": "command", "command": {"id": unsigned, "shell": "system",
        "line": "id", "user": "", "group": "", "env": {}}}),
    );
    assert_eq!(rejection(&plane, unsigned).await, "unsigned_command");

    let internal = CommandId::new();
    plane.send(
        &json!({"query": "command", "command": {"id": internal, "shell": "internal",
        "line": "ping"}}),
    );
    assert_eq!(rejection(&plane, internal).await, "unsigned_command");

    let order = plane.order("id");
    let mut altered = plane.sign(&order);
    altered.payload = altered.payload.replace("\"id\"", "\"ls\"");
    plane.send(&command(order.id, &altered));
    assert_eq!(rejection(&plane, order.id).await, "signature_mismatch");

    let mut foreign = plane.order("id");
    foreign.channel = "0".repeat(32);
    plane.dispatch(&foreign);
    assert_eq!(rejection(&plane, foreign.id).await, "foreign_order");

    let mut foreign = plane.order("id");
    foreign.server = ServerId::new();
    plane.dispatch(&foreign);
    assert_eq!(rejection(&plane, foreign.id).await, "foreign_order");

    let mut stale = plane.order("id");
    stale.valid_for_ms = 0;
    plane.dispatch(&stale);
    assert_eq!(rejection(&plane, stale.id).await, "stale_order");

    let order = plane.order("id");
    let mut other_key = plane.sign(&order);
    other_key.key_id = "other".into();
    plane.send(&command(order.id, &other_key));
    assert_eq!(rejection(&plane, order.id).await, "key_unavailable");

    for id in [unsigned, internal, foreign.id, stale.id, order.id] {
        assert_eq!(plane.reports(id).len(), 1, "nothing but the rejection");
    }
}

#[tokio::test]
async fn a_replayed_order_is_rejected() {
    let plane = ControlPlane::start().await;
    let (_host, _agent) = online(&plane).await;
    let order = plane.order("echo once");
    let message = command(order.id, &plane.sign(&order));
    plane.send(&message);
    assert_eq!(plane.fin(order.id).await["exit_code"], 0);
    plane.send(&message);
    assert_eq!(rejection(&plane, order.id).await, "replayed_order");
}

#[tokio::test]
async fn an_order_from_an_earlier_connection_is_rejected() {
    let plane = ControlPlane::start().await;
    let (_host, _agent) = online(&plane).await;
    let order = plane.order("id");
    plane.send(&json!({"query": "reconnect", "reason": null}));
    plane.connection(2).await;
    plane.dispatch(&order);
    assert_eq!(rejection(&plane, order.id).await, "foreign_order");
    assert_eq!(plane.run("true").await["exit_code"], 0);
}

#[tokio::test]
async fn only_the_payload_counts() {
    let plane = ControlPlane::start().await;
    let (_host, _agent) = online(&plane).await;
    let order = plane.order("echo from the payload");
    let mut message = command(CommandId::new(), &plane.sign(&order));
    message["command"]["line"] = "echo from outside".into();
    message["command"]["user"] = "no-such-user".into();
    plane.send(&message);
    assert_eq!(plane.fin(order.id).await["result"], "from the payload\n");
}

#[tokio::test]
async fn a_command_sent_twice_runs_once() {
    let plane = ControlPlane::start().await;
    let (host, _agent) = online(&plane).await;
    let mark = host.state().join("mark");
    let order = plane.order(&format!("echo ran >> {}", mark.display()));
    plane.dispatch(&order);
    plane.fin(order.id).await;
    let mut again = plane.order(&order.line);
    again.id = order.id;
    plane.dispatch(&again);
    plane
        .until(|seen| {
            let acks = reports(seen, order.id).filter(|report| report["report"] == "ack");
            (acks.count() == 2).then_some(())
        })
        .await;
    // Orders are carried out in the order of their arrival, so this one is last.
    plane.run("true").await;
    assert_eq!(std::fs::read_to_string(mark).unwrap(), "ran\n");
}

#[tokio::test]
async fn a_cancellation_must_be_signed() {
    let plane = ControlPlane::start().await;
    let (_host, _agent) = online(&plane).await;
    let id = plane.dispatch(&plane.order("echo ready; exec sleep 600"));
    plane.report(id, "chunk").await;
    let mut forged = plane.sign(&plane.order("cancel"));
    forged.payload = forged.payload.replace("60000", "60001");
    plane.send(&json!({"query": "cancel", "id": CommandId::new(), "order": forged}));
    assert_eq!(plane.run("true").await["exit_code"], 0);
    assert!(
        plane
            .reports(id)
            .iter()
            .all(|report| report["report"] != "fin")
    );
}

#[tokio::test]
async fn handshakes_carry_credentials_and_a_fresh_channel() {
    let plane = ControlPlane::start().await;
    let (_host, _agent) = online(&plane).await;
    let headers = plane.connection(1).await;
    let credentials = format!("id=\"{}\", key=\"agent-secret\"", plane.server());
    assert_eq!(headers["authorization"], credentials.as_str());
    assert_eq!(headers["origin"], plane.url.as_str());
    let extensions = headers["x-alpamon-extensions"].to_str().unwrap();
    // The guard is named where this machine lets an agent hold trees.
    let extensions = extensions.trim_end_matches(", exec-guard/1");
    assert_eq!(extensions, "signed-orders/1, report-batch/1");
    assert!(
        headers["user-agent"]
            .to_str()
            .unwrap()
            .starts_with("alpamon/")
    );
    let first = plane.channel();
    assert_eq!(first.len(), 32);
    plane.send(&json!({"query": "reconnect"}));
    plane.connection(2).await;
    assert_ne!(plane.channel(), first);
    let (headers, body) = plane.request(Method::POST, "/api/events/events/").await;
    assert_eq!(headers["authorization"], credentials.as_str());
    assert_eq!(body["record"], "started");
    assert_eq!(body["boot_id"].as_str().unwrap().len(), 32);
}
