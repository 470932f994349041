//! The local port.

use std::io;
use std::net::Ipv4Addr;
use std::time::Duration;

use tokio::net::TcpListener;

use super::forward::Forwarder;
use crate::error::CliError;

/// Pause after the system refused a connection; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const MAX_PAUSE: Duration = Duration::from_secs(1);

/// The local port, open for as long as the command runs.
pub(super) struct Listener {
    listener: TcpListener,
    port: u16,
}

impl Listener {
    /// Opens a port on the loopback address; 0: any.
    pub(super) async fn bind(port: u16) -> Result<Self, CliError> {
        raise_open_files();
        let bound = async {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
            let port = listener.local_addr()?.port();
            io::Result::Ok(Self { listener, port })
        };
        bound.await.map_err(|error| {
            CliError::refusal(format!("cannot listen on 127.0.0.1:{port}: {error}"))
                .with_hint("choose another port, or any free one with --local 0")
        })
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// Takes connections for ever, each in a task of its own.
    pub(super) async fn forward(&self, forwarder: &Forwarder) {
        let mut pause = FIRST_PAUSE;
        loop {
            match self.listener.accept().await {
                Ok((local, peer)) => {
                    pause = FIRST_PAUSE;
                    forwarder.start(local, peer.port());
                }
                // Out of descriptors, or a connection that is gone: it passes.
                Err(_) => {
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(MAX_PAUSE);
                }
            }
        }
    }
}

/// Each connection takes a descriptor.
fn raise_open_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    // Where it cannot be raised, fewer connections fit.
    let _kept = setrlimit(Resource::Nofile, raised);
}
