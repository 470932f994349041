//! Commands: accounts, environment, output, exit codes, limits.

use std::collections::BTreeMap;
use std::path::PathBuf;

use protocol::order::Order;
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe::{OpenOptions, Receiver};

use crate::control_plane::{ControlPlane, PATIENCE};
use crate::host::{Host, is_root, online};

fn direct(plane: &ControlPlane, argv: &[&str]) -> Order {
    Order {
        argv: Some(argv.iter().map(|word| (*word).to_owned()).collect()),
        ..plane.order("not what is executed")
    }
}

#[tokio::test]
async fn output_and_exit_code_arrive() {
    let plane = ControlPlane::start().await;
    let (_host, _agent) = online(&plane).await;
    let id = plane.dispatch(&plane.order("echo out; echo err >&2; exit 7"));
    let fin = plane.fin(id).await;
    assert_eq!(fin["exit_code"], 7);
    assert_eq!(fin["success"], false);
    assert_eq!(fin["result"], "out\nerr\n");
    assert_eq!(fin["chunks"], 1);
    assert_eq!(plane.output(id), "out\nerr\n");
    let kinds: Vec<_> = plane
        .reports(id)
        .iter()
        .map(|report| report["report"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(kinds, ["ack", "chunk", "fin"]);
}

#[tokio::test]
async fn words_are_executed_without_a_shell() {
    let plane = ControlPlane::start().await;
    let (host, _agent) = online(&plane).await;
    let fin = plane
        .fin(plane.dispatch(&direct(&plane, &["echo", "a  b", "$HOME", ";", "*"])))
        .await;
    assert_eq!(fin["result"], "a  b $HOME ; *\n");

    let fin = plane
        .fin(plane.dispatch(&direct(&plane, &["no-such-program"])))
        .await;
    assert_eq!(fin["exit_code"], 127);
    assert!(
        fin["result"]
            .as_str()
            .unwrap()
            .contains("command not found")
    );

    let file = host.state().join("plain");
    std::fs::write(&file, "no program").unwrap();
    let fin = plane
        .fin(plane.dispatch(&direct(&plane, &[file.to_str().unwrap()])))
        .await;
    assert_eq!(fin["exit_code"], 126);
}

#[tokio::test]
async fn the_environment_is_built_from_nothing() {
    let plane = ControlPlane::start().await;
    let (host, _agent) = online(&plane).await;
    let home = host.state().to_str().unwrap().to_owned();
    let mut order = plane.order("pwd; env; cat; ps -o sid= -p $$ | tr -d ' '; echo $$");
    order.env = BTreeMap::from([
        ("HOME".to_owned(), home.clone()),
        ("GREETING".to_owned(), "two words".to_owned()),
    ]);
    let fin = plane.fin(plane.dispatch(&order)).await;
    let output = fin["result"].as_str().unwrap();
    assert_eq!(fin["exit_code"], 0, "{output}");
    let lines: Vec<_> = output.lines().collect();
    assert_eq!(lines[0], home);
    assert!(lines.contains(&"GREETING=two words"), "{output}");
    assert!(lines.contains(&"TERM=xterm-256color"), "{output}");
    assert!(!output.contains("SECRET_OF_THE_SERVICE"), "{output}");
    let (session, process) = (lines[lines.len() - 2], lines[lines.len() - 1]);
    assert_eq!(session, process, "the command leads its own session");

    let mut order = plane.order("true");
    order.env = BTreeMap::from([("HOME".to_owned(), "/does/not/exist".to_owned())]);
    let fin = plane.fin(plane.dispatch(&order)).await;
    assert_eq!(fin["exit_code"], 1);
    assert!(fin["result"].as_str().unwrap().contains("/does/not/exist"));
}

#[tokio::test]
async fn another_account_is_assumed_whole_or_refused() {
    let plane = ControlPlane::start().await;
    let (_host, _agent) = online(&plane).await;
    let mut order = plane.order("id -un; id -G; echo $USER; grep CapEff /proc/self/status");
    order.user = if is_root() { "nobody" } else { "root" }.to_owned();
    let fin = plane.fin(plane.dispatch(&order)).await;
    let output = fin["result"].as_str().unwrap();
    if !is_root() {
        assert_eq!(fin["exit_code"], 1);
        assert!(output.contains("cannot run work as root"), "{output}");
        return;
    }
    assert_eq!(fin["exit_code"], 0, "{output}");
    let lines: Vec<_> = output.lines().collect();
    assert_eq!((lines[0], lines[2]), ("nobody", "nobody"));
    assert!(lines[1].split(' ').all(|group| group != "0"), "{output}");
    assert!(lines[3].ends_with("0000000000000000"), "{output}");

    for (user, group) in [
        ("no-such-user", ""),
        ("nobody", "root"),
        ("nobody", "no-such"),
    ] {
        let mut order = plane.order("id");
        (order.user, order.group) = (user.to_owned(), group.to_owned());
        let id = plane.dispatch(&order);
        let fin = plane.fin(id).await;
        assert_eq!(fin["exit_code"], 1, "{user} {group}");
        assert!(plane.output(id).starts_with("alpamon: "), "{user} {group}");
    }
}

#[tokio::test]
async fn descendants_die_with_their_command() {
    let plane = ControlPlane::start().await;
    let (host, _agent) = online(&plane).await;
    let lifeline = Lifeline::new(&host);
    let fin = plane
        .run(&lifeline.held_by("sleep 600 & echo started"))
        .await;
    assert_eq!(fin["result"], "started\n");
    lifeline.released().await;
}

#[tokio::test]
async fn the_end_of_authority_ends_the_command() {
    let plane = ControlPlane::start().await;
    let (host, _agent) = online(&plane).await;
    let lifeline = Lifeline::new(&host);
    let mut order = plane.order(&lifeline.held_by("sleep 600 & wait"));
    order.authority_ends_in_ms = Some(300);
    let fin = plane.fin(plane.dispatch(&order)).await;
    assert_eq!(fin["exit_code"], -1);
    let output = fin["result"].as_str().unwrap();
    assert!(output.contains("the work session has ended"), "{output}");
    lifeline.released().await;
}

#[tokio::test]
async fn a_cancellation_ends_the_command() {
    let plane = ControlPlane::start().await;
    let (_host, _agent) = online(&plane).await;
    let id = plane.dispatch(&plane.order("echo ready; exec sleep 600"));
    plane.report(id, "chunk").await;
    let cancel = Order {
        id,
        shell: "internal".to_owned(),
        ..plane.order("cancel")
    };
    let order = plane.sign(&cancel);
    plane.send(&serde_json::json!({"query": "cancel", "id": id, "order": order}));
    let fin = plane.fin(id).await;
    assert_eq!(fin["exit_code"], -1);
    assert!(fin["result"].as_str().unwrap().contains("cancelled"));
}

#[tokio::test]
async fn long_output_is_streamed_whole_and_capped_in_the_result() {
    let plane = ControlPlane::start().await;
    let (_host, _agent) = online(&plane).await;
    let id = plane.dispatch(&plane.order("seq 1 300000"));
    let fin = plane.fin(id).await;
    let expected: String = (1..=300_000).map(|n| format!("{n}\n")).collect();
    let output = plane.output(id);
    assert_eq!(output.len(), expected.len());
    assert!(output == expected);
    let result = fin["result"].as_str().unwrap();
    assert!(result.len() < 1024 * 1024 + 100);
    assert!(result.starts_with("1\n2\n") && result.ends_with("\n300000\n"));
    assert!(result.contains("bytes of output left out"));
}

#[tokio::test]
async fn two_hundred_commands_at_once_all_end_well() {
    let plane = ControlPlane::start().await;
    let (_host, _agent) = online(&plane).await;
    let ids: Vec<_> = (0..200)
        .map(|n| plane.dispatch(&plane.order(&format!("for i in 1 2 3; do echo {n}.$i; done"))))
        .collect();
    for (n, id) in ids.into_iter().enumerate() {
        let fin = plane.fin(id).await;
        assert_eq!(fin["exit_code"], 0);
        let expected = format!("{n}.1\n{n}.2\n{n}.3\n");
        assert_eq!(plane.output(id), expected);
        assert_eq!(fin["result"], expected);
    }
}

#[tokio::test]
async fn without_a_pinned_key_the_public_fields_count() {
    let plane = ControlPlane::public().await;
    let (_host, _agent) = online(&plane).await;
    let send = |id: protocol::id::CommandId, line: &str, allow_sh: bool| {
        plane.send(
            &serde_json::json!({"query": "command", "command": {"id": id,
            "shell": "system", "line": line, "user": "", "group": null, "env": null,
            "allow_sh": allow_sh, "data": null, "signature": "ignored"}}),
        );
        id
    };
    let id = send(
        protocol::id::CommandId::new(),
        "echo $((1 + 2)) | cat",
        true,
    );
    assert_eq!(plane.fin(id).await["result"], "3\n");
    let id = send(
        protocol::id::CommandId::new(),
        "echo $USER 'a && false && echo never",
        false,
    );
    let fin = plane.fin(id).await;
    assert_eq!(fin["exit_code"], 1);
    assert!(fin["result"].as_str().unwrap().ends_with(" 'a\n"), "{fin}");
    let id = send(protocol::id::CommandId::new(), "no-such-program", false);
    assert_eq!(plane.fin(id).await["exit_code"], 1);
}

/// A pipe that a command and its descendants hold open for as long as they live.
struct Lifeline {
    path: PathBuf,
    reader: Receiver,
}

impl Lifeline {
    fn new(host: &Host) -> Self {
        let path = host.state().join("lifeline");
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let reader = OpenOptions::new().open_receiver(&path).unwrap();
        Self { path, reader }
    }

    fn held_by(&self, line: &str) -> String {
        format!("exec 3> {}; {line}", self.path.display())
    }

    /// Waits until nobody holds it.
    async fn released(mut self) {
        let mut nothing = Vec::new();
        let end = self.reader.read_to_end(&mut nothing);
        let end = tokio::time::timeout(PATIENCE, end).await;
        assert_eq!(end.expect("a descendant lives on").unwrap(), 0);
    }
}
