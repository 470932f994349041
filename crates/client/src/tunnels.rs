//! Tunnels (`rest-operations.md` §9, `realtime-client.md` §5).

use std::time::Duration;

use mux::{Config, Driver, Role, Session};
use protocol::auth::extension;
use protocol::tunnel::{EXTENSIONS_HEADER, INITIAL_WINDOW};
use serde::{Deserialize, Serialize};
use transport::pipe::Pipe;

use crate::{Api, Error};

const PATH: &str = "/api/websh/tunnels/";
/// TCP, TLS and the upgrade together.
const HANDSHAKE: Duration = Duration::from_secs(45);
/// Servers write one frame to a message; a frame has at most 64 KiB.
const MAX_MESSAGE: usize = 1024 * 1024;

/// What is asked for.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Request {
    /// Server id.
    pub server: String,
    /// Port on the server's loopback address.
    pub target_port: u16,
    /// Account; empty: one's own.
    pub username: String,
    /// Group; empty: the account's own.
    pub groupname: String,
    /// `cli`.
    pub client_type: &'static str,
    /// Work session, where one is selected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub work_session: Option<String>,
}

/// A tunnel that was granted.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub struct Granted {
    /// Id, where the server says it.
    pub id: String,
    /// Where to connect; holds a credential.
    pub websocket_url: String,
    /// Additions that may be used there.
    pub extensions: Vec<String>,
}

/// The address holds a credential.
impl std::fmt::Debug for Granted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Granted")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// A connected tunnel: streams, and the driver that moves them.
#[derive(Debug)]
pub struct Link {
    /// Opens streams.
    pub session: Session,
    /// To be run.
    pub driver: Driver<Pipe>,
    /// Streams can be closed in one direction.
    pub is_precise: bool,
}

/// Asks for a tunnel.
///
/// # Errors
/// When the server refuses or cannot be reached.
pub async fn open(api: &Api, request: &Request) -> Result<Granted, Error> {
    api.post(PATH, request).await
}

/// Connects to a tunnel that was granted.
///
/// # Errors
/// When the WebSocket cannot be opened.
pub async fn connect(api: &Api, granted: &Granted) -> Result<Link, Error> {
    let is_precise = granted
        .extensions
        .iter()
        .any(|name| name == extension::TUNNEL_MUX);
    let mut dialer = api.dialer(HANDSHAKE, MAX_MESSAGE)?;
    let config = if is_precise {
        dialer = dialer.with_header(EXTENSIONS_HEADER, extension::TUNNEL_MUX);
        Config {
            initial_window: INITIAL_WINDOW,
            ..Config::version_2()
        }
    } else {
        Config::version_1()
    };
    let socket = dialer.dial(&granted.websocket_url).await?;
    let (session, driver) = Session::new(Pipe::new(socket), config, Role::Client);
    Ok(Link {
        session,
        driver,
        is_precise,
    })
}
