//! Submission that streams its own output
//! ([`protocol::auth::extension::EXEC_STREAM`]; lines:
//! [`protocol::command::StreamEvent`]).

use std::time::Duration;

use protocol::command::STREAM_CONTENT_TYPE;
use reqwest::Response;
use serde::Deserialize;

use super::follow::{Follow, connect, show_result};
use super::{Notice, Observer, Options, Outcome};
use crate::commands::{self, Chunk, Command, PATH, Submit, Submitted};
use crate::{Api, Error, decode};

/// Longest line, in bytes.
const MAX_LINE: usize = 16 << 20;
/// The server sends an empty line more often than this.
const MAX_SILENCE: Duration = Duration::from_secs(90);

#[derive(Debug, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Line {
    Submitted {
        command: Submitted,
    },
    Output {
        #[serde(flatten)]
        chunk: Chunk,
    },
    Held {
        command: Box<Command>,
    },
    Finished {
        command: Box<Command>,
    },
    #[serde(other)]
    Unknown,
}

pub(super) async fn run(
    api: &Api,
    submit: &Submit,
    options: Options,
    observer: &mut dyn Observer,
) -> Result<Outcome, Error> {
    let response = api
        .post_streaming(PATH, submit, STREAM_CONTENT_TYPE)
        .await
        .map_err(Error::of_submission)?;
    if !is_stream(&response) {
        let submitted = commands::first(api.read_json(PATH, response).await?)?;
        observer.submitted(&submitted.id);
        let follow = Follow::new(api, &submitted.id, options);
        return follow.finish(observer).await;
    }
    let mut lines = Lines::new(response);
    let mut follow: Option<Follow<'_>> = None;
    while let Some(line) = lines.next().await {
        match (line, follow.as_mut()) {
            (Line::Submitted { command }, None) if !command.id.is_empty() => {
                observer.submitted(&command.id);
                follow = Some(Follow::new(api, &command.id, options));
            }
            (Line::Output { chunk }, Some(follow)) => follow.take(chunk, observer).await,
            (Line::Held { command }, Some(_)) if options.hold.is_none() => {
                return Ok(Outcome::Held(command));
            }
            (Line::Held { command }, Some(follow)) => {
                // The stream ends here; what follows the decision comes live.
                match connect(api).await {
                    Ok(channel) => follow.attach(channel, &command.server.id, observer).await,
                    Err(error) => observer.notice(Notice::NoLiveOutput(error.to_string())),
                }
                break;
            }
            (Line::Finished { command }, Some(follow)) => {
                // A stream has no gaps, so nothing is left to fetch once it showed
                // anything; one without any output may still carry `result`.
                if !follow.has_shown() {
                    show_result(&command, observer);
                }
                return Ok(Outcome::Ended(command));
            }
            _ => {}
        }
    }
    let follow = follow.ok_or(Error::SubmissionUnknown)?;
    if lines.was_cut {
        observer.notice(Notice::StreamLost);
    }
    follow.finish(observer).await
}

fn is_stream(response: &Response) -> bool {
    response
        .headers()
        .get(http::header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|text| text.to_ascii_lowercase().starts_with(STREAM_CONTENT_TYPE))
}

/// Splits the body into lines. Ends early, and says so, when the connection breaks,
/// falls silent or a line is too long.
struct Lines {
    response: Response,
    buffer: Vec<u8>,
    was_cut: bool,
}

impl Lines {
    fn new(response: Response) -> Self {
        Self {
            response,
            buffer: Vec::new(),
            was_cut: false,
        }
    }

    async fn next(&mut self) -> Option<Line> {
        loop {
            if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=end).collect();
                if line.iter().all(u8::is_ascii_whitespace) {
                    continue;
                }
                match decode::from_slice(&line) {
                    Ok(line) => return Some(line),
                    Err(_) => return self.cut(),
                }
            }
            let chunk = tokio::time::timeout(MAX_SILENCE, self.response.chunk()).await;
            match chunk {
                Ok(Ok(Some(bytes))) if self.buffer.len() + bytes.len() <= MAX_LINE => {
                    self.buffer.extend_from_slice(&bytes);
                }
                _ => return self.cut(),
            }
        }
    }

    fn cut(&mut self) -> Option<Line> {
        self.was_cut = true;
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::command::StreamEvent;

    fn line(event: &StreamEvent) -> Line {
        decode::from_slice(&serde_json::to_vec(event).unwrap()).unwrap()
    }

    #[test]
    fn reads_what_the_contract_writes() {
        let event = StreamEvent::Output {
            chunk: protocol::command::Chunk {
                seq: 3,
                content: "x\n".into(),
            },
        };
        assert!(matches!(line(&event), Line::Output { chunk } if chunk.seq == 3));
        let event = StreamEvent::Submitted {
            command: Box::default(),
        };
        assert!(matches!(line(&event), Line::Submitted { command } if !command.id.is_empty()));
        let event = StreamEvent::Finished {
            command: Box::new(protocol::command::Command {
                exit_code: Some(7),
                ..Default::default()
            }),
        };
        assert!(matches!(line(&event), Line::Finished { command } if command.exit_code == Some(7)));
    }

    #[test]
    fn a_newer_server_may_say_more() {
        let line: Line = decode::from_slice(br#"{"event":"weather","x":1}"#).unwrap();
        assert!(matches!(line, Line::Unknown));
    }
}
