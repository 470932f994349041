//! Terminals (`agent-channels.md` §2): a login shell behind a pseudo-terminal, whose
//! bytes go over a WebSocket that the server names.
//!
//! [`spawn`] starts the shell, [`session`] moves bytes until it is over, [`link`] is one
//! connection. A lost connection is taken up again within a minute; to a server of ours
//! without a lost or doubled byte ([`protocol::terminal`]).

mod link;
mod process;
mod session;
mod spawn;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use protocol::websh::OpenPty;
use rustix::process::Rlimit;
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

use crate::auth_socket::Tracker;
use crate::executor::{Own, StopSignals};
use crate::server::Server;

/// Terminals at once.
const MAX_TERMINALS: usize = 1024;
/// Longest id we accept; it appears in logs.
const MAX_ID: usize = 64;
/// Wishes that may wait for a terminal.
const WISHES: usize = 8;

/// What a terminal may be asked for by an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wish {
    /// A new size.
    Resize { rows: u16, cols: u16 },
    /// Have the program paint anew.
    Refresh,
}

/// The terminals of this agent. Clones share everything.
#[derive(Clone)]
pub(crate) struct Terminals(Arc<Shared>);

struct Shared {
    server: Server,
    own: Own,
    open_files: Option<Rlimit>,
    tracker: Tracker,
    open: Mutex<HashMap<String, mpsc::Sender<Wish>>>,
    tasks: TaskTracker,
}

impl Terminals {
    #[must_use]
    pub(crate) fn new(
        server: Server,
        own: Own,
        open_files: Option<Rlimit>,
        tracker: Tracker,
    ) -> Self {
        Self(Arc::new(Shared {
            server,
            own,
            open_files,
            tracker,
            open: Mutex::default(),
            tasks: TaskTracker::new(),
        }))
    }

    /// Opens a terminal, which goes on in the background and ends with `stop`.
    ///
    /// # Errors
    /// When the order cannot be carried out; why.
    pub(crate) fn open(&self, order: OpenPty, stop: &StopSignals) -> Result<(), String> {
        check(&order)?;
        let url = self.0.server.own_websocket_url(&order.url)?;
        let (wish, wishes) = mpsc::channel(WISHES);
        {
            let mut open = self.lock();
            if open.contains_key(&order.session_id) {
                return Err(format!("the terminal {} is open already", order.session_id));
            }
            if open.len() >= MAX_TERMINALS {
                return Err("too many terminals are open; try again later".to_owned());
            }
            open.insert(order.session_id.clone(), wish);
        }
        let stop = StopSignals {
            // The order was carried out when it was accepted; a terminal has no limit
            // of its own.
            cancel: tokio_util::sync::CancellationToken::new(),
            deadline: None,
            ..stop.clone()
        };
        let terminals = self.clone();
        self.0.tasks.spawn(async move {
            let id = order.session_id.clone();
            session::run(&terminals.0, order, url, wishes, &stop).await;
            terminals.lock().remove(&id);
        });
        Ok(())
    }

    /// Changes the size of a terminal.
    ///
    /// # Errors
    /// When there is none of this id.
    pub(crate) fn resize(&self, id: &str, rows: u16, cols: u16) -> Result<(), String> {
        if rows == 0 || cols == 0 {
            return Err("rows and cols must be at least 1".to_owned());
        }
        self.wish(id, Wish::Resize { rows, cols })
    }

    /// Has the program in a terminal paint anew.
    ///
    /// # Errors
    /// When there is none of this id.
    pub(crate) fn refresh(&self, id: &str) -> Result<(), String> {
        self.wish(id, Wish::Refresh)
    }

    fn wish(&self, id: &str, wish: Wish) -> Result<(), String> {
        let sender = self.lock().get(id).cloned();
        match sender {
            Some(sender) if sender.try_send(wish).is_ok() => Ok(()),
            Some(_) => Err("the terminal is busy; try again".to_owned()),
            None => Err("invalid session ID".to_owned()),
        }
    }

    /// Waits until every terminal has ended; they were told to by the daemon's end.
    pub(crate) async fn finish(&self) {
        self.0.tasks.close();
        self.0.tasks.wait().await;
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, mpsc::Sender<Wish>>> {
        self.0.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn check(order: &OpenPty) -> Result<(), String> {
    let is_id = (1..=MAX_ID).contains(&order.session_id.len())
        && order
            .session_id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    if !is_id {
        return Err("session_id must be letters, digits, - and _".to_owned());
    }
    if order.username.is_empty() {
        return Err("username is missing".to_owned());
    }
    let texts = [&order.username, &order.home_directory, &order.shell];
    if texts.iter().any(|text| text.contains('\0')) {
        return Err("the order holds a NUL character".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_that_make_no_sense_are_refused() {
        let order = OpenPty {
            session_id: "0195-aB_9".to_owned(),
            username: "root".to_owned(),
            ..OpenPty::default()
        };
        assert_eq!(check(&order), Ok(()));
        type Change = fn(&mut OpenPty);
        let wrong: [Change; 4] = [
            |order| order.session_id = String::new(),
            |order| order.session_id = "../x".to_owned(),
            |order| order.username = String::new(),
            |order| order.shell = "/bin/ba\0sh".to_owned(),
        ];
        for change in wrong {
            let mut order = order.clone();
            change(&mut order);
            assert!(check(&order).is_err(), "{order:?}");
        }
    }
}
