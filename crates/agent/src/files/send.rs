//! From a file or an archive into the store.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_lc_rs::digest::{Context, SHA256};
use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt, stream};
use protocol::transfer::UPLOAD_OFFSET_HEADER;
use reqwest::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE};
use reqwest::{Body, RequestBuilder, StatusCode};
use rustix::fs::{Mode, OFlags};
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;
use transport::save::Saved;

use super::attempt::{ATTEMPTS, Failed, disk, pause};
use super::client::{StoreClient, chain, refusal};
use super::helper::Worker;
use super::worker::Reply;
use crate::{hex, random};

/// One piece of the body, in bytes.
const PIECE: usize = 128 * 1024;
/// The store may take this long to say how much it has.
const ANSWER: Duration = Duration::from_secs(60);

/// Where to.
pub(super) struct Destination<'a> {
    /// Absolute URL.
    pub(super) url: &'a str,
    /// A raw `PUT` instead of a multipart `POST`.
    pub(super) blob: bool,
    /// It takes bodies without a length, and goes on where a connection broke.
    pub(super) streaming: bool,
    /// Most bytes.
    pub(super) limit: u64,
}

/// What was sent so far.
struct Tally {
    digest: Context,
    size: u64,
    /// That is all of it.
    is_whole: bool,
    /// Why the body ended early, if it did.
    failed: Option<String>,
}

type Shared = Arc<Mutex<Tally>>;

/// Sends a file of `size` bytes, or as long as it turns out to be.
///
/// # Errors
/// Says why.
pub(super) async fn send_file(
    client: &StoreClient,
    to: &Destination<'_>,
    mut file: File,
    name: &str,
    size: Option<u64>,
) -> Result<Saved, String> {
    if size.is_some_and(|size| size > to.limit) {
        return Err(too_large(to.limit));
    }
    let tally = Tally::shared();
    let mut failures = 0;
    let mut offset = 0;
    loop {
        let body = body_of_file(&mut file, offset, size, &tally)?;
        let reason = match put(client, to, body, name, offset, size).await {
            Ok(()) => return Ok(done(&tally)),
            Err(reason) => reason,
        };
        if let Some(failed) = lock(&tally).failed.take() {
            return Err(failed);
        }
        let reason = match reason {
            Failed::ForGood(reason) => return Err(reason),
            Failed::ForNow(reason) => reason,
        };
        failures += 1;
        if !to.blob || size.is_none() || failures >= ATTEMPTS {
            return Err(reason);
        }
        pause(failures).await;
        if !to.streaming {
            // A foreign store takes all of it or nothing.
            tracing::info!(reason, "sending again");
        } else if let Some(arrived) = arrived(client, to.url).await {
            if size == Some(arrived) {
                // Only the answer was lost. The digest may be of a later attempt.
                drop(body_of_file(&mut file, arrived, size, &tally)?);
                return Ok(done(&tally));
            }
            failures = if arrived > offset { 1 } else { failures };
            tracing::info!(reason, at = arrived, "sending again");
            offset = arrived;
        }
    }
}

/// Sends what `worker` writes into `pipe`. What it says is for people.
///
/// # Errors
/// Says why; [`Failed::ForNow`] where another worker may write it again from its start.
pub(super) async fn send_pipe(
    client: &StoreClient,
    to: &Destination<'_>,
    worker: Worker,
    pipe: OwnedFd,
    name: &str,
) -> Result<(Saved, String), Failed> {
    let tally = Tally::shared();
    let message = Arc::new(Mutex::new(String::new()));
    let reader = pipe::Receiver::from_owned_fd(pipe);
    let reader = reader.map_err(|error| Failed::ForGood(disk(&error)))?;
    let body = body_of_pipe(reader, worker, to.limit, tally.clone(), message.clone());
    if to.blob && !to.streaming {
        // Foreign stores want to know the length before.
        let spooled = spool(body).await;
        if let Some(failed) = lock(&tally).failed.take() {
            return Err(Failed::ForGood(failed));
        }
        let spooled =
            spooled.map_err(|error| Failed::ForGood(format!("cannot spool: {}", disk(&error))))?;
        let size = lock(&tally).size;
        let content = send_file(client, to, spooled, name, Some(size)).await;
        let content = content.map_err(Failed::ForGood)?;
        return Ok((content, lock(&message).clone()));
    }
    let sent = put(client, to, Body::wrap_stream(body), name, 0, None).await;
    if let Some(failed) = lock(&tally).failed.take() {
        return Err(Failed::ForGood(failed));
    }
    match sent {
        Err(Failed::ForNow(reason)) if !to.streaming => Err(Failed::ForGood(reason)),
        Err(Failed::ForNow(reason)) => {
            let sent = lock(&tally).whole_size();
            match sent.is_some() && arrived(client, to.url).await == sent {
                // Only the answer was lost.
                true => Ok((done(&tally), lock(&message).clone())),
                false => Err(Failed::ForNow(reason)),
            }
        }
        sent => sent.map(|()| (done(&tally), lock(&message).clone())),
    }
}

/// Gathers a body in a file without a name.
async fn spool(body: impl Stream<Item = io::Result<Bytes>>) -> io::Result<File> {
    let mut body = std::pin::pin!(body);
    let flags = OFlags::RDWR | OFlags::TMPFILE | OFlags::CLOEXEC;
    let folder = std::env::temp_dir();
    let mut file = File::from(rustix::fs::open(folder, flags, Mode::from_raw_mode(0o600))?);
    while let Some(bytes) = body.next().await {
        file.write_all(&bytes?)?;
    }
    Ok(file)
}

async fn put(
    client: &StoreClient,
    to: &Destination<'_>,
    body: Body,
    name: &str,
    offset: u64,
    size: Option<u64>,
) -> Result<(), Failed> {
    let request = match to.blob {
        true => blob(client, to.url, offset, size).body(body),
        false => {
            let mut request = client.http.http().post(to.url);
            // Whoever is named here gets the key: the order says so, as in public.
            request = request.header(AUTHORIZATION, client.authorization.clone());
            multipart(request, body, name).map_err(Failed::ForGood)?
        }
    };
    let response = request
        .send()
        .await
        .map_err(|error| Failed::ForNow(chain(&error)))?;
    let status = response.status();
    if status.is_success() {
        return Ok(());
    }
    let reason = format!("the store did not take it: {}", refusal(response).await);
    // A conflict: the store has not noticed yet that the connection before broke.
    Err(
        match status.is_server_error() || status == StatusCode::CONFLICT {
            true => Failed::ForNow(reason),
            false => Failed::ForGood(reason),
        },
    )
}

fn blob(client: &StoreClient, url: &str, offset: u64, size: Option<u64>) -> RequestBuilder {
    let request = client.http.http().put(url);
    let Some(size) = size else { return request };
    let request = request.header(CONTENT_LENGTH, size.saturating_sub(offset));
    match size.checked_sub(1).filter(|_| offset > 0) {
        Some(last) => request.header(CONTENT_RANGE, format!("bytes {offset}-{last}/{size}")),
        None => request,
    }
}

/// One file part, and nothing else.
fn multipart(request: RequestBuilder, body: Body, name: &str) -> Result<RequestBuilder, String> {
    let boundary = random::token().map_err(|error| error.to_string())?;
    let name: String = name
        .chars()
        .map(|c| {
            if c == '"' || c == '\\' || c.is_control() {
                '_'
            } else {
                c
            }
        })
        .collect();
    let head = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"content\"; \
         filename=\"{name}\"\r\nContent-Type: application/octet-stream\r\n\r\n"
    );
    let tail = format!(
        "\r\n--{boundary}\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\n{name}\r\n\
         --{boundary}--\r\n"
    );
    let around = |text: String| stream::once(async move { Ok(Bytes::from(text)) });
    let content = http_body_stream(body);
    let whole = around(head).chain(content).chain(around(tail));
    Ok(request
        .header(
            CONTENT_TYPE,
            format!("multipart/form-data; boundary={boundary}"),
        )
        .body(Body::wrap_stream(whole)))
}

/// The pieces of a body.
fn http_body_stream(body: Body) -> impl Stream<Item = Result<Bytes, reqwest::Error>> {
    use http_body_util::BodyExt;
    body.into_data_stream()
}

/// How much the store has of a file whose sending broke off.
async fn arrived(client: &StoreClient, url: &str) -> Option<u64> {
    let answer = client
        .http
        .http()
        .head(url)
        .timeout(ANSWER)
        .send()
        .await
        .ok()?;
    if !matches!(answer.status(), StatusCode::OK | StatusCode::NO_CONTENT) {
        return None;
    }
    let offset = answer.headers().get(UPLOAD_OFFSET_HEADER)?;
    offset.to_str().ok()?.parse().ok()
}

/// The content from `offset` on. The part before is read again for the digest: what
/// was digested of a broken attempt need not have arrived.
fn body_of_file(
    file: &mut File,
    offset: u64,
    size: Option<u64>,
    tally: &Shared,
) -> Result<Body, String> {
    let failed = |error: io::Error| disk(&error);
    file.seek(SeekFrom::Start(0)).map_err(failed)?;
    *lock(tally) = Tally::new();
    let mut copy = file.try_clone().map_err(failed)?;
    let mut skipped = (&mut copy).take(offset);
    let mut buffer = vec![0; PIECE];
    loop {
        let count = skipped.read(&mut buffer).map_err(failed)?;
        if count == 0 {
            break;
        }
        lock(tally).add(buffer.get(..count).unwrap_or_default());
    }
    drop(buffer);
    let mut left = size.map_or(u64::MAX, |size| size.saturating_sub(offset));
    let tally = tally.clone();
    // Reading blocks, which is no harm on a thread that does nothing else.
    let pieces = stream::iter(std::iter::from_fn(move || {
        let wanted = usize::try_from(left).unwrap_or(PIECE).min(PIECE);
        let mut piece = BytesMut::zeroed(wanted);
        match copy.read(&mut piece) {
            Ok(0) if left > 0 && size.is_some() => {
                let reason = "the file became shorter while it was read".to_owned();
                lock(&tally).failed = Some(reason.clone());
                Some(Err(io::Error::other(reason)))
            }
            Ok(0) => None,
            Ok(count) => {
                left -= count as u64;
                piece.truncate(count);
                lock(&tally).add(&piece);
                Some(Ok(piece.freeze()))
            }
            Err(error) => {
                lock(&tally).failed = Some(disk(&error));
                Some(Err(error))
            }
        }
    }));
    Ok(Body::wrap_stream(pieces))
}

/// The content as it is written. It ends well only when the worker says that all of
/// it was: half an archive must not look whole.
fn body_of_pipe(
    reader: pipe::Receiver,
    worker: Worker,
    limit: u64,
    tally: Shared,
    message: Arc<Mutex<String>>,
) -> impl Stream<Item = io::Result<Bytes>> {
    stream::try_unfold((reader, worker), move |(mut reader, worker)| {
        let tally = tally.clone();
        let message = message.clone();
        async move {
            let mut piece = BytesMut::with_capacity(PIECE);
            let outcome = match reader.read_buf(&mut piece).await {
                Ok(0) => worker.reply().await.map(Some),
                Ok(_) => {
                    let mut tally = lock(&tally);
                    tally.add(&piece);
                    match tally.size > limit {
                        true => Err(too_large(limit)),
                        false => Ok(None),
                    }
                }
                Err(error) => Err(disk(&error)),
            };
            match outcome {
                Ok(None) => Ok(Some((piece.freeze(), (reader, worker)))),
                Ok(Some((Reply::Done { message: said }, _))) => {
                    *lock(&message) = said;
                    lock(&tally).is_whole = true;
                    Ok(None)
                }
                Ok(Some(_)) => {
                    let reason = "the file worker said something unexpected".to_owned();
                    lock(&tally).failed = Some(reason.clone());
                    Err(io::Error::other(reason))
                }
                Err(reason) => {
                    lock(&tally).failed = Some(reason.clone());
                    Err(io::Error::other(reason))
                }
            }
        }
    })
}

impl Tally {
    fn new() -> Self {
        Self {
            digest: Context::new(&SHA256),
            size: 0,
            is_whole: false,
            failed: None,
        }
    }

    fn whole_size(&self) -> Option<u64> {
        self.is_whole.then_some(self.size)
    }

    fn shared() -> Shared {
        Arc::new(Mutex::new(Self::new()))
    }

    fn add(&mut self, bytes: &[u8]) {
        self.digest.update(bytes);
        self.size += bytes.len() as u64;
    }
}

fn done(tally: &Shared) -> Saved {
    let tally = lock(tally);
    Saved {
        size: tally.size,
        sha256: hex::encode(tally.digest.clone().finish().as_ref()),
    }
}

fn too_large(limit: u64) -> String {
    format!("the content is larger than may be transferred ({limit} bytes)")
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
