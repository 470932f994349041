//! The bytes: to and from the signed URLs of a store (`rest-operations.md` §7.2).
//!
//! A broken connection is taken up where it broke, if the store can: it then tells
//! how much it has ([`UPLOAD_OFFSET_HEADER`]), and gives the rest of what it has
//! (`Range`). Nothing waits without end for a store that fell silent.

use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use protocol::transfer::UPLOAD_OFFSET_HEADER;
use reqwest::{Body, Response, Url};
use tokio::time::Instant;
use transport::content::ContentClient;

use super::body::{FileContent, FolderContent, Pieces, stream_of};
use super::{Meter, TransferError};
use crate::{Api, ApiError};

/// Longest time in which nothing moves. The store may itself wait for a host.
pub(super) const STALL: Duration = Duration::from_secs(300);
/// How often to look whether anything moves.
const LOOK: Duration = Duration::from_secs(5);
/// Attempts in a row that move nothing; together they outlast a restart.
const ATTEMPTS: u32 = 14;
/// Attempts at content that has to start over because the store cannot go on, or
/// because it is made while it is sent.
const STARTS: u32 = 4;
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(4);
/// For an answer without content.
const ANSWER: Duration = Duration::from_secs(30);
/// Bytes of a refusal that are read.
const MAX_REFUSAL: usize = 8 * 1024;
/// Attempts at content that is not there yet, and at a store that throttles.
const MAX_WAITS: u32 = 100;
const MAX_THROTTLED: u32 = 10;
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// One object of a store, by its signed URL.
pub(super) struct Object<'a> {
    client: &'a ContentClient,
    url: Url,
}

/// Why an attempt failed.
enum Broken {
    /// It would fail again.
    ForGood(TransferError),
    /// Somebody else is at it, or was.
    Conflict(TransferError),
    /// Another attempt may go on. With the status, where the store answered.
    ForNow(TransferError, Option<StatusCode>),
}

/// What the store says it has of an upload.
enum Arrived {
    Bytes(u64),
    /// It answers, and does not tell.
    Untold,
    /// It does not answer.
    Nobody,
}

/// Takes content as it comes.
pub(super) trait Sink {
    /// Takes the next bytes.
    fn take(&mut self, bytes: Bytes) -> impl Future<Output = Result<(), TransferError>>;
    /// Forgets everything: the content starts over.
    fn restart(&mut self) -> impl Future<Output = Result<(), TransferError>>;
    /// Bytes taken.
    fn taken(&self) -> u64;
}

impl<'a> Object<'a> {
    pub(super) fn new(api: &'a Api, url: &str) -> Result<Self, TransferError> {
        // The text of the error must not repeat the URL, which is a credential.
        let url = Url::parse(url).map_err(|error| {
            TransferError::Store(format!("the server named an unusable store: {error}"))
        })?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(TransferError::Store(format!(
                "the server named a store of an unknown kind: {}",
                url.scheme()
            )));
        }
        Ok(Self {
            client: api.content_client()?,
            url,
        })
    }

    /// Whether it lies with the server itself and not in a store beside it.
    pub(super) fn is_of(&self, api: &Api) -> bool {
        Url::parse(api.base()).is_ok_and(|base| base.origin() == self.url.origin())
    }

    /// Puts a file.
    pub(super) async fn put_file(
        &self,
        content: &FileContent,
        meter: &Arc<Meter>,
    ) -> Result<(), TransferError> {
        let size = content.size();
        let (mut offset, mut failures, mut starts) = (0, 0, 1);
        loop {
            let before = meter.done();
            let pieces = content.pieces(offset, meter.clone());
            let range = (offset > 0).then_some((offset, size));
            let broken = match self.put(pieces, Some(size - offset), range, meter).await {
                Ok(()) => return Ok(()),
                Err(broken) => broken,
            };
            if let Some(failure) = content.failure() {
                return Err(failure.into());
            }
            // Nothing is all of it: only its answer can have been lost.
            if size == 0 && failures > 0 && matches!(broken, Broken::Conflict(_)) {
                return Ok(());
            }
            let reason = broken.passing(failures > 0 || offset > 0)?;
            failures += 1;
            let arrived = match self.arrived(&mut failures).await {
                Arrived::Bytes(arrived) if arrived <= size => arrived,
                Arrived::Untold if starts < STARTS => {
                    starts += 1;
                    0
                }
                _ => return Err(reason),
            };
            if arrived > offset {
                failures = 0;
            } else if failures >= ATTEMPTS {
                return Err(reason);
            }
            let sent = meter.done() - before;
            meter.retreat((offset + sent).saturating_sub(arrived));
            offset = arrived;
            if size > 0 && offset == size {
                return Ok(());
            }
        }
    }

    /// Puts the archive of a folder. It is packed anew for every attempt.
    pub(super) async fn put_folder(
        &self,
        folder: &Path,
        content: &FolderContent,
        meter: &Arc<Meter>,
    ) -> Result<(), TransferError> {
        let (mut failures, mut starts) = (0, 1);
        loop {
            let meter = meter.part();
            let pieces = content.pieces(folder, meter.clone());
            let broken = match self.put(pieces, None, None, &meter).await {
                Ok(()) => return Ok(()),
                Err(broken) => broken,
            };
            if let Some(failure) = content.failure() {
                return Err(failure.into());
            }
            let reason = broken.passing(failures > 0 || starts > 1)?;
            failures += 1;
            let Arrived::Bytes(arrived) = self.arrived(&mut failures).await else {
                return Err(reason);
            };
            if content.packed_size() == Some(arrived) {
                return Ok(());
            }
            if arrived > 0 {
                (failures, starts) = (0, starts + 1);
            }
            if starts > STARTS || failures >= ATTEMPTS {
                return Err(reason);
            }
            meter.retreat(meter.done());
        }
    }

    async fn put(
        &self,
        pieces: Pieces,
        length: Option<u64>,
        range: Option<(u64, u64)>,
        meter: &Meter,
    ) -> Result<(), Broken> {
        let mut request = self.client.http().put(self.url.clone());
        if let Some(length) = length {
            request = request.header(header::CONTENT_LENGTH, length);
        }
        if let Some((from, size)) = range {
            let range = format!("bytes {from}-{}/{size}", size.saturating_sub(1));
            request = request.header(header::CONTENT_RANGE, range);
        }
        let request = request.body(Body::wrap_stream(stream_of(pieces)));
        let response = tokio::select! {
            response = request.send() => response.map_err(|error| self.cut(&error))?,
            () = stalled(meter) => return Err(self.silent()),
        };
        match response.status() {
            StatusCode::OK | StatusCode::NO_CONTENT => Ok(()),
            status => Err(classified(status, refusal(response).await)),
        }
    }

    /// How much of a broken upload the store has, asked until it answers.
    async fn arrived(&self, failures: &mut u32) -> Arrived {
        while *failures < ATTEMPTS {
            tokio::time::sleep(pause(*failures)).await;
            let request = self.client.http().head(self.url.clone()).timeout(ANSWER);
            match request.send().await {
                Ok(answer) if answer.status().is_server_error() => {}
                Ok(answer) => {
                    let offset = answer.headers().get(UPLOAD_OFFSET_HEADER);
                    let offset = offset.and_then(|offset| offset.to_str().ok()?.parse().ok());
                    return offset.map_or(Arrived::Untold, Arrived::Bytes);
                }
                Err(_) => {}
            }
            *failures += 1;
        }
        Arrived::Nobody
    }

    pub(super) fn client(&self) -> &ContentClient {
        self.client
    }

    pub(super) fn url(&self) -> &Url {
        &self.url
    }

    /// Gets the content, which may not be there yet. `tag` names what `sink` has a part
    /// of, if it has.
    pub(super) async fn get(
        &self,
        sink: &mut impl Sink,
        meter: &Meter,
        mut tag: Option<HeaderValue>,
    ) -> Result<(), TransferError> {
        let (mut failures, mut waits, mut throttled) = (0, 0, 0);
        loop {
            let before = sink.taken();
            let (error, status) = match self.get_from(sink, meter, &mut tag).await {
                Ok(()) => return Ok(()),
                Err(Broken::ForGood(error) | Broken::Conflict(error)) => return Err(error),
                Err(Broken::ForNow(error, status)) => (error, status),
            };
            if sink.taken() > before {
                (failures, waits) = (0, 0);
            }
            let pause = match status {
                Some(status) => {
                    waits += 1;
                    throttled += u32::from(status.is_client_error());
                    if waits >= MAX_WAITS || throttled >= MAX_THROTTLED {
                        return Err(error);
                    }
                    pause(waits.saturating_sub(1)).min(LONGEST_WAIT)
                }
                None => {
                    failures += 1;
                    if failures >= ATTEMPTS {
                        return Err(error);
                    }
                    pause(failures)
                }
            };
            tokio::time::sleep(pause).await;
        }
    }

    /// `tag` tells what the bytes taken so far are part of: they are never continued
    /// with something else.
    async fn get_from(
        &self,
        sink: &mut impl Sink,
        meter: &Meter,
        tag: &mut Option<HeaderValue>,
    ) -> Result<(), Broken> {
        let from = sink.taken();
        let mut request = self.client.http().get(self.url.clone());
        if from > 0 {
            request = request.header(header::RANGE, format!("bytes={from}-"));
            if let Some(tag) = tag.as_ref() {
                request = request.header(header::IF_RANGE, tag);
            }
        }
        let response = tokio::time::timeout(STALL, self.client.get(request))
            .await
            .map_err(|_| self.silent())?
            .map_err(|error| self.cut(&error))?;
        let mut response = match response.status() {
            StatusCode::OK if from == 0 => response,
            StatusCode::OK => {
                meter.retreat(from);
                sink.restart().await.map_err(Broken::ForGood)?;
                response
            }
            StatusCode::PARTIAL_CONTENT if from > 0 && starts_at(&response, from) => response,
            StatusCode::RANGE_NOT_SATISFIABLE if is_whole(&response, from) => return Ok(()),
            status => return Err(classified(status, refusal(response).await)),
        };
        *tag = strong_tag(&response);
        if let Some(left) = response.content_length() {
            meter.expect(sink.taken() + left);
        }
        loop {
            let chunk = tokio::time::timeout(STALL, response.chunk())
                .await
                .map_err(|_| self.silent())?
                .map_err(|error| self.cut(&error))?;
            let Some(bytes) = chunk else { return Ok(()) };
            let count = bytes.len() as u64;
            sink.take(bytes).await.map_err(Broken::ForGood)?;
            meter.advance(count);
        }
    }

    fn cut(&self, error: &(dyn std::error::Error + 'static)) -> Broken {
        let mut cause = error;
        while let Some(source) = cause.source() {
            cause = source;
        }
        let reason = format!("the connection to {} broke: {cause}", self.host());
        Broken::ForNow(TransferError::Store(reason), None)
    }

    fn silent(&self) -> Broken {
        let reason = format!(
            "{} has moved nothing for {} s",
            self.host(),
            STALL.as_secs()
        );
        Broken::ForNow(TransferError::Store(reason), None)
    }

    fn host(&self) -> &str {
        self.url.host_str().unwrap_or("the store")
    }
}

impl Broken {
    /// Why the attempt failed, if another may go on. `again`: it was not the first,
    /// and the store may not have noticed yet that the one before broke.
    fn passing(self, again: bool) -> Result<TransferError, TransferError> {
        match self {
            Self::ForNow(error, _) => Ok(error),
            Self::Conflict(error) if again => Ok(error),
            Self::ForGood(error) | Self::Conflict(error) => Err(error),
        }
    }
}

/// Ends when nothing has moved for [`STALL`].
async fn stalled(meter: &Meter) {
    let (mut last, mut since) = (meter.done(), Instant::now());
    loop {
        tokio::time::sleep(LOOK).await;
        let done = meter.done();
        if done != last {
            (last, since) = (done, Instant::now());
        } else if since.elapsed() >= STALL {
            return;
        }
    }
}

fn pause(failures: u32) -> Duration {
    let factor = 2_u32.saturating_pow(failures.min(8));
    FIRST_PAUSE.saturating_mul(factor).min(LONGEST_PAUSE)
}

/// Weak ones do not promise the same bytes.
pub(super) fn strong_tag(response: &Response) -> Option<HeaderValue> {
    let tag = response.headers().get(header::ETAG)?;
    (!tag.as_bytes().starts_with(b"W/")).then(|| tag.clone())
}

fn starts_at(response: &Response, from: u64) -> bool {
    content_range(response).is_some_and(|range| range.starts_with(&format!("bytes {from}-")))
}

/// The content has exactly as many bytes as we have.
fn is_whole(response: &Response, from: u64) -> bool {
    from > 0 && content_range(response) == Some(&format!("bytes */{from}"))
}

pub(super) fn content_range(response: &Response) -> Option<&str> {
    response.headers().get(header::CONTENT_RANGE)?.to_str().ok()
}

/// What the store says, as far as it says anything.
async fn refusal(mut response: Response) -> String {
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return format!("the store answered HTTP {} unexpectedly", status.as_u16());
    }
    let mut body = Vec::new();
    while body.len() < MAX_REFUSAL {
        match tokio::time::timeout(ANSWER, response.chunk()).await {
            Ok(Ok(Some(bytes))) => body.extend_from_slice(&bytes),
            _ => break,
        }
    }
    body.truncate(MAX_REFUSAL);
    let refusal = ApiError::from_body(status.as_u16(), &body, None);
    let text = refusal.detail.unwrap_or(refusal.message);
    format!("the store refused (HTTP {}): {text}", status.as_u16())
}

fn classified(status: StatusCode, reason: String) -> Broken {
    let error = TransferError::Store(reason);
    let passing = [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_MANY_REQUESTS];
    if status == StatusCode::CONFLICT {
        Broken::Conflict(error)
    } else if status.is_server_error() || passing.contains(&status) {
        Broken::ForNow(error, Some(status))
    } else {
        Broken::ForGood(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_outlast_a_restart() {
        assert_eq!(pause(0), FIRST_PAUSE);
        assert_eq!(pause(40), LONGEST_PAUSE);
        let all: Duration = (1..ATTEMPTS).map(pause).sum();
        assert!(all > Duration::from_secs(30), "{all:?}");
    }
}
