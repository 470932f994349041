//! What a peer that does not behave can do: nothing to others.

use std::time::Duration;

use alpacon_mux::frame::{Encoder, Version};
use alpacon_mux::{Config, Error, Role, Violation};
use bytes::Bytes;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::pair::{driven, pair, soon};

/// One reader stalls; the others of the session go on, however much they carry.
#[tokio::test(flavor = "multi_thread")]
async fn a_stalled_reader_holds_up_nobody_where_there_are_windows() {
    let (client, server) = pair(&Config::version_2());
    let stalled = client.open().unwrap();
    let (stalled_far_recv, mut stalled_far_send) =
        soon(server.accept()).await.unwrap().into_split();
    let writer = tokio::spawn(async move {
        loop {
            if let Err(error) = stalled_far_send.send(Bytes::from(vec![7; 32_000])).await {
                return error;
            }
        }
    });
    let (mut recv, send) = client.open().unwrap().into_split();
    let (far_recv, mut far_send) = soon(server.accept()).await.unwrap().into_split();
    tokio::spawn(async move {
        for _ in 0..1000 {
            far_send.send(Bytes::from(vec![1; 32_000])).await.unwrap();
        }
        far_send.finish();
        (far_send, far_recv)
    });
    let mut total = 0;
    while let Some(piece) = soon(recv.recv()).await.unwrap() {
        total += piece.len();
    }
    assert_eq!(total, 32_000_000);
    assert!(!writer.is_finished());
    drop(stalled);
    assert_eq!(soon(writer).await.unwrap(), Error::Reset);
    drop((send, stalled_far_recv));
}

/// Version 1 has no windows: the pipe stops at the session's buffer, and the stream
/// that holds it is given up in the end.
#[tokio::test(start_paused = true)]
async fn without_windows_the_stalled_stream_is_given_up_in_the_end() {
    let config = Config::version_1();
    let (client, server) = pair(&config);
    let mut stalled = client.open().unwrap();
    let mut other = client.open().unwrap();
    let (_held, mut flood) = soon(server.accept()).await.unwrap().into_split();
    let mut other_far = soon(server.accept()).await.unwrap();
    tokio::spawn(async move { while flood.send(Bytes::from(vec![7; 32_000])).await.is_ok() {} });
    // The clock moves when everybody waits: the buffers are full then.
    tokio::time::sleep(Duration::from_secs(1)).await;
    other_far
        .write_all(b"held up, but not for ever")
        .await
        .unwrap();
    other_far.shutdown().await.unwrap();
    let mut heard = String::new();
    soon(other.read_to_string(&mut heard)).await.unwrap();
    assert_eq!(heard, "held up, but not for ever");
    let outcome = soon(stalled.split().0.recv()).await;
    assert_eq!(outcome.unwrap_err(), Error::Reset);
}

#[tokio::test]
async fn violations_end_the_session() {
    let cases: [(&[u8], Violation); 3] = [
        (b"GET / HTTP/1.1\r\n", Violation::Version(b'G')),
        (&[1, 9, 0, 0, 3, 0, 0, 0], Violation::Command(9)),
        (
            &[1, 0, 4, 0, 3, 0, 0, 0],
            Violation::Length {
                command: 0,
                length: 4,
            },
        ),
    ];
    for (bytes, violation) in cases {
        let (mut peer, near) = tokio::io::duplex(1024);
        let (_session, task) = driven(near, &Config::version_1(), Role::Server);
        peer.write_all(bytes).await.unwrap();
        assert_eq!(soon(task).await.unwrap(), Err(Error::Violation(violation)));
    }
}

#[tokio::test]
async fn more_than_the_window_is_a_violation() {
    let (mut peer, near) = tokio::io::duplex(1024 * 1024);
    let config = Config::version_2();
    let (session, task) = driven(near, &config, Role::Server);
    let encoder = Encoder(Version::V2);
    peer.write_all(&encoder.syn(3)).await.unwrap();
    let _stream = soon(session.accept()).await.unwrap();
    let sent = 70_000u32;
    assert!(sent > config.initial_window);
    for length in [35_000u16, 35_000] {
        peer.write_all(&encoder.data_header(length, 3))
            .await
            .unwrap();
        peer.write_all(&vec![0; usize::from(length)]).await.unwrap();
    }
    assert_eq!(
        soon(task).await.unwrap(),
        Err(Error::Violation(Violation::Window(3)))
    );
}

/// Streams beyond the limit are refused, not queued.
#[tokio::test]
async fn too_many_streams_are_refused() {
    let (mut peer, near) = tokio::io::duplex(64 * 1024);
    let config = Config {
        max_streams: 10,
        ..Config::version_1()
    };
    let (session, _task) = driven(near, &config, Role::Server);
    let encoder = Encoder(Version::V1);
    for number in 0..11 {
        peer.write_all(&encoder.syn(3 + 2 * number)).await.unwrap();
    }
    let mut refusal = [0; 8];
    soon(peer.read_exact(&mut refusal)).await.unwrap();
    assert_eq!(refusal[..], encoder.fin(23)[..]);
    assert_eq!(session.stream_count(), 10);
}

/// Nobody accepts: the pipe is left alone at the limit, and memory with it.
#[tokio::test]
async fn streams_that_nobody_accepts_stop_the_reading() {
    let (mut peer, near) = tokio::io::duplex(8);
    let config = Config {
        accept_backlog: 100,
        ..Config::version_1()
    };
    let (session, _task) = driven(near, &config, Role::Server);
    let encoder = Encoder(Version::V1);
    let flood = tokio::spawn(async move {
        for number in 0..100_000 {
            peer.write_all(&encoder.syn(3 + 2 * number)).await.unwrap();
        }
    });
    soon(async {
        while session.stream_count() < 100 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
    assert_eq!(session.stream_count(), 100);
    assert!(!flood.is_finished());
    drop(soon(session.accept()).await.unwrap());
    soon(async {
        while session.stream_count() < 100 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    flood.abort();
}

#[tokio::test(start_paused = true)]
async fn silence_ends_a_session_and_keep_alives_hold_it() {
    let config = Config::version_1();
    let (client, server) = pair(&config);
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(client.error(), None);
    assert_eq!(server.error(), None);

    let (mut peer, near) = tokio::io::duplex(1024);
    let (_session, task) = driven(near, &config, Role::Server);
    let mut nop = [0; 8];
    soon(peer.read_exact(&mut nop)).await.unwrap();
    assert_eq!(nop, [1, 3, 0, 0, 0, 0, 0, 0]);
    assert_eq!(soon(task).await.unwrap(), Err(Error::Silent));
}

/// A stream with much to send does not starve one with little.
#[tokio::test]
async fn writers_take_turns() {
    let (mut peer, near) = tokio::io::duplex(16);
    let (session, _task) = driven(near, &Config::version_1(), Role::Client);
    let (_r1, mut big) = session.open().unwrap().into_split();
    let (_r2, mut small) = session.open().unwrap().into_split();
    big.send(Bytes::from(vec![1; 120_000])).await.unwrap();
    small.send(Bytes::from_static(b"x")).await.unwrap();
    let mut order = Vec::new();
    while order.last() != Some(&5) {
        let mut header = [0; 8];
        soon(peer.read_exact(&mut header)).await.unwrap();
        let length = u16::from_le_bytes([header[2], header[3]]);
        let mut body = vec![0; usize::from(length)];
        soon(peer.read_exact(&mut body)).await.unwrap();
        if length > 0 {
            order.push(header[4]);
        }
    }
    assert!(order.len() <= 3, "{order:?}");
}

/// Bytes in small pieces cost more than they weigh; the limit counts that.
#[tokio::test(start_paused = true)]
async fn small_pieces_are_counted_with_what_they_cost() {
    let (mut peer, near) = tokio::io::duplex(1024);
    let (session, _task) = driven(near, &Config::version_1(), Role::Server);
    let encoder = Encoder(Version::V1);
    peer.write_all(&encoder.syn(3)).await.unwrap();
    let _stream = soon(session.accept()).await.unwrap();
    let mut frame = encoder.data_header(1, 3).to_vec();
    frame.push(b'x');
    let mut sent = 0u32;
    while tokio::time::timeout(Duration::from_secs(1), peer.write_all(&frame))
        .await
        .is_ok()
    {
        sent += 1;
        assert!(sent < 40_000, "the pipe is read on and on");
    }
    assert!(sent > 10_000);
}
