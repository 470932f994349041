//! Internal commands.

use axum::http::Method;
use protocol::order::Order;
use serde_json::Value;

use crate::control_plane::ControlPlane;
use crate::host::online;

async fn internal(plane: &ControlPlane, line: &str, data: &str) -> Value {
    let order = Order {
        shell: "internal".to_owned(),
        data: data.to_owned(),
        ..plane.order(line)
    };
    plane.fin(plane.dispatch(&order)).await
}

#[tokio::test]
async fn answers_about_itself() {
    let plane = ControlPlane::start().await;
    let (_host, _agent) = online(&plane).await;
    let ping = internal(&plane, "ping and more", "").await;
    let time = ping["result"].as_str().unwrap();
    assert!(chrono::DateTime::parse_from_rfc3339(time).is_ok(), "{time}");
    assert!(
        internal(&plane, "help", "").await["result"]
            .as_str()
            .unwrap()
            .contains("sync")
    );
    let commit = internal(&plane, "commit", "").await;
    assert_eq!(commit["exit_code"], 0);
    let (_, body) = plane
        .request(Method::PUT, "/api/servers/servers/-/commit/")
        .await;
    assert!(body["groups"].is_array());
    let sync = internal(&plane, "sync", "{\"keys\":[\"groups\",\"firewall\"]}").await;
    assert_eq!(sync["exit_code"], 0);
    plane.request(Method::POST, "/api/proc/groups/").await;
}

#[tokio::test]
async fn says_why_not() {
    let plane = ControlPlane::start().await;
    let (_host, _agent) = online(&plane).await;
    for (line, data, reason) in [
        ("dance", "", "dance: unknown command"),
        ("openpty", "{}", "session_id must be"),
        (
            "adduser",
            "{\"username\":\"-x\"}",
            "username: \"-x\" is not a valid name",
        ),
        (
            "addgroup",
            "{\"groupname\":\"x\"}",
            "gid: must be at least 1",
        ),
        ("moduser", "not json", "cannot be understood"),
        ("upgrade", "", "does not update itself"),
    ] {
        let fin = internal(&plane, line, data).await;
        assert_eq!(fin["exit_code"], 1, "{line}");
        let result = fin["result"].as_str().unwrap();
        assert!(result.contains(reason), "{line}: {result}");
    }
    let mut order = plane.order("x");
    order.shell = "fish".to_owned();
    let fin = plane.fin(plane.dispatch(&order)).await;
    assert_eq!(fin["exit_code"], 1);
    assert!(fin["result"].as_str().unwrap().contains("fish"));
}

#[tokio::test]
async fn restarts_in_place() {
    let plane = ControlPlane::start().await;
    let (_host, agent) = online(&plane).await;
    let fin = internal(&plane, "restart", "").await;
    assert_eq!(fin["exit_code"], 0);
    plane.connection(2).await;
    assert_eq!(plane.run("true").await["exit_code"], 0);
    assert!(agent.terminate().await.success());
}

#[tokio::test]
async fn quits_for_good() {
    let plane = ControlPlane::start().await;
    let (_host, agent) = online(&plane).await;
    assert_eq!(internal(&plane, "quit", "").await["exit_code"], 0);
    assert!(agent.ended().await.success());
}

#[tokio::test]
async fn collecting_means_the_heartbeat() {
    let plane = ControlPlane::start().await;
    let (_host, _agent) = online(&plane).await;
    let path = "/api/servers/servers/-/status/";
    let (_, body) = plane.request(Method::PATCH, path).await;
    assert_eq!(body, Value::Null);
    let fin = internal(&plane, "restart", "{\"target\":\"collector\"}").await;
    assert_eq!(fin["exit_code"], 0);
    assert!(
        fin["result"]
            .as_str()
            .unwrap()
            .contains("1 kinds of measurement"),
        "{fin}"
    );
    assert_eq!(plane.run("true").await["exit_code"], 0);
}
