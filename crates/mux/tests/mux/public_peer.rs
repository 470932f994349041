//! Beside the public multiplexer itself: github.com/xtaci/smux at the version that
//! both public programs use. Needs the Go tool chain and its module proxy.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use alpacon_mux::frame::Version;
use alpacon_mux::{Config, Driver, Pipe, Role, Session, pipe};
use bytes::Bytes;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Child;

use crate::pair::soon;

/// The peer, built once; `None` where there is no Go.
fn peer() -> Option<&'static PathBuf> {
    static BUILT: OnceLock<Option<(tempfile::TempDir, PathBuf)>> = OnceLock::new();
    let built = BUILT.get_or_init(|| {
        if Command::new("go").arg("version").output().is_err() {
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/mux/peer");
        for name in ["go.mod", "main.go"] {
            std::fs::copy(format!("{source}/{name}"), folder.path().join(name)).unwrap();
        }
        let program = folder.path().join("peer");
        // -mod=mod: the checksums are fetched with the module.
        let output = Command::new("go")
            .args(["build", "-mod=mod", "-o"])
            .arg(&program)
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "the peer does not build: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        Some((folder, program))
    });
    if built.is_none() {
        eprintln!("SKIPPED: the tests beside the public multiplexer need Go (apt install golang)");
    }
    built.as_ref().map(|(_, program)| program)
}

fn config(version: Version) -> Config {
    match version {
        Version::V1 => Config::version_1(),
        Version::V2 => Config {
            resets: false,
            initial_window: 262_144,
            ..Config::version_2()
        },
    }
}

/// A session with the peer, which does `role`.
async fn with_peer(
    version: Version,
    role: &[&str],
) -> Option<(Session, Driver<Pipe<TcpStream>>, Child)> {
    let program = peer()?;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let child = tokio::process::Command::new(program)
        .arg(listener.local_addr().unwrap().to_string())
        .arg((version as u8).to_string())
        .args(role)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let (socket, _) = soon(listener.accept()).await.unwrap();
    let (session, driver) = Session::new(pipe(socket), config(version), Role::Server);
    Some((session, driver, child))
}

async fn says_ok(child: &mut Child) {
    let mut line = String::new();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    soon(output.read_line(&mut line)).await.unwrap();
    assert_eq!(line, "ok\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_public_peer_opens_and_we_echo() {
    for version in [Version::V1, Version::V2] {
        for (count, size) in [("200", "262144"), ("2000", "4096"), ("1", "67108864")] {
            let Some((session, mut driver, mut child)) =
                with_peer(version, &["open", count, size]).await
            else {
                return;
            };
            let driving = tokio::spawn(async move { driver.run().await });
            let echo = tokio::spawn(async move {
                while let Ok(stream) = session.accept().await {
                    tokio::spawn(async move {
                        let (mut recv, mut send) = stream.into_split();
                        while let Ok(Some(data)) = recv.recv().await {
                            if send.send(data).await.is_err() {
                                return;
                            }
                        }
                        send.finish();
                    });
                }
            });
            says_ok(&mut child).await;
            child.kill().await.unwrap();
            assert!(soon(driving).await.unwrap().is_err());
            soon(echo).await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn we_open_and_the_public_peer_echoes() {
    for version in [Version::V1, Version::V2] {
        let Some((session, mut driver, _child)) = with_peer(version, &["accept"]).await else {
            return;
        };
        tokio::spawn(async move { driver.run().await });
        let tasks = [(64, 300_000), (1, 32 * 1024 * 1024)].map(|(count, size)| {
            (0..count)
                .map(|seed: usize| {
                    let stream = session.open().unwrap();
                    tokio::spawn(async move {
                        let data = vec![u8::try_from(seed).unwrap(); size];
                        let (mut recv, mut send) = stream.into_split();
                        let sent = Bytes::from(data.clone());
                        let sender = tokio::spawn(async move {
                            send.send(sent).await.unwrap();
                            send
                        });
                        let mut back = vec![0; size];
                        recv.read_exact(&mut back).await.unwrap();
                        assert!(back == data);
                        let mut send = sender.await.unwrap();
                        send.shutdown().await.unwrap();
                        assert_eq!(recv.read(&mut [0; 1]).await.unwrap(), 0);
                    })
                })
                .collect::<Vec<_>>()
        });
        for task in tasks.into_iter().flatten() {
            soon(task).await.unwrap();
        }
    }
}

/// A line and an end at once, as a public client's readiness stream: nothing is lost.
#[tokio::test]
async fn short_streams_of_the_public_peer_arrive_whole() {
    let Some((session, mut driver, _child)) = with_peer(Version::V1, &["short", "300"]).await
    else {
        return;
    };
    tokio::spawn(async move { driver.run().await });
    for _ in 0..300 {
        let mut stream = soon(session.accept()).await.unwrap();
        let mut text = String::new();
        soon(stream.read_to_string(&mut text)).await.unwrap();
        assert_eq!(text, "{\"remote_port\":\"8082\"}\n");
    }
}
