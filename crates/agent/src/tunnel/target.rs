//! Connections to this host, made as `nobody`.
//!
//! A socket belongs to whoever made it: firewall rules by user, and services that
//! look up the user of a local peer, would see root. So one thread takes the file
//! identity of `nobody` for good and makes the sockets. Nothing else of its
//! credentials changes: a process of `nobody` can neither signal nor trace it.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::OnceLock;
use std::sync::mpsc;

use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::oneshot;

use crate::sys;

/// The account that connections are made as.
const ACCOUNT: &str = "nobody";

type Reply = oneshot::Sender<io::Result<TcpSocket>>;

/// Makes connections to the loopback address.
#[derive(Debug, Default)]
pub(super) struct Dialer {
    maker: OnceLock<mpsc::Sender<Reply>>,
}

impl Dialer {
    /// Connects to `port`.
    ///
    /// # Errors
    /// When there is no socket, or nobody listens.
    pub(super) async fn connect(&self, port: u16) -> io::Result<TcpStream> {
        let socket = if rustix::process::geteuid().is_root() {
            self.make().await?
        } else {
            TcpSocket::new_v4()?
        };
        let address = SocketAddrV4::new(Ipv4Addr::LOCALHOST, port);
        let stream = socket.connect(address.into()).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    async fn make(&self) -> io::Result<TcpSocket> {
        let maker = match self.maker.get() {
            Some(maker) => maker,
            None => {
                let started = start()?;
                self.maker.get_or_init(|| started)
            }
        };
        let (reply, socket) = oneshot::channel();
        let gone = || io::Error::other("the thread that makes sockets is gone");
        maker.send(reply).map_err(|_| gone())?;
        socket.await.map_err(|_| gone())?
    }
}

/// Starts the thread. It fails here rather than make a socket as root.
fn start() -> io::Result<mpsc::Sender<Reply>> {
    let account = nix::unistd::User::from_name(ACCOUNT)?
        .ok_or_else(|| io::Error::other("there is no account nobody to connect as"))?;
    let runtime = tokio::runtime::Handle::current();
    let (sender, requests) = mpsc::channel::<Reply>();
    let (ready, is_ready) = mpsc::sync_channel(1);
    std::thread::Builder::new()
        .name("sockets".to_owned())
        .spawn(move || {
            let _runtime = runtime.enter();
            let changed = sys::take_file_identity(account.uid, account.gid);
            let is_changed = changed.is_ok();
            if ready.send(changed).is_err() || !is_changed {
                return;
            }
            while let Ok(reply) = requests.recv() {
                // The stream may have been given up meanwhile.
                let _unwanted = reply.send(TcpSocket::new_v4());
            }
        })?;
    is_ready
        .recv()
        .map_err(|_| io::Error::other("the thread that makes sockets did not start"))??;
    Ok(sender)
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd as _;

    use super::*;

    #[tokio::test]
    async fn connections_reach_the_loopback_address_only() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let stream = Dialer::default().connect(port).await.unwrap();
        assert!(stream.peer_addr().unwrap().ip().is_loopback());
    }

    /// The kernel's table of connections shows whose they are.
    #[tokio::test]
    async fn connections_of_a_root_agent_belong_to_nobody() {
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let stream = Dialer::default().connect(port).await.unwrap();
        assert!(stream.as_raw_fd() > 0);
        // Both ends: an old connection of the same local port may linger, and shows as root's.
        let end = |address: std::net::SocketAddr| format!(":{:04X}", address.port());
        let local = end(stream.local_addr().unwrap());
        let remote = end(stream.peer_addr().unwrap());
        let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
        let row: Vec<&str> = table
            .lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>())
            .find(|row| {
                let ends = |at: usize, port: &str| row.get(at).is_some_and(|it| it.ends_with(port));
                ends(1, &local) && ends(2, &remote)
            })
            .unwrap();
        let nobody = nix::unistd::User::from_name("nobody").unwrap().unwrap();
        assert_eq!(row[7], nobody.uid.as_raw().to_string());
        // This thread, and all others, are who they were.
        assert!(nix::unistd::geteuid().is_root());
        std::fs::File::open("/etc/shadow").unwrap();
    }
}
