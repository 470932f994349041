//! The public peers' ways, spoken by hand: a client that opens a probe and leaves
//! abruptly, and an agent that knows none of our additions.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};
use serde_json::{Value, json};
use testkit::{PublicAgent, System, eventually};

use super::client::{connect, echoes, open, read, runtime, session, soon};
use super::target::Service;
use super::{TUNNELS, request, scene};

#[test]
fn the_public_client_probes_talks_and_leaves_without_a_word() {
    let scene = scene();
    let service = Service::echo();
    let granted = scene.granted(service.port);
    assert_eq!(granted["target_port"], service.port);
    assert_eq!(granted["server"]["id"], scene.agent.id());
    runtime().block_on(async {
        let socket = connect(granted["websocket_url"].as_str().unwrap(), HeaderMap::new()).await;
        let session = session(socket);
        // Its readiness stream: a line, and the end at once.
        drop(open(&session, service.port).await);
        let mut stream = open(&session, service.port).await;
        echoes(&mut stream, "first").await;
        echoes(&mut stream, "second").await;
        session.close();
    });
    let reason = scene.close_reason(granted["id"].as_str().unwrap());
    assert_eq!(reason, "The client left.");
}

/// An order of the backhaul for a tunnel; its arguments.
fn next_order(agent: &mut PublicAgent) -> (String, Value) {
    loop {
        let command = agent.next_command();
        if command["line"] == "opentunnel" {
            assert_eq!(command["shell"], "internal");
            let id = command["id"].as_str().unwrap().to_owned();
            let data = command["data"].as_str().unwrap();
            return (id, serde_json::from_str(data).unwrap());
        }
    }
}

fn public_scene() -> (System, PublicAgent, Value) {
    let system = System::start();
    let agent = system.public_agent("host");
    let user = system.api_with_password();
    let id = agent.id().to_owned();
    let work = crate::id(&crate::create_session(&user, &id, &["tunnel"], &json!({})));
    let granted = user
        .post(TUNNELS, &request(&id, 8082, Some(&work)))
        .expect(201)
        .json();
    (system, agent, granted)
}

/// The headers with which the agent's own credential is shown.
fn agent_headers(system: &System, agent: &PublicAgent, key: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let value = format!("id=\"{}\", key=\"{key}\"", agent.id());
    headers.insert(
        header::AUTHORIZATION,
        HeaderValue::from_str(&value).unwrap(),
    );
    headers.insert(header::ORIGIN, HeaderValue::from_str(system.url()).unwrap());
    headers
}

#[test]
fn the_public_agent_is_given_what_it_expects() {
    let (system, mut agent, granted) = public_scene();
    let (command, order) = next_order(&mut agent);
    agent.ack(&command).expect_success();
    agent.fin(&command, 0, "").expect_success();
    assert_eq!(order["target_port"], 8082);
    assert_eq!(order["client_type"], "cli");
    let id = order["session_id"].as_str().unwrap();
    assert!(id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'));
    let url = order["url"].as_str().unwrap();
    assert!(url.starts_with("ws://"), "{url}");

    let key = agent.key().to_owned();
    // Not without its credential, and not for another server.
    let anonymous = system.anonymous();
    assert_eq!(anonymous.socket_url(url).map(drop).unwrap_err().0, 401);
    let stranger = system.public_agent("other");
    assert_eq!(stranger.api().socket_url(url).map(drop).unwrap_err().0, 401);

    runtime().block_on(async {
        let client =
            session(connect(granted["websocket_url"].as_str().unwrap(), HeaderMap::new()).await);
        // Opened before the agent is there: held back, not lost.
        let mut near = open(&client, 8082).await;
        near.split()
            .1
            .send(Bytes::from_static(b"early"))
            .await
            .unwrap();
        let agent_side = session(connect(url, agent_headers(&system, &agent, &key)).await);
        let mut far = soon(agent_side.accept()).await.unwrap();
        assert_eq!(far.id() % 2, 0, "the server's streams are even");
        let expected = b"{\"remote_port\":\"8082\"}\nearly";
        assert_eq!(read(&mut far, expected.len()).await, expected);
        far.split()
            .1
            .send(Bytes::from_static(b"answer"))
            .await
            .unwrap();
        assert_eq!(read(&mut near, 6).await, b"answer");
        // The target closes: the client sees the end, after all data.
        far.split().1.finish();
        assert_eq!(soon(near.split().0.recv()).await, Ok(None));
        drop((near, far));

        // The client closes: so does the agent's stream.
        let near = open(&client, 8082).await;
        let mut far = soon(agent_side.accept()).await.unwrap();
        read(&mut far, expected.len() - 5).await;
        drop(near);
        assert_eq!(soon(far.split().0.recv()).await, Ok(None));
    });
}

#[test]
fn an_agent_that_refuses_ends_the_tunnel_at_once() {
    let (system, mut agent, granted) = public_scene();
    let client = runtime();
    let socket = client.block_on(connect(
        granted["websocket_url"].as_str().unwrap(),
        HeaderMap::new(),
    ));
    let (command, _order) = next_order(&mut agent);
    agent.ack(&command).expect_success();
    agent.fin(&command, 1, "").expect_success();
    let path = format!("{TUNNELS}{}/", granted["id"].as_str().unwrap());
    let reason = eventually("the tunnel is closed", || {
        let tunnel = system.api().get(&path).expect(200).json();
        tunnel["close_reason"].as_str().map(ToOwned::to_owned)
    });
    assert_eq!(reason, "The agent refused to open the tunnel.");
    drop(socket);
}
