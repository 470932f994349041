//! `register` and `unregister` (`agent-control.md` §4).

mod cloud;
mod name;
mod register;
mod service;
mod unregister;

use std::time::Duration;

use reqwest::Method;

use crate::config::{Identity, Tls};
use crate::server::{Request, Server};

pub(crate) use self::register::{RegisterOptions, register};
pub(crate) use self::unregister::{UnregisterOptions, unregister};

const UNREGISTER_TIMEOUT: Duration = Duration::from_secs(5);

/// Tells the server to forget `identity`; it may be unreachable or have done so
/// already, which changes nothing here.
async fn forget(identity: &Identity, tls: &Tls) {
    let outcome = async {
        let server = Server::new(identity, tls)?;
        let path = format!("/api/servers/servers/{}/unregister/", identity.id);
        let request = Request::new(Method::DELETE, &path, UNREGISTER_TIMEOUT);
        let (status, _) = server.send(request).await?;
        anyhow::ensure!(status.is_success(), "the server answered {status}");
        anyhow::Ok(())
    };
    if let Err(error) = outcome.await {
        crate::console::warn(&format!(
            "could not unregister {} at {}: {error:#}",
            identity.id, identity.url
        ));
    }
}
