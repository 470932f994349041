//! Clients that mean harm. They harm their own tunnel at most.

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use testkit::Tunnel;
use tokio_tungstenite::tungstenite::Message;

use super::client::{connect, echoes, open, over, runtime, session, soon};
use super::scene;
use super::target::{Service, exchange};

fn url(granted: &serde_json::Value) -> &str {
    granted["websocket_url"].as_str().unwrap()
}

#[test]
fn an_address_lets_in_once_and_no_guess_does() {
    let scene = scene();
    let granted = scene.granted(22);
    let anonymous = scene.system.anonymous();
    let good = url(&granted);
    let (front, token) = good.trim_end_matches('/').rsplit_once('/').unwrap();
    let agent_side = front.replace("/client/", "/agent/");
    for guess in [
        format!("{front}/{}/", "A".repeat(token.len())),
        format!("{front}//"),
        format!("{agent_side}/{token}/"),
        good.replace(
            granted["id"].as_str().unwrap(),
            &uuid::Uuid::now_v7().to_string(),
        ),
    ] {
        let refusal = anonymous.socket_url(&guess).map(drop).unwrap_err();
        assert!(matches!(refusal.0, 401 | 404), "{guess}: {refusal:?}");
    }
    let socket = anonymous.socket_url(good).unwrap();
    assert_eq!(anonymous.socket_url(good).map(drop).unwrap_err().0, 401);
    socket.close();
    assert_eq!(anonymous.socket_url(good).map(drop).unwrap_err().0, 401);
}

/// The port was approved for the tunnel; a stream that asks for another is refused,
/// and that is on record.
#[test]
fn a_stream_to_another_port_is_refused() {
    let scene = scene();
    let (approved, other) = (Service::echo(), Service::echo());
    let granted = scene.granted(approved.port);
    runtime().block_on(async {
        let session = session(connect(url(&granted), http::HeaderMap::new()).await);
        for asked in [other.port.to_string(), "0".to_owned(), "x".to_owned()] {
            let mut stream = session.open().unwrap();
            let line = format!("{{\"remote_port\":\"{asked}\"}}\nhello");
            stream.split().1.send(line.into()).await.unwrap();
            over(&mut stream).await;
        }
        let mut stream = open(&session, approved.port).await;
        echoes(&mut stream, "approved").await;
    });
    assert_eq!(other.connections(), 0);
    let id = granted["id"].as_str().unwrap();
    let refused = scene
        .system
        .wait_for(&format!("{}{id}/connections/", super::TUNNELS), |page| {
            let rows = page["results"].as_array()?;
            let refused: Vec<_> = rows
                .iter()
                .filter(|row| row["outcome"] == "refused")
                .collect();
            (refused.len() == 3).then(|| {
                refused
                    .iter()
                    .map(|row| row["port"].clone())
                    .collect::<Vec<_>>()
            })
        });
    assert!(refused.contains(&other.port.into()), "{refused:?}");
    testkit::eventually("the attempt is in the audit trail", || {
        let denied = scene.system.database().integer(
            "SELECT count(*) FROM audit_records WHERE model = 'tunnel' AND action = 'deny'",
        );
        (denied == 1).then_some(())
    });
}

#[test]
fn whoever_breaks_the_protocol_is_cut_off() {
    let scene = scene();
    let service = Service::echo();
    for garbage in [
        &b"GET / HTTP/1.1\r\n\r\n"[..],
        &[2, 3, 0, 0, 0, 0, 0, 0],
        &[1, 4, 8, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0],
        &[1, 0, 9, 0, 3, 0, 0, 0],
    ] {
        let granted = scene.granted(service.port);
        runtime().block_on(async {
            let mut socket = connect(url(&granted), http::HeaderMap::new()).await;
            let message = Message::binary(Bytes::copy_from_slice(garbage));
            socket.send(message).await.unwrap();
            while let Some(Ok(_)) = soon(socket.next()).await {}
        });
        let reason = scene.close_reason(granted["id"].as_str().unwrap());
        assert_eq!(reason, "The client's connection failed.");
    }
    let tunnel = Tunnel::open(&scene.cli, "host", service.port, &[]);
    exchange(&mut tunnel.connect(), b"others go on");
}

/// Streams that never say what they want go; the others of the tunnel do not wait.
#[test]
fn a_slow_first_line_costs_nobody_else() {
    let scene = scene();
    let service = Service::echo();
    let granted = scene.granted(service.port);
    runtime().block_on(async {
        let session = session(connect(url(&granted), http::HeaderMap::new()).await);
        let mut slow = Vec::new();
        for _ in 0..200 {
            let mut stream = session.open().unwrap();
            stream
                .split()
                .1
                .send(Bytes::from_static(b"{\"remo"))
                .await
                .unwrap();
            slow.push(stream);
        }
        let mut endless = session.open().unwrap();
        endless
            .split()
            .1
            .send(vec![b' '; 5000].into())
            .await
            .unwrap();
        over(&mut endless).await;
        let mut good = open(&session, service.port).await;
        echoes(&mut good, "not held up").await;
        for mut stream in slow {
            over(&mut stream).await;
        }
        echoes(&mut good, "still here").await;
    });
    assert_eq!(service.connections(), 1);
}

/// Ten thousand streams as fast as they can be written. Another tunnel is served
/// meanwhile, and the server stands.
#[test]
fn a_flood_of_streams_is_slowed_down() {
    let scene = scene();
    let service = Service::echo();
    let tunnel = Tunnel::open(&scene.cli, "host", service.port, &[]);
    let granted = scene.granted(service.port);
    let flood = url(&granted).to_owned();
    let port = service.port;
    let flooding = std::thread::spawn(move || {
        runtime().block_on(async {
            let mut socket = connect(&flood, http::HeaderMap::new()).await;
            let line = format!("{{\"remote_port\":\"{port}\"}}\n");
            let encoder = mux::frame::Encoder(mux::frame::Version::V1);
            for number in 0..10_000u32 {
                let id = 3 + 2 * number;
                let mut frames = encoder.syn(id).to_vec();
                frames.extend(encoder.data_header(u16::try_from(line.len()).unwrap(), id));
                frames.extend(line.as_bytes());
                frames.extend(encoder.fin(id));
                if socket.feed(Message::binary(frames)).await.is_err() {
                    return;
                }
            }
            let _cut_off = socket.flush().await;
            while let Some(Ok(_)) = socket.next().await {}
        });
    });
    for _ in 0..50 {
        exchange(&mut tunnel.connect(), b"served meanwhile");
    }
    let id = granted["id"].as_str().unwrap();
    scene
        .user()
        .post(
            &format!("{}{id}/close/", super::TUNNELS),
            &serde_json::json!({}),
        )
        .expect(200);
    flooding.join().unwrap();
    exchange(&mut tunnel.connect(), b"served afterwards");
    scene.system.api().get("/api/status/").expect_success();
}
