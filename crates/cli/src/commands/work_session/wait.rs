//! Waiting until somebody decided about a new session.

use std::time::Duration;

use client::work_sessions::{self, WorkSession};
use client::{Api, pace};
use protocol::work_session::Status;
use tokio::time::Instant;

use super::create;
use crate::error::{CliError, Failure, Kind};
use crate::output::{Format, message};

const TICK: Duration = Duration::from_secs(10);

/// Polls until the session is usable: active, or granted when nobody wants to
/// attach it.
pub(super) async fn for_approval(
    api: &Api,
    created: &WorkSession,
    must_be_active: bool,
    limit: Duration,
    format: Format,
) -> Result<WorkSession, Failure> {
    let started = Instant::now();
    let mut failures = 0;
    loop {
        let pause = match work_sessions::get(api, &created.id).await {
            Ok(session) => {
                failures = 0;
                if let Some(settled) = settled(session, must_be_active)? {
                    return Ok(settled);
                }
                TICK
            }
            Err(error) if error.is_transient() => {
                let pause = pace::backoff(TICK, failures, error.retry_after());
                failures += 1;
                message::warning(&format!("cannot read the session: {error}"));
                if failures >= pace::MAX_FAILURES {
                    return Err(create::pending(
                        created,
                        "could not be read; it may still be pending",
                    )
                    .into());
                }
                pause
            }
            Err(error) => return Err(error.into()),
        };
        let left = limit.saturating_sub(started.elapsed());
        if left.is_zero() {
            return Err(create::pending(created, "is still not approved").into());
        }
        if format == Format::Table {
            let elapsed = started.elapsed().as_secs();
            message::info(&format!(
                "waiting for the work session ({elapsed} s of {} s)",
                limit.as_secs()
            ));
        }
        tokio::time::sleep(pause.min(left)).await;
    }
}

fn settled(session: WorkSession, must_be_active: bool) -> Result<Option<WorkSession>, CliError> {
    match session.state() {
        Some(Status::Active) => Ok(Some(session)),
        Some(Status::Approved) if !must_be_active => Ok(Some(session)),
        Some(state) if state.is_final() => Err(CliError::new(
            Kind::NotGranted,
            format!("work session {} is {}", session.id, session.status),
        )),
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decision_ends_the_wait() {
        let with = |status: &str| WorkSession {
            status: status.to_owned(),
            ..WorkSession::default()
        };
        assert!(settled(with("active"), true).unwrap().is_some());
        assert!(settled(with("approved"), true).unwrap().is_none());
        assert!(settled(with("approved"), false).unwrap().is_some());
        assert!(settled(with("pending"), false).unwrap().is_none());
        for status in ["rejected", "expired", "revoked", "cancelled", "completed"] {
            assert_eq!(
                settled(with(status), false).unwrap_err().kind,
                Kind::NotGranted
            );
        }
    }
}
