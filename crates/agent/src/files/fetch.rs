//! From the store into a file.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::time::Duration;

use aws_lc_rs::digest::{Context, SHA256};
use reqwest::header::{AUTHORIZATION, CONTENT_RANGE, ETAG, HeaderValue, IF_RANGE, RANGE};
use reqwest::{Response, StatusCode};

use super::attempt::{ATTEMPTS, Failed, disk, pause};
use super::client::{StoreClient, chain, refusal};
use crate::hex;

/// The store may be silent for this long: it may itself wait for the sender.
const SILENCE: Duration = Duration::from_secs(180);
/// A run of zeros of this length becomes a hole.
const HOLE: usize = 4096;

/// What has arrived.
pub(super) struct Content {
    /// Bytes.
    pub(super) size: u64,
    /// SHA-256, lowercase hex.
    pub(super) sha256: String,
}

/// A file being filled from its start.
struct Filling<'a> {
    file: &'a File,
    size: u64,
    digest: Context,
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
) -> Result<Content, String> {
    let mut filling = Filling::new(file, limit);
    let mut failures = 0;
    loop {
        let before = filling.size;
        let reason = match attempt(client, url, &mut filling).await {
            Ok(()) => return filling.finish(),
            Err(Failed::ForGood(reason)) => return Err(reason),
            Err(Failed::ForNow(reason)) => reason,
        };
        failures = if filling.size > before {
            1
        } else {
            failures + 1
        };
        if failures >= ATTEMPTS {
            return Err(format!("download failed: {reason}"));
        }
        tracing::info!(reason, at = filling.size, "fetching again");
        pause(failures).await;
    }
}

async fn attempt(client: &StoreClient, url: &str, filling: &mut Filling<'_>) -> Result<(), Failed> {
    let mut request = client.http.http().get(url);
    if let Some(credentials) = client.credentials_for(url) {
        request = request.header(AUTHORIZATION, credentials);
    }
    // Only what has a name can be known to be the same still.
    if let Some(tag) = filling.tag.clone().filter(|_| filling.size > 0) {
        request = request
            .header(RANGE, format!("bytes={}-", filling.size))
            .header(IF_RANGE, tag);
    }
    let sent = tokio::time::timeout(SILENCE, client.http.get(request)).await;
    let mut response = match sent {
        Ok(Ok(response)) => response,
        Ok(Err(error)) => return Err(Failed::ForNow(chain(&error))),
        Err(_) => return Err(Failed::ForNow("the store does not answer".to_owned())),
    };
    accept(filling, &response)?;
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
            Ok(Ok(Some(bytes))) => filling.add(&bytes).map_err(Failed::ForGood)?,
            Ok(Ok(None)) => return Ok(()),
            Ok(Err(error)) => return Err(Failed::ForNow(chain(&error))),
            Err(_) => return Err(Failed::ForNow("the store fell silent".to_owned())),
        }
    }
}

/// Makes sure that what comes now follows what is there.
fn accept(filling: &mut Filling<'_>, response: &Response) -> Result<(), Failed> {
    if filling.size > 0 && response.status() == StatusCode::PARTIAL_CONTENT {
        let range = response.headers().get(CONTENT_RANGE);
        let starts = format!("bytes {}-", filling.size);
        let fits = range
            .and_then(|value| value.to_str().ok())
            .is_some_and(|value| value.starts_with(&starts));
        if !fits {
            return Err(Failed::ForGood(
                "download failed: the store goes on at another place".to_owned(),
            ));
        }
    } else if filling.size > 0 && response.status().is_success() {
        // It starts over; so do we.
        let file = filling.file;
        file.set_len(0)
            .map_err(|error| Failed::ForGood(error.to_string()))?;
        *filling = Filling::new(file, filling.limit);
    }
    filling.tag = response
        .headers()
        .get(ETAG)
        .filter(|tag| !tag.as_bytes().starts_with(b"W/"))
        .cloned();
    let announced = response.content_length().unwrap_or(0);
    filling.require_room(announced).map_err(Failed::ForGood)
}

impl<'a> Filling<'a> {
    fn new(file: &'a File, limit: u64) -> Self {
        Self {
            file,
            size: 0,
            digest: Context::new(&SHA256),
            limit,
            tag: None,
        }
    }

    fn require_room(&self, more: u64) -> Result<(), String> {
        if self.size.saturating_add(more) <= self.limit {
            return Ok(());
        }
        Err(format!(
            "the file is larger than this agent takes ({} bytes)",
            self.limit
        ))
    }

    fn add(&mut self, bytes: &[u8]) -> Result<(), String> {
        self.require_room(bytes.len() as u64)?;
        self.digest.update(bytes);
        if bytes.len() < HOLE || !is_zero(bytes) {
            self.file
                .write_all_at(bytes, self.size)
                .map_err(|error| disk(&error))?;
        }
        self.size += bytes.len() as u64;
        Ok(())
    }

    fn finish(self) -> Result<Content, String> {
        // Where it ends in a hole.
        let length = self.file.metadata().map_err(|error| disk(&error))?.len();
        if length < self.size {
            self.file.set_len(self.size).map_err(|error| disk(&error))?;
        }
        Ok(Content {
            size: self.size,
            sha256: hex::encode(self.digest.finish().as_ref()),
        })
    }
}

/// Writes what an order carries itself.
///
/// # Errors
/// When the disk does not take it.
pub(super) fn write(content: &[u8], file: &File) -> Result<Content, String> {
    let mut filling = Filling::new(file, u64::MAX);
    filling.add(content)?;
    filling.finish()
}

/// Whether there are only zeros. Most data shows in its first bytes that it is not.
fn is_zero(bytes: &[u8]) -> bool {
    bytes
        .chunks(64)
        .all(|chunk| chunk.iter().fold(0, |all, byte| all | byte) == 0)
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::unix::fs::MetadataExt;

    use super::*;

    #[test]
    fn zeros_become_holes_and_count_all_the_same() {
        let mut file = tempfile::tempfile().unwrap();
        let mut filling = Filling::new(&file, 10_000_000);
        filling.add(b"head").unwrap();
        for _ in 0..64 {
            filling.add(&[0; 65_536]).unwrap();
        }
        let content = filling.finish().unwrap();
        let mut read = Vec::new();
        file.read_to_end(&mut read).unwrap();
        assert_eq!(read.len() as u64, content.size);
        assert!(read.starts_with(b"head\0") && read.ends_with(b"\0"));
        assert!(file.metadata().unwrap().blocks() * 512 < 1_000_000);
        let whole = write(&read, &tempfile::tempfile().unwrap()).unwrap();
        assert_eq!(whole.sha256, content.sha256);
    }

    #[test]
    fn the_limit_holds() {
        let file = tempfile::tempfile().unwrap();
        let mut filling = Filling::new(&file, 3);
        filling.add(b"abc").unwrap();
        assert!(filling.add(b"d").unwrap_err().contains("larger"));
    }
}
