//! Two sessions connected to each other, or one whose peer the test plays.

use std::time::Duration;

use alpacon_mux::{Config, Role, Session, pipe};
use tokio::io::DuplexStream;
use tokio::task::JoinHandle;

/// Longest wait for anything.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn versions() -> [Config; 2] {
    [Config::version_1(), Config::version_2()]
}

/// A client and a server session, driven in the background.
pub(crate) fn pair(config: &Config) -> (Session, Session) {
    let (near, far) = tokio::io::duplex(256 * 1024);
    (
        driven(near, config, Role::Client).0,
        driven(far, config, Role::Server).0,
    )
}

pub(crate) fn driven(
    socket: DuplexStream,
    config: &Config,
    role: Role,
) -> (Session, JoinHandle<Result<(), alpacon_mux::Error>>) {
    let (session, mut driver) = Session::new(pipe(socket), config.clone(), role);
    let task = tokio::spawn(async move { driver.run().await });
    (session, task)
}

/// Waits, but not for ever.
pub(crate) async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, what)
        .await
        .expect("it takes too long")
}
