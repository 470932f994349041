//! Waiting for the end of a transfer (`rest-operations.md` §7.5).

use std::time::Duration;

use protocol::code;
use protocol::command::Status as CommandStatus;
use tokio::time::Instant;

use super::{Status, TransferError};
use crate::{Api, Error, commands, pace, path};

/// Longest wait of one question, where the server knows waiting: seconds.
const WAIT: u64 = 25;
const TICK: Duration = Duration::from_secs(1);
/// Grid of later questions, where it does not.
const GRID: Duration = Duration::from_secs(2);
/// Questions in a row that may fail where the transfer itself is watched elsewhere.
const MAX_FAILURES: u32 = 12;

/// How long the end may take: 30 s, 10 s for each file and 5 s for each MiB.
pub(super) fn limit(files: usize, bytes: u64) -> Duration {
    let files = u64::try_from(files).unwrap_or(u64::MAX);
    let seconds = files
        .saturating_mul(10)
        .saturating_add((bytes >> 20).saturating_mul(5))
        .saturating_add(30);
    Duration::from_secs(seconds)
}

/// One transfer to be asked about.
#[derive(Clone)]
pub(super) struct Watch<'a> {
    api: &'a Api,
    path: String,
    /// The server answers when it ended, not at once.
    waits: bool,
}

impl<'a> Watch<'a> {
    /// `prefix` is the path of uploads or downloads.
    pub(super) fn new(
        api: &'a Api,
        prefix: &str,
        id: &str,
        waits: bool,
    ) -> Result<Self, TransferError> {
        Ok(Self {
            api,
            path: path::join(prefix, &[id, "status"])?,
            waits,
        })
    }

    /// The outcome.
    pub(super) async fn end(&self, limit: Duration) -> Result<Status, TransferError> {
        let started = Instant::now();
        let mut failures = 0;
        for asked in 0.. {
            let status = match self.ask().await {
                Ok(status) => status,
                // A restart of the server is not the end of the transfer.
                Err(error) if self.waits && error.is_transient() && failures < MAX_FAILURES => {
                    failures += 1;
                    tokio::time::sleep(pace::backoff(TICK / 4, failures, error.retry_after()))
                        .await;
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            failures = 0;
            match status.success {
                Some(true) => return Ok(status),
                Some(false) => return Err(TransferError::Host(reason(status.message))),
                None if started.elapsed() >= limit => break,
                None if self.waits && asked > 0 => {}
                None => tokio::time::sleep(gap(asked)).await,
            }
        }
        Err(TransferError::Silence(limit.as_secs()))
    }

    /// Ends only when the transfer failed. Everything else is found out elsewhere.
    pub(super) async fn failure(&self) -> TransferError {
        let mut failures = 0;
        while failures < MAX_FAILURES {
            match self.ask().await {
                Ok(status) if status.success == Some(false) => {
                    return TransferError::Host(reason(status.message));
                }
                Ok(status) if status.success == Some(true) => break,
                Ok(_) => failures = 0,
                Err(error) if error.is_transient() => {
                    failures += 1;
                    tokio::time::sleep(pace::backoff(TICK, failures, error.retry_after())).await;
                }
                Err(_) => break,
            }
        }
        std::future::pending().await
    }

    /// What became of it all the same, for an error elsewhere: it may have its reason
    /// here, or have come after all was done.
    pub(super) async fn despite(&self, error: TransferError) -> Result<Status, TransferError> {
        match self.get(&[]).await {
            Ok(status) if status.success == Some(true) => Ok(status),
            Ok(status) if status.success == Some(false) => {
                Err(TransferError::Host(reason(status.message)))
            }
            _ => Err(error),
        }
    }

    async fn ask(&self) -> Result<Status, Error> {
        match self.waits {
            true => self.get(&[("wait", WAIT.to_string())]).await,
            false => self.get(&[]).await,
        }
    }

    async fn get(&self, query: &crate::api::Query<'_>) -> Result<Status, Error> {
        match self.api.get(&self.path, query).await {
            Err(error) if is_in_progress(&error) => Ok(Status::default()),
            result => result,
        }
    }
}

/// An error that says that there is no outcome yet, in its code or its text.
fn is_in_progress(error: &Error) -> bool {
    match error {
        Error::Api(refusal) => {
            !matches!(refusal.status, 401 | 403)
                && (refusal.code.as_deref() == Some(code::WEBFTP_TRANSFER_IN_PROGRESS)
                    || refusal.message.contains(code::WEBFTP_TRANSFER_IN_PROGRESS))
        }
        _ => false,
    }
}

fn gap(asked: u32) -> Duration {
    match asked {
        0 => Duration::from_millis(250),
        1 => Duration::from_millis(500),
        2 => Duration::from_secs(1),
        3 => Duration::from_millis(250),
        _ => GRID,
    }
}

fn reason(message: String) -> String {
    match message.trim() {
        "" => "the transfer failed on the host, which gives no reason".to_owned(),
        _ => message,
    }
}

/// Waits for the command that makes the host send, where content can be read only
/// after it.
pub(super) async fn command(api: &Api, id: &str, timeout: Duration) -> Result<(), TransferError> {
    let started = Instant::now();
    let mut deadline = started + timeout;
    let mut failures = 0;
    let mut gap = TICK / 4;
    loop {
        if Instant::now() >= deadline {
            return Err(TransferError::Silence(timeout.as_secs()));
        }
        tokio::time::sleep(gap).await;
        let command = match commands::get(api, id).await {
            Ok(command) => command,
            Err(error @ Error::Decode { .. }) => return Err(error.into()),
            Err(error) => {
                gap = pace::backoff(TICK, failures, error.retry_after());
                failures += 1;
                continue;
            }
        };
        failures = 0;
        gap = pace::aging(TICK, started.elapsed());
        match command.state() {
            Some(state) if state.is_running() => deadline = Instant::now() + timeout,
            Some(CommandStatus::Stuck | CommandStatus::Error) => {
                return Err(TransferError::Host(format!(
                    "the host could not be made to send it ({})",
                    command.status
                )));
            }
            Some(CommandStatus::Failed) => {
                return Err(TransferError::Host(reason(command.result)));
            }
            _ => return Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ApiError;

    #[test]
    fn large_transfers_may_take_long() {
        assert_eq!(limit(1, 0), Duration::from_secs(40));
        assert_eq!(limit(2, (3 << 20) + 5), Duration::from_secs(65));
        assert_eq!(limit(usize::MAX, u64::MAX), Duration::from_secs(u64::MAX));
    }

    #[test]
    fn questions_follow_the_grid() {
        let times: Vec<u128> = (0..6)
            .scan(Duration::ZERO, |at, asked| {
                *at += gap(asked);
                Some(at.as_millis())
            })
            .collect();
        assert_eq!(times, [250, 750, 1750, 2000, 4000, 6000]);
    }

    #[test]
    fn still_running_is_said_in_two_ways() {
        let error = |status, body: &str| {
            let refusal = ApiError::from_body(status, body.as_bytes(), None);
            Error::Api(Box::new(refusal))
        };
        let code = r#"{"code":"webftp_transfer_in_progress","source":"x"}"#;
        assert!(is_in_progress(&error(400, code)));
        let detail = r#"{"detail":"webftp_transfer_in_progress"}"#;
        assert!(is_in_progress(&error(409, detail)));
        assert!(!is_in_progress(&error(403, detail)));
        assert!(!is_in_progress(&error(400, r#"{"detail":"no"}"#)));
    }
}
