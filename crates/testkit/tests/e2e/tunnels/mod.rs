//! Tunnels: what goes through them, who may open them, and what breaks.

mod authority;
mod breaks;
mod carries;
mod client;
mod hostile;
mod peers;
mod target;

use serde_json::{Value, json};
use testkit::{Agent, Api, Cli, System};

use crate::{create_session, id};

const TUNNELS: &str = "/api/websh/tunnels/";

struct Scene {
    system: System,
    agent: Agent,
    cli: Cli,
    session: String,
}

/// A system with an agent, and a CLI that holds a session for tunnels.
fn scene() -> Scene {
    let system = System::start();
    let agent = system.agent("host");
    let cli = system.cli_with_password();
    let session = cli.open_session("host", "tunnel");
    Scene {
        system,
        agent,
        cli,
        session,
    }
}

impl Scene {
    /// A password login, which the gate applies to.
    fn user(&self) -> Api {
        self.system.api_with_password()
    }

    /// Opens a tunnel over REST and gives the answer.
    #[track_caller]
    fn granted(&self, port: u16) -> Value {
        self.user()
            .post(
                TUNNELS,
                &request(self.agent.id(), port, Some(&self.session)),
            )
            .expect(201)
            .json()
    }

    /// Waits until the tunnel shows what `wanted` looks for.
    #[track_caller]
    fn wait_for<T>(&self, tunnel: &str, wanted: impl Fn(&Value) -> Option<T>) -> T {
        self.system.wait_for(&format!("{TUNNELS}{tunnel}/"), wanted)
    }

    /// Waits until the tunnel is closed; why it was.
    #[track_caller]
    fn close_reason(&self, tunnel: &str) -> String {
        self.wait_for(tunnel, |tunnel| {
            tunnel["closed_at"].as_str()?;
            Some(tunnel["close_reason"].as_str()?.to_owned())
        })
    }

    /// The one tunnel there is.
    #[track_caller]
    fn only_tunnel(&self) -> Value {
        let page = self.system.api().get(TUNNELS).expect(200).json();
        assert_eq!(page["count"], 1, "{page}");
        page["results"][0].clone()
    }
}

/// What the public CLI posts.
fn request(server: &str, port: u16, session: Option<&str>) -> Value {
    let mut body = json!({
        "server": server,
        "target_port": port,
        "username": "",
        "groupname": "",
        "client_type": "cli",
    });
    if let Some(session) = session {
        body["work_session"] = json!(session);
    }
    body
}

fn session_with_ports(scene: &Scene, ports: &[&str]) -> String {
    id(&create_session(
        &scene.user(),
        scene.agent.id(),
        &["tunnel"],
        &json!({"allow_ports": ports}),
    ))
}
