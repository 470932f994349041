//! Locks and usage from the command line, and WebSockets through a proxy.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;
use testkit::{Options, System, eventually};

use super::must;
use crate::accounts::{PASSWORD, create_user, log_in};

#[test]
fn a_superuser_locks_and_unlocks_from_the_command_line() {
    let system = System::start();
    let root = system.api_with_password();
    create_user(&root, "uma", &json!({}));
    let uma = log_in(&system.anonymous(), "uma");
    let cli = system.cli_with_password();
    cli.run(&["lock", "user", "uma", "--reason", "laptop stolen"])
        .exits(0)
        .stderr_has("user uma is locked");
    uma.get("/api/auth/whoami/").refuses(403, "user_locked");
    cli.run(&["lock", "user", "uma"])
        .exits(1)
        .stderr_has("locked already");
    let list = cli.run(&["lock", "ls", "--output", "json"]).exits(0).json();
    assert_eq!(list[0]["kind"], "user");
    assert_eq!(list[0]["name"], "uma");
    assert_eq!(list[0]["reason"], "laptop stolen");
    cli.run(&["lock", "ls"]).exits(0).stdout_has("LOCKED BY");
    cli.run(&["unlock", "user", "uma"]).exits(0);
    uma.get("/api/auth/whoami/").expect(200);
    cli.run(&["unlock", "user", "uma"])
        .exits(1)
        .stderr_has("user uma");
    cli.run(&["lock", "work-session", "mine"]).exits(2);
    cli.run(&["lock", "user", "nobody"]).exits(1);

    cli.run(&["lock", "workspace", "-r", "breach"]).exits(0);
    uma.get("/api/auth/whoami/")
        .refuses(403, "workspace_locked");
    cli.run(&["unlock", "workspace"]).exits(0);
    uma.get("/api/auth/whoami/").expect(200);
    must(&system, &["workspace", "unlock", "default"], "");
}

#[test]
fn a_self_hosted_workspace_tells_what_it_uses() {
    let system = System::start();
    let _agent = system.public_agent("host");
    let cli = system.cli_with_password();
    let usage = cli
        .run(&["workspace", "usage", "--output", "json"])
        .exits(0)
        .json();
    assert_eq!(usage["services"]["servers"]["current_usage"], 1, "{usage}");
    assert_eq!(usage["services"]["users"]["current_usage"], 1, "{usage}");
    assert_eq!(usage["services"]["users"]["limit"], json!(null));
    let root = system.api_with_password();
    create_user(&root, "uma", &json!({}));
    let uma = log_in(&system.anonymous(), "uma");
    let list = uma.get("/api/workspaces/workspaces/").expect(200).json();
    let id = crate::id(&list["results"][0]);
    let path = format!("/api/workspaces/workspaces/{id}/estimate/");
    uma.get(&path).expect(403);
    root.get(&path).expect(200);
}

#[test]
fn who_must_change_a_password_is_told_at_the_login() {
    let system = System::start();
    let root = system.api_with_password();
    let uma = create_user(&root, "uma", &json!({}));
    let require = format!("/api/iam/users/{uma}/require-password-change/");
    root.post(&require, &json!(null)).expect(204);
    let password = format!("--password={PASSWORD}");
    system
        .cli()
        .run(&["login", system.url(), "-u", "uma", &password])
        .exits(1)
        .stderr_has("must be changed");
}

/// An HTTP proxy that lets everything through and counts the tunnels it opened.
fn proxy() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://user:secret@{}", listener.local_addr().unwrap());
    let count = Arc::new(AtomicUsize::new(0));
    let counted = count.clone();
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let counted = counted.clone();
            std::thread::spawn(move || relay(client, &counted));
        }
    });
    (address, count)
}

fn relay(mut client: TcpStream, count: &AtomicUsize) -> Option<()> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        client.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).ok()?;
    let target = head.strip_prefix("CONNECT ")?.split(' ').next()?;
    // user:secret
    if !head
        .to_lowercase()
        .contains("proxy-authorization: basic dxnlcjpzzwnyzxq=")
    {
        client
            .write_all(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
            .ok()?;
        return None;
    }
    let server = TcpStream::connect(target).ok()?;
    client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").ok()?;
    count.fetch_add(1, Ordering::Relaxed);
    let pair = (client.try_clone().ok()?, server.try_clone().ok()?);
    std::thread::spawn(move || std::io::copy(&mut &pair.0, &mut &pair.1));
    std::io::copy(&mut &server, &mut &client).ok()?;
    let _closed = client.shutdown(std::net::Shutdown::Both);
    Some(())
}

#[test]
fn websockets_go_through_the_proxy_of_the_environment_like_everything_else() {
    let system = System::with(&Options {
        tls: true,
        ..Options::default()
    });
    let cli = system.cli_with_token();
    let (address, tunnels) = proxy();
    let watch = ["event", "watch", "--type", "notification"];
    let watching = cli.start_with(&[("HTTPS_PROXY", &address)], &watch);
    // One for the API and one for the event channel.
    eventually("both connections go through the proxy", || {
        (tunnels.load(Ordering::Relaxed) >= 2).then_some(())
    });
    watching.kill();

    let wrong = address.replace("secret", "wrong");
    let refused = cli.run_with(&[("HTTPS_PROXY", &wrong)], &watch).exits(1);
    assert!(!refused.stderr().contains("wrong"), "{}", refused.stderr());
    // Hosts that are exempt are reached directly.
    let before = tunnels.load(Ordering::Relaxed);
    let environment = [("HTTPS_PROXY", address.as_str()), ("NO_PROXY", "127.0.0.1")];
    cli.run_with(&environment, &["server", "ls"]).exits(0);
    assert_eq!(tunnels.load(Ordering::Relaxed), before);
}

#[test]
fn a_login_in_the_keyring_is_not_in_the_file() {
    let system = System::start();
    let cli = system.cli();
    let token = system.ready().api_token.clone();
    let arguments = ["login", system.url(), "-t", &token];
    let first = cli.run(&[&arguments[..], &["--credential-store", "keyring"]].concat());
    if first.code != Some(0) {
        // A sandbox without a keyring says what to do.
        assert!(
            first.stderr.contains("--credential-store file"),
            "{}",
            first.stderr
        );
        return;
    }
    let file = cli.home().join(".alpacon/config.json");
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(!text.contains(&token), "{text}");
    cli.run(&["whoami"]).exits(0);
    // The choice stays, and so does the login in use.
    cli.run(&arguments).exits(0);
    assert!(!std::fs::read_to_string(&file).unwrap().contains(&token));
    cli.run(&["logout"]).exits(0);
    std::fs::write(&file, &text).unwrap();
    cli.run(&["server", "ls"]).exits(1);
    std::fs::remove_file(&file).unwrap();

    cli.run(&arguments).exits(0);
    assert!(std::fs::read_to_string(&file).unwrap().contains(&token));
    cli.run(&[
        "login",
        system.url(),
        "-t",
        &token,
        "--credential-store",
        "cloud",
    ])
    .exits(2);
}
