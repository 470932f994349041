use std::path::PathBuf;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use super::*;

/// An authority whose server nobody answers for.
fn authority(policy: AccessPolicy) -> (Authority, Tracker) {
    let server = Server::unreachable();
    let tracker = Tracker::default();
    let policy = Arc::new(Mutex::new(policy));
    let lifecycle = Lifecycle::default();
    (
        Authority::new(server, tracker.clone(), policy, lifecycle),
        tracker,
    )
}

struct Socket {
    path: PathBuf,
    _folder: tempfile::TempDir,
}

impl Socket {
    fn serve(authority: &Authority) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run/auth.sock");
        tokio::spawn(authority.serve(&path).unwrap());
        Self {
            path,
            _folder: folder,
        }
    }

    async fn send(&self, pieces: &[&[u8]]) -> String {
        let mut stream = UnixStream::connect(&self.path).await.unwrap();
        for piece in pieces {
            stream.write_all(piece).await.unwrap();
            stream.flush().await.unwrap();
        }
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    async fn ask(&self, request: &Value) -> Value {
        let answer = self.send(&[request.to_string().as_bytes()]).await;
        serde_json::from_str(&answer).unwrap()
    }
}

fn sudo(pid: i64) -> Value {
    json!({"type": "sudo_approval", "request_id": "r", "username": "kim", "groupname": "kim",
        "pid": pid, "ppid": pid, "command": "/usr/bin/id",
        "is_alpacon_user": true, "session_id": "s", "command_id": "c"})
}

fn own_pid() -> i64 {
    i64::from(std::process::id())
}

/// What asks here is a child of a leader. The leader of this process may live outside
/// its PID namespace, so that it has no number.
fn leader() -> i32 {
    i32::try_from(own_pid()).unwrap()
}

#[tokio::test]
async fn only_processes_of_our_sessions_are_ours() {
    let (authority, tracker) = authority(AccessPolicy::default());
    let socket = Socket::serve(&authority);
    let question = json!({"type": "check_user", "username": "kim", "groupname": "staff",
        "pid": own_pid(), "ppid": own_pid()});
    let answer = socket.ask(&question).await;
    assert_eq!(
        answer,
        json!({"type": "is_alpacon_response", "username": "kim", "groupname": "staff",
            "pid": own_pid(), "ppid": own_pid(), "is_alpacon_user": false})
    );
    let _tracked = tracker.track(leader(), Owner::Command("c".into()));
    assert_eq!(socket.ask(&question).await["is_alpacon_user"], true);
    let unreadable = json!({"type": "check_user", "pid": "x"});
    assert_eq!(socket.ask(&unreadable).await["is_alpacon_user"], false);
}

#[tokio::test]
async fn local_sudo_is_the_hosts_affair_unless_it_is_blocked() {
    let (open, _tracker) = authority(AccessPolicy::default());
    let answer = Socket::serve(&open).ask(&sudo(own_pid())).await;
    assert_eq!(answer["approved"], true);
    assert_eq!(answer["reason"], "Approved");
    // The plugin cannot claim a session.
    assert_eq!(answer["is_alpacon_user"], false);
    assert_eq!(answer.get("session_id"), None);

    let blocked = AccessPolicy {
        block_local_sudo: true,
        ..AccessPolicy::default()
    };
    let (blocked, _tracker) = authority(blocked);
    let answer = Socket::serve(&blocked).ask(&sudo(own_pid())).await;
    assert_eq!(answer["approved"], false);
    assert_eq!(answer["reason"], "No Authority");
}

#[tokio::test]
async fn the_end_of_a_session_denies_what_it_asked() {
    let (authority, tracker) = authority(AccessPolicy::default());
    let socket = Socket::serve(&authority);
    let tracked = tracker.track(leader(), Owner::Command("c".into()));
    let request = sudo(own_pid());
    let asking = socket.ask(&request);
    let ending = async {
        while authority.approvals.waiting_count() == 0 {
            tokio::task::yield_now().await;
        }
        drop(tracked);
    };
    let (answer, ()) = tokio::join!(asking, ending);
    assert_eq!(answer["approved"], false);
    assert_eq!(answer["reason"], "Session ended");
    assert_eq!(answer["command_id"], "c");
    assert_eq!(authority.approvals.waiting_count(), 0);
}

#[tokio::test]
async fn decisions_reach_who_asked_and_nobody_else() {
    let (authority, tracker) = authority(AccessPolicy::default());
    let socket = Socket::serve(&authority);
    let _tracked = tracker.track(leader(), Owner::Command("c".into()));
    let request = sudo(own_pid());
    let asking = socket.ask(&request);
    let deciding = async {
        while authority.approvals.waiting_count() == 0 {
            tokio::task::yield_now().await;
        }
        let decide = |data| authority.approvals.decided(data);
        decide(json!({"type": "other", "request_id": "r", "approved": true}));
        decide(json!({"type": "sudo_approval_response", "request_id": "x", "approved": true}));
        decide(json!({"type": "sudo_approval_response", "request_id": "r", "approved": "yes"}));
        assert_eq!(authority.approvals.waiting_count(), 1);
        decide(
            json!({"type": "sudo_approval_response", "request_id": "r", "approved": false,
            "reason": "no", "error_code": "SUDO_RISK_DENIED", "extra": 1}),
        );
    };
    let (answer, ()) = tokio::join!(asking, deciding);
    assert_eq!(answer["error_code"], "SUDO_RISK_DENIED");
    assert_eq!(answer["approved"], false);
    assert_eq!(answer.get("extra"), None);
}

#[tokio::test]
async fn what_is_no_request_gets_no_answer() {
    let (authority, _tracker) = authority(AccessPolicy::default());
    let socket = Socket::serve(&authority);
    for garbage in ["hello", "[]", "{}", r#"{"type":"other"}"#, r#"{"type":7}"#] {
        assert_eq!(socket.send(&[garbage.as_bytes()]).await, "", "{garbage}");
    }
    let incomplete = json!({"type": "sudo_approval", "request_id": "r"});
    let answer = socket.ask(&incomplete).await;
    assert_eq!(answer["approved"], false);
    assert_eq!(answer["reason"], "Invalid sudo_approval_request");
}

#[tokio::test]
async fn a_request_may_come_in_pieces() {
    let (authority, _tracker) = authority(AccessPolicy::default());
    let socket = Socket::serve(&authority);
    let text = sudo(own_pid()).to_string();
    let (head, tail) = text.as_bytes().split_at(20);
    let answer = socket.send(&[head, tail]).await;
    assert!(answer.contains("\"approved\":true"), "{answer}");
}

#[tokio::test]
async fn logins_are_always_confirmed() {
    let (authority, _tracker) = authority(AccessPolicy::default());
    let socket = Socket::serve(&authority);
    let login = json!({"type": "session_event", "username": "kim", "service": "sshd", "pid": 7});
    let confirmed = json!({"type": "session_event_response", "received": true});
    assert_eq!(socket.ask(&login).await, confirmed);
    let nobody = json!({"type": "session_event", "service": "sshd", "pid": 7});
    assert_eq!(socket.ask(&nobody).await["received"], false);
}

#[tokio::test]
async fn the_socket_is_private() {
    let (authority, _tracker) = authority(AccessPolicy::default());
    let socket = Socket::serve(&authority);
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&socket.path), 0o600);
    assert_eq!(mode(socket.path.parent().unwrap()) & 0o007, 0);
    // A socket that a crash left behind is no obstacle.
    drop(listen(&socket.path).unwrap());
    listen(&socket.path).unwrap();
}
