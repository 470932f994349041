//! A submission that streams its own output ([`protocol::command::StreamEvent`]).

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;
use http::{StatusCode, header};
use mask::PLACEHOLDER;
use protocol::command::{
    Chunk, Command, STREAM_CONTENT_TYPE, Status, StreamEvent, SubmittedCommand,
};
use protocol::iam::UserSummary;
use protocol::id::CommandId;
use protocol::server::ServerSummary;
use store::entity::command;
use tokio::sync::watch;
use tokio::time::timeout;

use super::view;
use crate::http::{ApiError, Ctx, lists};
use crate::masking::Originals;

/// Pieces read at a time: what a slow reader makes the server hold.
const BATCH: u64 = 64;
/// An empty line keeps proxies from closing a silent stream.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// The response to a streamed submission of `command`. `changes` must have been
/// taken before the command was dispatched.
pub(super) fn response(
    ctx: Ctx,
    command: SubmittedCommand,
    changes: watch::Receiver<()>,
) -> Response {
    let stream = Stream {
        id: command.id,
        server: command.server.clone(),
        requested_by: command.requested_by.clone(),
        ctx,
        next: 0,
        is_masked: false,
        changes,
    };
    let first = StreamEvent::Submitted {
        command: Box::new(command),
    };
    let lines = stream::try_unfold((stream, Step::First(first)), async |(mut stream, step)| {
        let (lines, next) = match step {
            Step::End => return Ok::<_, StreamError>(None),
            Step::First(event) => (line(&event)?, Step::Follow),
            Step::Follow => stream.follow().await?,
        };
        Ok(Some((Bytes::from(lines), (stream, next))))
    });
    let headers = [(header::CONTENT_TYPE, STREAM_CONTENT_TYPE)];
    (StatusCode::CREATED, headers, Body::from_stream(lines)).into_response()
}

enum Step {
    First(StreamEvent),
    Follow,
    End,
}

/// The stream is cut; the client goes on over REST.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct StreamError(String);

impl From<ApiError> for StreamError {
    fn from(error: ApiError) -> Self {
        Self(error.detail)
    }
}

impl From<store::StoreError> for StreamError {
    fn from(error: store::StoreError) -> Self {
        ApiError::from(error).into()
    }
}

struct Stream {
    ctx: Ctx,
    id: CommandId,
    server: ServerSummary,
    requested_by: Option<UserSummary>,
    next: i64,
    /// Some of the output was masked.
    is_masked: bool,
    changes: watch::Receiver<()>,
}

impl Stream {
    /// The next lines: output that is there, the end, or a keep-alive.
    async fn follow(&mut self) -> Result<(String, Step), StreamError> {
        loop {
            // Marked seen before reading, so that what comes meanwhile wakes again.
            self.changes.mark_unchanged();
            // The state first: output is complete before the state is final.
            let row = self.ctx.tenant().commands().find(self.id).await?;
            let row = row.ok_or_else(ApiError::not_found)?;
            let chunks = self
                .ctx
                .tenant()
                .commands()
                .chunks_from(self.id, self.next, BATCH)
                .await?;
            // A secret begins with its placeholder, which comes before all of its pieces.
            self.is_masked |= chunks
                .iter()
                .any(|chunk| chunk.content.contains(PLACEHOLDER));
            let originals = match (self.is_masked, chunks.last()) {
                (true, Some(last)) => {
                    Originals::for_caller(&self.ctx, &row, self.next, last.seq).await?
                }
                _ => Originals::default(),
            };
            let mut lines = String::new();
            for chunk in chunks {
                if chunk.seq != self.next && !row_is_final(&row.status) {
                    break;
                }
                self.next = chunk.seq.saturating_add(1);
                let chunk = Chunk {
                    seq: chunk.seq,
                    content: originals.of(chunk.seq, chunk.content),
                };
                lines.push_str(&line(&StreamEvent::Output { chunk })?);
            }
            if !lines.is_empty() {
                return Ok((lines, Step::Follow));
            }
            let status = Status::parse(&row.status);
            if status == Some(Status::AwaitingApproval) {
                let command = Box::new(self.detail(&row));
                return Ok((line(&StreamEvent::Held { command })?, Step::End));
            }
            if status.is_none_or(Status::is_final) {
                let row = view::unmasked(&self.ctx, row).await?;
                let mut command = Box::new(self.detail(&row));
                // Sudo denials are looked for in the result of a failed command.
                if self.next > 0 && command.success != Some(false) {
                    command.result.clear();
                }
                return Ok((line(&StreamEvent::Finished { command })?, Step::End));
            }
            if self.ctx.app.shutdown.is_cancelled() {
                return Ok((String::new(), Step::End));
            }
            let shutdown = self.ctx.app.shutdown.clone();
            tokio::select! {
                () = shutdown.cancelled() => {}
                changed = timeout(KEEP_ALIVE, self.changes.changed()) => match changed {
                    Ok(Ok(())) => {}
                    Ok(Err(_)) => return Err(StreamError("the feed ended".to_owned())),
                    Err(_) => return Ok(("\n".to_owned(), Step::Follow)),
                },
            }
        }
    }
}

impl Stream {
    fn detail(&self, row: &command::Model) -> Command {
        view::detail(row, self.server.clone(), self.requested_by.clone())
    }
}

fn row_is_final(status: &str) -> bool {
    Status::parse(status).is_none_or(Status::is_final)
}

fn line(event: &StreamEvent) -> Result<String, StreamError> {
    let mut text = serde_json::to_string(event).map_err(|error| StreamError(error.to_string()))?;
    text.push('\n');
    Ok(text)
}

/// Whether a request asks for a stream.
pub(super) fn is_wanted(headers: &http::HeaderMap) -> bool {
    lists(headers, header::ACCEPT, STREAM_CONTENT_TYPE)
}
