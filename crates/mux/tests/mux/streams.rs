//! What streams carry, and how they end.

use alpacon_mux::{Config, Error, Role};
use bytes::Bytes;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::pair::{driven, pair, soon, versions};

fn pattern(length: usize, seed: usize) -> Vec<u8> {
    (0..length)
        .map(|i| u8::try_from((i * 31 + seed) % 251).unwrap())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn many_streams_carry_their_own_bytes() {
    for config in versions() {
        let (client, server) = pair(&config);
        let echo = tokio::spawn(async move {
            while let Ok(stream) = server.accept().await {
                tokio::spawn(async move {
                    let (mut recv, mut send) = stream.into_split();
                    while let Some(data) = recv.recv().await.unwrap() {
                        send.send(data).await.unwrap();
                    }
                    send.finish();
                });
            }
        });
        let clients = (0..100).map(|number| {
            let stream = client.open().unwrap();
            tokio::spawn(async move {
                let (mut recv, mut send) = stream.into_split();
                let data = pattern(200_000 + number, number);
                let sent = data.clone();
                tokio::spawn(async move {
                    send.write_all(&sent).await.unwrap();
                    send.shutdown().await.unwrap();
                    // Kept until the other side has read it all.
                    send
                });
                let mut back = Vec::new();
                recv.read_to_end(&mut back).await.unwrap();
                assert_eq!(back, data);
            })
        });
        for task in clients.collect::<Vec<_>>() {
            soon(task).await.unwrap();
        }
        drop(client);
        soon(echo).await.unwrap();
    }
}

#[tokio::test]
async fn one_direction_ends_and_the_other_goes_on() {
    for config in versions() {
        let (client, server) = pair(&config);
        let mut near = client.open().unwrap();
        near.write_all(b"question").await.unwrap();
        near.shutdown().await.unwrap();
        let mut far = soon(server.accept()).await.unwrap();
        let mut heard = String::new();
        soon(far.read_to_string(&mut heard)).await.unwrap();
        assert_eq!(heard, "question");
        far.write_all(b"answer, after the end of the question")
            .await
            .unwrap();
        far.shutdown().await.unwrap();
        let mut answer = String::new();
        soon(near.read_to_string(&mut answer)).await.unwrap();
        assert_eq!(answer, "answer, after the end of the question");
        assert!(matches!(
            near.split().1.reserve().await,
            Err(Error::Finished)
        ));
        drop((near, far));
        soon(async {
            while client.stream_count() + server.stream_count() > 0 {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }
}

/// Everything written before a graceful end arrives, also when the writer is gone.
#[tokio::test]
async fn a_writer_that_leaves_leaves_its_data() {
    for config in versions() {
        let (client, server) = pair(&config);
        let data = pattern(100_000, 1);
        let (mut recv, mut send) = client.open().unwrap().into_split();
        let whole = Bytes::from(data.clone());
        let sender = tokio::spawn(async move {
            send.send(whole).await.unwrap();
            send.finish();
            send
        });
        let mut far = soon(server.accept()).await.unwrap();
        let mut back = Vec::new();
        soon(far.read_to_end(&mut back)).await.unwrap();
        assert_eq!(back, data);
        drop(soon(sender).await.unwrap());
        far.shutdown().await.unwrap();
        assert_eq!(soon(recv.recv()).await, Ok(None));
    }
}

#[tokio::test]
async fn a_stream_that_is_dropped_is_given_up() {
    let (client, server) = pair(&Config::version_2());
    let near = client.open().unwrap();
    let mut far = soon(server.accept()).await.unwrap();
    drop(near);
    assert_eq!(soon(far.split().0.recv()).await, Err(Error::Reset));
    assert_eq!(far.split().1.reserve().await, Err(Error::Reset));

    // Without that frame, the peer sees the end of data.
    let (client, server) = pair(&Config::version_1());
    let near = client.open().unwrap();
    let mut far = soon(server.accept()).await.unwrap();
    drop(near);
    assert_eq!(soon(far.split().0.recv()).await, Ok(None));
}

/// A reader that leaves early stops a writer that would go on for ever.
#[tokio::test]
async fn a_reader_that_leaves_stops_the_writer() {
    let (client, server) = pair(&Config::version_2());
    let (recv, mut send) = client.open().unwrap().into_split();
    send.send(Bytes::from_static(b"go")).await.unwrap();
    send.finish();
    let (_, mut far_send) = soon(server.accept()).await.unwrap().into_split();
    drop((recv, send));
    let outcome = soon(async {
        loop {
            if let Err(error) = far_send.send(Bytes::from(vec![0; 10_000])).await {
                return error;
            }
        }
    })
    .await;
    assert_eq!(outcome, Error::Reset);
}

#[tokio::test]
async fn a_lost_pipe_fails_everything_and_keeps_what_arrived() {
    for config in versions() {
        let (near, far) = tokio::io::duplex(64 * 1024);
        let (client, client_task) = driven(near, &config, Role::Client);
        let (server, server_task) = driven(far, &config, Role::Server);
        let (mut recv, _send) = client.open().unwrap().into_split();
        let (_far_recv, mut far_send) = soon(server.accept()).await.unwrap().into_split();
        far_send
            .send(Bytes::from_static(b"last words"))
            .await
            .unwrap();
        soon(far_send.flush()).await.unwrap();
        server.close();
        assert_eq!(soon(server_task).await.unwrap(), Err(Error::Closed));
        assert_eq!(soon(client_task).await.unwrap(), Err(Error::Ended));
        assert_eq!(
            soon(recv.recv()).await,
            Ok(Some(Bytes::from_static(b"last words")))
        );
        assert_eq!(soon(recv.recv()).await, Err(Error::Ended));
        assert_eq!(client.open().unwrap_err(), Error::Ended);
        assert!(soon(server.accept()).await.is_err());
    }
}

#[tokio::test]
async fn a_session_that_everybody_left_ends_in_good_order() {
    let (near, far) = tokio::io::duplex(64 * 1024);
    let config = Config::version_1();
    let (client, task) = driven(near, &config, Role::Client);
    let (server, _server_task) = driven(far, &config, Role::Server);
    let mut stream = client.open().unwrap();
    stream.write_all(b"bye").await.unwrap();
    stream.shutdown().await.unwrap();
    drop((stream, client));
    assert_eq!(soon(task).await.unwrap(), Ok(()));
    let mut heard = String::new();
    let mut far = soon(server.accept()).await.unwrap();
    soon(far.read_to_string(&mut heard)).await.unwrap();
    assert_eq!(heard, "bye");
}
