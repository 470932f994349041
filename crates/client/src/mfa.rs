//! The second factor (`cli-core.md` §2.1).

use std::time::Duration;

use serde::Deserialize;
use tokio::time::Instant;

use crate::{Api, Error};

/// The address where the user proves presence. `server` is an id.
///
/// # Errors
/// When the call fails or names no address.
pub async fn link(api: &Api, server: Option<&str>, workspace: &str) -> Result<String, Error> {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Answer {
        mfa_url: String,
    }
    let mut query = vec![
        ("location", "cli".to_owned()),
        ("workspace", workspace.to_owned()),
    ];
    if let Some(server) = server {
        query.push(("server", server.to_owned()));
    }
    let answer: Answer = api.get("/api/auth0/mfa/", &query).await?;
    if answer.mfa_url.is_empty() {
        return Err(Error::Login(
            "the server named no address for MFA".to_owned(),
        ));
    }
    Ok(answer.mfa_url)
}

/// Waits until the user has done it; `false` when `limit` passed.
pub async fn wait(api: &Api, tick: Duration, limit: Duration) -> bool {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Answer {
        completed: bool,
    }
    let deadline = Instant::now() + limit;
    while Instant::now() + tick <= deadline {
        tokio::time::sleep(tick).await;
        // A failed poll is no answer; the deadline decides.
        let answer: Result<Answer, Error> = api.get("/api/auth0/mfa/completion/", &[]).await;
        if answer.is_ok_and(|answer| answer.completed) {
            return true;
        }
    }
    false
}
