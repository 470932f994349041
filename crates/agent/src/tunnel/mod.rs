//! Tunnels (`agent-channels.md` §5): streams of a WebSocket become connections to one
//! port on this host's loopback address.
//!
//! The server enforces which port; this enforces it again. Connections are made as
//! `nobody`, so that no service takes them for root's ([`target`]).

mod run;
mod stream;
mod target;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use protocol::tunnel::OpenTunnel;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::executor::StopSignals;
use crate::server::Server;

/// Tunnels at once.
const MAX_TUNNELS: usize = 256;
/// Connections of all tunnels at once; more wait.
const MAX_CONNECTIONS: usize = 4096;
/// Longest id we accept; it appears in logs.
const MAX_ID: usize = 64;

/// The tunnels of this agent. Clones share everything.
#[derive(Clone)]
pub(crate) struct Tunnels(Arc<Shared>);

struct Shared {
    server: Server,
    open: Mutex<HashMap<String, CancellationToken>>,
    connections: Arc<Semaphore>,
    target: target::Dialer,
}

impl Tunnels {
    #[must_use]
    pub(crate) fn new(server: Server) -> Self {
        Self(Arc::new(Shared {
            server,
            open: Mutex::default(),
            connections: Arc::new(Semaphore::new(MAX_CONNECTIONS)),
            target: target::Dialer::default(),
        }))
    }

    /// Opens a tunnel, which goes on in the background and ends with `stop`.
    ///
    /// # Errors
    /// When the order cannot be carried out; why.
    pub(crate) fn open(&self, order: OpenTunnel, stop: &StopSignals) -> Result<(), String> {
        check(&order)?;
        let cancel = CancellationToken::new();
        {
            let mut open = self.lock();
            if open.contains_key(&order.session_id) {
                return Err(format!("the tunnel {} is open already", order.session_id));
            }
            if open.len() >= MAX_TUNNELS {
                return Err("too many tunnels are open; try again later".to_owned());
            }
            open.insert(order.session_id.clone(), cancel.clone());
        }
        let stop = StopSignals {
            cancel,
            // The order was carried out when it was accepted; a tunnel has no limit
            // of its own.
            deadline: None,
            ..stop.clone()
        };
        let tunnels = self.clone();
        tokio::spawn(async move {
            let id = order.session_id.clone();
            run::run(&tunnels.0, order, &stop).await;
            tunnels.lock().remove(&id);
        });
        Ok(())
    }

    /// Closes a tunnel.
    ///
    /// # Errors
    /// When there is none of this id.
    pub(crate) fn close(&self, id: &str) -> Result<(), String> {
        match self.lock().get(id) {
            Some(cancel) => {
                cancel.cancel();
                Ok(())
            }
            None => Err("there is no such tunnel".to_owned()),
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, CancellationToken>> {
        self.0.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn check(order: &OpenTunnel) -> Result<(), String> {
    let is_id = (1..=MAX_ID).contains(&order.session_id.len())
        && order
            .session_id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    if !is_id {
        return Err("session_id must be letters, digits, - and _".to_owned());
    }
    match order.client_type.as_str() {
        "" | "cli" | "web" => {}
        "editor" => {
            return Err("editor: not supported by this version of the agent".to_owned());
        }
        _ => return Err("client_type must be cli or web".to_owned()),
    }
    if order.target_port == 0 {
        return Err("target_port must be from 1 to 65535".to_owned());
    }
    if !order.url.starts_with("ws://") && !order.url.starts_with("wss://") {
        return Err("url must start with ws:// or wss://".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order() -> OpenTunnel {
        OpenTunnel {
            session_id: "0195-aB_9".to_owned(),
            url: "wss://h/ws/".to_owned(),
            target_port: 22,
            ..OpenTunnel::default()
        }
    }

    #[test]
    fn orders_that_make_no_sense_are_refused() {
        assert_eq!(check(&order()), Ok(()));
        type Change = fn(&mut OpenTunnel);
        let wrong: [Change; 6] = [
            |order| order.session_id = String::new(),
            |order| order.session_id = "../x".to_owned(),
            |order| order.client_type = "editor".to_owned(),
            |order| order.client_type = "ssh".to_owned(),
            |order| order.target_port = 0,
            |order| order.url = "http://h/".to_owned(),
        ];
        for change in wrong {
            let mut order = order();
            change(&mut order);
            assert!(check(&order).is_err(), "{order:?}");
        }
    }
}
