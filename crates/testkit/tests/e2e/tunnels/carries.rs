//! What goes through a tunnel of the CLI.

use std::io::{Read as _, Write as _};
use std::net::Shutdown;

use serde_json::json;
use testkit::{Tunnel, eventually};

use super::target::{Service, exchange, unused_port};
use super::{TUNNELS, scene};

#[test]
fn bytes_go_both_ways_on_many_connections_at_once() {
    let scene = scene();
    let service = Service::echo();
    let tunnel = Tunnel::open(&scene.cli, "host", service.port, &[]);
    exchange(&mut tunnel.connect(), b"hello");
    let big: Vec<u8> = (0..3_000_000u32).map(|i| (i % 251) as u8).collect();
    exchange(&mut tunnel.connect(), &big);
    std::thread::scope(|threads| {
        for number in 0..100u8 {
            let mut stream = tunnel.connect();
            threads.spawn(move || {
                for length in [1, 100, 70_000] {
                    exchange(&mut stream, &vec![number; length]);
                }
            });
        }
    });
}

/// The end of input is not the end of the answer.
#[test]
fn one_direction_can_end_before_the_other() {
    let scene = scene();
    let service = Service::count();
    let tunnel = Tunnel::open(&scene.cli, "host", service.port, &[]);
    let mut stream = tunnel.connect();
    stream.write_all(&[1; 100_000]).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert_eq!(answer, "100000 bytes");
}

#[test]
fn a_target_that_refuses_ends_the_connection_and_not_the_tunnel() {
    let scene = scene();
    let tunnel = Tunnel::open(&scene.cli, "host", unused_port(), &[]);
    for _ in 0..3 {
        let mut stream = tunnel.connect();
        // An end or a reset, not silence.
        let ended = stream.read(&mut [0; 1]);
        assert!(matches!(ended, Ok(0) | Err(_)), "{ended:?}");
    }
    assert!(tunnel.stderr().contains("Tunnel ready"));
    assert!(!tunnel.stderr().contains("lost"), "{}", tunnel.stderr());
}

/// One that reads nothing, among others that do.
#[test]
fn a_stalled_reader_holds_up_nobody() {
    let scene = scene();
    let flood = Service::endless();
    let tunnel = Tunnel::open(&scene.cli, "host", flood.port, &[]);
    let stalled: Vec<_> = (0..3).map(|_| tunnel.connect()).collect();
    let mut other = tunnel.connect();
    let mut rest = 20_000_000;
    let mut buffer = [0; 64 * 1024];
    while rest > 0 {
        let read = other.read(&mut buffer).unwrap();
        assert_ne!(read, 0);
        rest -= read.min(rest);
    }
    drop(stalled);
}

#[test]
fn the_command_has_the_tunnel_and_its_status_is_passed_through() {
    let scene = scene();
    let service = Service::count();
    let port = service.port.to_string();
    let run = |line: &str| {
        scene.cli.run(&[
            "tunnel", "host", "-l", "0", "-r", &port, "--", "sh", "-c", line,
        ])
    };
    run("exit 7")
        .exits(7)
        .stderr_has("[alpacon tunnel] CONNECTED 127.0.0.1:");
    run("true")
        .exits(0)
        .stderr_has(&format!(" -> host:{port}\n"));
    run("kill -9 $$").exits(1);
    let free = unused_port().to_string();
    let line = format!("exec 3<>/dev/tcp/127.0.0.1/{free}; printf hello >&3; exec 3>&-");
    scene
        .cli
        .run(&[
            "tunnel", "-l", &free, "-r", &port, "host", "--", "bash", "-c", &line,
        ])
        .exits(0);
    eventually("the service was reached", || {
        (service.connections() == 1).then_some(())
    });
    scene
        .cli
        .run(&[
            "tunnel",
            "host",
            "-l",
            "0",
            "-r",
            &port,
            "--",
            "/no/such/program",
        ])
        .exits(1)
        .stderr_has("cannot run /no/such/program");
}

#[test]
fn signals_end_it_in_good_order_and_it_says_what_went_through() {
    let scene = scene();
    let service = Service::echo();
    for signal in ["INT", "TERM"] {
        let mut tunnel = Tunnel::open(&scene.cli, "host", service.port, &["--output", "json"]);
        exchange(&mut tunnel.connect(), &[5; 2048]);
        tunnel.signal(signal);
        assert_eq!(tunnel.ended(), Some(0), "{}", tunnel.stderr());
        let events = tunnel.events();
        assert_eq!(events[0]["event"], "ready");
        assert_eq!(events[0]["local_port"], tunnel.port());
        assert_eq!(events[0]["remote_port"], service.port);
        assert_eq!(events[1]["event"], "closed");
        assert_eq!(events[1]["connections"], 1);
        assert_eq!(events[1]["bytes_sent"], 2048);
        assert_eq!(events[1]["bytes_received"], 2048);
        let said = tunnel.stderr();
        assert!(
            said.contains("1 connection, 2.0 KiB sent, 2.0 KiB received"),
            "{said}"
        );
    }
}

#[test]
fn signals_are_passed_on_to_the_command() {
    let scene = scene();
    let service = Service::echo();
    let port = service.port.to_string();
    let line = "trap 'exit 42' INT TERM; echo up >&2; while :; do sleep 0.05; done";
    for signal in ["INT", "TERM"] {
        let mut tunnel = Tunnel::start(
            &scene.cli,
            &[
                "tunnel", "host", "-l", "0", "-r", &port, "--", "sh", "-c", line,
            ],
        );
        eventually("the command runs", || {
            tunnel.stderr().contains("up\n").then_some(())
        });
        tunnel.signal(signal);
        assert_eq!(tunnel.ended(), Some(42), "{}", tunnel.stderr());
    }
}

/// Who, where, how many bytes: in the tunnel, its connections, and the timeline.
#[test]
fn connections_are_recorded() {
    let scene = scene();
    let service = Service::echo();
    let tunnel = Tunnel::open(&scene.cli, "host", service.port, &[]);
    let mut stream = tunnel.connect();
    let source_port = stream.local_addr().unwrap().port();
    exchange(&mut stream, &[1; 1000]);
    let opened = scene.only_tunnel();
    let id = opened["id"].as_str().unwrap();
    let connections = format!("{TUNNELS}{id}/connections/");
    let open = scene
        .system
        .wait_for(&connections, |page| page["results"].get(0).cloned());
    assert_eq!(open["outcome"], "open");
    assert_eq!(open["closed_at"], json!(null));
    drop(stream);
    let closed = scene.system.wait_for(&connections, |page| {
        page["results"][0]["closed_at"].as_str()?;
        Some(page["results"][0].clone())
    });
    assert_eq!(closed["port"], service.port);
    assert_eq!(closed["source_port"], source_port);
    assert_eq!(closed["bytes_sent"], 1000);
    assert_eq!(closed["bytes_received"], 1000);

    drop(tunnel);
    assert_eq!(scene.close_reason(id), "The client left.");
    let timeline = scene
        .cli
        .run(&[
            "work-session",
            "timeline",
            "--output",
            "json",
            &scene.session,
        ])
        .exits(0)
        .json();
    let item = &timeline["timeline"][0];
    assert_eq!(item["type"], "tunnel", "{timeline}");
    let path = format!("/api/work-sessions/sessions/{}/timeline/", scene.session);
    let page = scene.user().get(&path).expect(200).json();
    let item = &page["results"][0];
    assert_eq!(item["target_port"], service.port);
    assert_eq!(item["connections"], 1);
    assert_eq!(item["bytes_sent"], 1000);
    assert!(item["closed_at"].is_string());
    let (verified, said) = scene.system.verify_audit();
    assert!(verified, "{said}");
}
