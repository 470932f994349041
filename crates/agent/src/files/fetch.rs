//! From the store into a file.

use std::fs::File;
use std::io::Write as _;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use bytes::Bytes;
use reqwest::header::{AUTHORIZATION, CONTENT_RANGE, ETAG, HeaderValue, IF_RANGE, RANGE};
use reqwest::{Response, StatusCode};
use transport::save::{Saved, Saving};

use super::attempt::{ATTEMPTS, Failed, disk, pause};
use super::client::{StoreClient, chain, refusal};
use crate::hex;

/// The store may be silent for this long: it may itself wait for the sender.
const SILENCE: Duration = Duration::from_secs(180);

/// A file being filled from its start.
struct Filling {
    saving: Saving,
    limit: u64,
    /// Names what is being fetched, where the store does.
    tag: Option<HeaderValue>,
}

/// Fetches `url` into `file`, which is empty. A broken connection is taken up
/// where it broke, if the store can.
///
/// # Errors
/// Says why; the file then holds part of the content.
pub(super) async fn fetch(
    client: &StoreClient,
    url: &str,
    file: &File,
    limit: u64,
) -> Result<Saved, String> {
    let file = file.try_clone().map_err(|error| disk(&error))?;
    let mut filling = Filling {
        saving: Saving::into(file),
        limit,
        tag: None,
    };
    let mut failures = 0;
    loop {
        let before = filling.size();
        let reason = match attempt(client, url, &mut filling).await {
            Ok(()) => return filling.saving.finish().await.map_err(|error| disk(&error)),
            Err(Failed::ForGood(reason)) => return Err(reason),
            Err(Failed::ForNow(reason)) => reason,
        };
        failures = if filling.size() > before {
            1
        } else {
            failures + 1
        };
        if failures >= ATTEMPTS {
            return Err(format!("download failed: {reason}"));
        }
        tracing::info!(reason, at = filling.size(), "fetching again");
        pause(failures).await;
    }
}

async fn attempt(client: &StoreClient, url: &str, filling: &mut Filling) -> Result<(), Failed> {
    let mut request = client.http.http().get(url);
    if let Some(credentials) = client.credentials_for(url) {
        request = request.header(AUTHORIZATION, credentials);
    }
    // Only what has a name can be known to be the same still.
    if let Some(tag) = filling.tag.clone().filter(|_| filling.size() > 0) {
        request = request
            .header(RANGE, format!("bytes={}-", filling.size()))
            .header(IF_RANGE, tag);
    }
    let sent = tokio::time::timeout(SILENCE, client.http.get(request)).await;
    let mut response = match sent {
        Ok(Ok(response)) => response,
        Ok(Err(error)) => return Err(Failed::ForNow(chain(&error))),
        Err(_) => return Err(Failed::ForNow("the store does not answer".to_owned())),
    };
    accept(filling, &response).await?;
    if !response.status().is_success() {
        let status = response.status();
        let reason = format!("download failed: {}", refusal(response).await);
        let again = status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS;
        return Err(match again {
            true => Failed::ForNow(reason),
            false => Failed::ForGood(reason),
        });
    }
    loop {
        match tokio::time::timeout(SILENCE, response.chunk()).await {
            Ok(Ok(Some(bytes))) => filling.add(bytes).await.map_err(Failed::ForGood)?,
            Ok(Ok(None)) => return Ok(()),
            Ok(Err(error)) => return Err(Failed::ForNow(chain(&error))),
            Err(_) => return Err(Failed::ForNow("the store fell silent".to_owned())),
        }
    }
}

/// Makes sure that what comes now follows what is there.
async fn accept(filling: &mut Filling, response: &Response) -> Result<(), Failed> {
    if filling.size() > 0 && response.status() == StatusCode::PARTIAL_CONTENT {
        let range = response.headers().get(CONTENT_RANGE);
        let starts = format!("bytes {}-", filling.size());
        let fits = range
            .and_then(|value| value.to_str().ok())
            .is_some_and(|value| value.starts_with(&starts));
        if !fits {
            return Err(Failed::ForGood(
                "download failed: the store goes on at another place".to_owned(),
            ));
        }
    } else if filling.size() > 0 && response.status().is_success() {
        // It starts over; so do we.
        let restarted = filling.saving.restart().await;
        restarted.map_err(|error| Failed::ForGood(disk(&error)))?;
    }
    filling.tag = response
        .headers()
        .get(ETAG)
        .filter(|tag| !tag.as_bytes().starts_with(b"W/"))
        .cloned();
    let announced = response.content_length().unwrap_or(0);
    filling.require_room(announced).map_err(Failed::ForGood)
}

impl Filling {
    fn size(&self) -> u64 {
        self.saving.taken()
    }

    fn require_room(&self, more: u64) -> Result<(), String> {
        if self.size().saturating_add(more) <= self.limit {
            return Ok(());
        }
        Err(format!(
            "the file is larger than this agent takes ({} bytes)",
            self.limit
        ))
    }

    async fn add(&mut self, bytes: Bytes) -> Result<(), String> {
        self.require_room(bytes.len() as u64)?;
        let taken = self.saving.take(bytes).await;
        taken.map_err(|error| disk(&error))
    }
}

/// Writes what an order carries itself.
///
/// # Errors
/// When the disk does not take it.
pub(super) fn write(content: &[u8], mut file: &File) -> Result<Saved, String> {
    file.write_all(content).map_err(|error| disk(&error))?;
    Ok(Saved {
        size: content.len() as u64,
        sha256: hex::encode(digest(&SHA256, content).as_ref()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_limit_holds() {
        let mut filling = Filling {
            saving: Saving::into(tempfile::tempfile().unwrap()),
            limit: 3,
            tag: None,
        };
        filling.add(Bytes::from_static(b"abc")).await.unwrap();
        let refused = filling.add(Bytes::from_static(b"d")).await.unwrap_err();
        assert!(refused.contains("larger"), "{refused}");
    }
}
