//! `register`, `unregister` and the rest of the command line.

use std::os::unix::fs::PermissionsExt;

use axum::http::Method;
use serde_json::json;
use tokio::process::Command;

use crate::control_plane::ControlPlane;
use crate::host::{AGENT, Host};

#[tokio::test]
async fn registering_writes_a_private_configuration() {
    let plane = ControlPlane::start().await;
    let host = Host::new();
    let tags = ["--tag", "env=prod,team=a", "--tag", "empty="];
    let output = host.register(&plane.url, &tags).await;
    assert!(output.status.success(), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("test-host-a1b2c3"));

    let (headers, body) = plane
        .request(Method::POST, "/api/servers/servers/register/")
        .await;
    assert_eq!(headers["authorization"], "token=\"registration-token\"");
    assert_eq!(headers["content-type"], "application/json");
    assert_eq!(
        body,
        json!({"name": "test-host", "platform": "debian",
            "tags": {"env": "prod", "team": "a", "empty": ""},
            "extensions": ["signed-orders/1", "report-batch/1"]})
    );

    let text = std::fs::read_to_string(host.config()).unwrap();
    assert!(text.contains(&format!("url = {}\n", plane.url)), "{text}");
    assert!(text.contains("key = agent-secret\n"), "{text}");
    assert!(
        text.contains("[orders]\nkey_id = test-key\npublic_key = "),
        "{text}"
    );
    let mode = std::fs::metadata(host.config())
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn a_registered_machine_is_replaced_only_by_force() {
    let plane = ControlPlane::start().await;
    let host = Host::registered(&plane).await;
    let before = std::fs::read(host.config()).unwrap();
    let output = host.register(&plane.url, &[]).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--force"));
    assert_eq!(std::fs::read(host.config()).unwrap(), before);

    let other = ControlPlane::start().await;
    let output = host.register(&other.url, &["--force"]).await;
    assert!(output.status.success(), "{output:?}");
    let path = format!("/api/servers/servers/{}/unregister/", plane.server());
    let (headers, _) = plane.request(Method::DELETE, &path).await;
    let credentials = format!("id=\"{}\", key=\"agent-secret\"", plane.server());
    assert_eq!(headers["authorization"], credentials.as_str());
}

#[tokio::test]
async fn a_registration_that_cannot_be_stored_is_undone() {
    let plane = ControlPlane::start().await;
    let host = Host::new();
    // A file where the agent's folder should be.
    std::fs::write(host.state(), "in the way").unwrap();
    let output = host.register(&plane.url, &[]).await;
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let path = format!("/api/servers/servers/{}/unregister/", plane.server());
    plane.request(Method::DELETE, &path).await;
    assert!(!host.config().exists());
}

#[tokio::test]
async fn unregistering_asks_and_removes() {
    let plane = ControlPlane::start().await;
    let host = Host::registered(&plane).await;
    let unregister = |more: &'static [&'static str]| {
        let mut command = host.command();
        command.arg("unregister").arg("--no-service").args(more);
        async move { command.output().await.unwrap() }
    };
    // No terminal, no answer: nothing happens.
    let output = unregister(&[]).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(host.config().exists());
    let output = unregister(&["--yes"]).await;
    assert!(output.status.success(), "{output:?}");
    assert!(!host.config().exists());
    let path = format!("/api/servers/servers/{}/unregister/", plane.server());
    plane.request(Method::DELETE, &path).await;
    assert!(unregister(&["--yes"]).await.status.success());
}

#[tokio::test]
async fn the_command_line_has_the_documented_exit_codes() {
    let run = |arguments: &'static [&'static str]| async move {
        Command::new(AGENT).args(arguments).output().await.unwrap()
    };
    let version = run(&["--version"]).await;
    assert!(version.status.success());
    let text = String::from_utf8_lossy(&version.stdout).into_owned();
    assert_eq!(text, format!("{}\n", env!("CARGO_PKG_VERSION")));
    let misuses: [&'static [&'static str]; 3] =
        [&["dance"], &["register"], &["register", "--url", "x"]];
    for misuse in misuses {
        assert_eq!(run(misuse).await.status.code(), Some(1), "{misuse:?}");
    }
    let missing = run(&["--config", "/does/not/exist"]).await;
    assert_eq!(missing.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&missing.stderr).contains("alpamon register"));
}
