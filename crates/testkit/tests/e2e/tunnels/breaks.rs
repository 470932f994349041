//! Programs that end in the middle: the local port stays.

use std::io::Read as _;
use std::net::TcpStream;

use testkit::{Tunnel, eventually};

use super::target::{Service, exchange};
use super::{Scene, scene};

/// A tunnel with a connection that has carried something, and its id.
fn carrying(scene: &Scene) -> (Service, Tunnel, TcpStream, String) {
    let service = Service::echo();
    let tunnel = Tunnel::open(&scene.cli, "host", service.port, &[]);
    let mut stream = tunnel.connect();
    exchange(&mut stream, b"before");
    let id = scene.only_tunnel()["id"].as_str().unwrap().to_owned();
    (service, tunnel, stream, id)
}

/// A connection after the break works; one that was open ends.
fn recovers(tunnel: &Tunnel, mut open: TcpStream) {
    let ended = open.read(&mut [0; 1]);
    assert!(matches!(ended, Ok(0) | Err(_)), "{ended:?}");
    eventually("the tunnel is open again", || {
        tunnel
            .stderr()
            .contains("the tunnel is open again")
            .then_some(())
    });
    exchange(&mut tunnel.connect(), b"again");
}

#[test]
fn a_server_that_restarts() {
    let scene = scene();
    let (_service, tunnel, stream, first) = carrying(&scene);
    let _status = scene.system.stop_server();
    scene.system.restart_server();
    recovers(&tunnel, stream);
    let reason = scene.close_reason(&first);
    assert_eq!(reason, "The server was restarted.");
}

#[test]
fn a_server_that_is_killed() {
    let scene = scene();
    let (_service, tunnel, stream, first) = carrying(&scene);
    scene.system.kill_server();
    scene.system.restart_server();
    recovers(&tunnel, stream);
    let reason = scene.close_reason(&first);
    assert_eq!(reason, "The server was restarted.");
}

#[test]
fn an_agent_that_is_killed() {
    let scene = scene();
    let (_service, tunnel, stream, first) = carrying(&scene);
    scene.agent.kill();
    let reason = scene.close_reason(&first);
    assert_eq!(reason, "The connection of the agent ended.");
    scene.agent.restart();
    recovers(&tunnel, stream);
}

#[test]
fn an_agent_that_is_away_is_told_at_once() {
    let scene = scene();
    scene.agent.kill();
    scene.system.wait_connected(scene.agent.id(), false);
    scene
        .cli
        .run(&["tunnel", "host", "-l", "0", "-r", "22"])
        .exits(1)
        .stderr_has("not connected");
}

/// Connections made while the tunnel is broken are carried when it is open again.
#[test]
fn a_connection_in_the_gap_waits() {
    let scene = scene();
    let service = Service::echo();
    let tunnel = Tunnel::open(&scene.cli, "host", service.port, &[]);
    exchange(&mut tunnel.connect(), b"before");
    let _status = scene.system.stop_server();
    eventually("the loss is noticed", || {
        tunnel.stderr().contains("lost").then_some(())
    });
    let mut waiting = tunnel.connect();
    scene.system.restart_server();
    exchange(&mut waiting, b"in the gap");
}
