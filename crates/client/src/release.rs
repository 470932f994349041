//! The newest released version (`cli-core.md` §4.3).

use std::time::Duration;

use http::{Method, header};
use serde::Deserialize;

use crate::{Api, Error, decode};

const TIMEOUT: Duration = Duration::from_secs(5);

/// A release.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Release {
    tag_name: String,
    /// Where it can be had.
    pub html_url: String,
}

impl Release {
    /// The version without the `v` of its tag.
    #[must_use]
    pub fn version(&self) -> &str {
        self.tag_name.strip_prefix('v').unwrap_or(&self.tag_name)
    }
}

/// Asks `url` for the newest release.
///
/// # Errors
/// When there is no usable answer within 5 s.
pub async fn latest(api: &Api, url: &str) -> Result<Release, Error> {
    let request = api
        .foreign(Method::GET, url)?
        .header(header::ACCEPT, "application/vnd.github.v3+json")
        .timeout(TIMEOUT);
    let (status, body) = api.exchange(request).await?;
    let release: Release = decode::from_slice(&body).unwrap_or_default();
    if status != 200 || release.tag_name.is_empty() {
        return Err(Error::Decode {
            what: "the update check".to_owned(),
            reason: format!("HTTP {status} without a release"),
        });
    }
    Ok(release)
}
