//! The tasks that send reports.
//!
//! To a server that offers `report-batch/1` one task sends ordered batches, one
//! in flight. To any other, four tasks use the public endpoints.

use std::time::{Duration, Instant};

use protocol::agent::REPORTS_PATH;
use reqwest::{Method, StatusCode};
use tokio::sync::watch;
use tokio::time::timeout;

use super::background::retry_delay;
use super::lane::Taken;
use super::report::CommandReport;
use super::{Reporter, lock};
use crate::random;
use crate::server::Request;

/// Tasks for the public endpoints; the first also sends batches.
const REPORT_WORKERS: usize = 4;
/// Tasks for everything that is not about a command.
const BACKGROUND_WORKERS: usize = 2;
/// One public request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
/// One batch.
const BATCH_TIMEOUT: Duration = Duration::from_secs(15);
/// An acknowledgement alone waits this long: a short command ends meanwhile,
/// and one request carries both.
const ACK_LINGER: Duration = Duration::from_millis(10);
/// Refusals after which a report is given up.
const MAX_REFUSALS: u32 = 6;
/// Delay between batches while the server cannot be reached.
const MIN_BACKOFF: Duration = Duration::from_millis(250);
const MAX_BACKOFF: Duration = Duration::from_secs(30);
/// The longest sleep of an idle worker; it is woken for anything new.
const IDLE: Duration = Duration::from_secs(3600);

enum Outcome {
    Accepted,
    /// The server understood and does not want it.
    Refused(StatusCode),
    /// Nobody to talk to, or not now.
    Unreachable,
}

/// Starts all senders; they end with the runtime.
pub(crate) fn start(reporter: &Reporter) {
    for index in 0..REPORT_WORKERS {
        tokio::spawn(report_worker(reporter.clone(), index == 0));
    }
    for _ in 0..BACKGROUND_WORKERS {
        tokio::spawn(background_worker(reporter.clone()));
    }
}

async fn report_worker(reporter: Reporter, sends_batches: bool) {
    let mut batching = reporter.shared.batching.subscribe();
    let mut backoff = MIN_BACKOFF;
    loop {
        let in_batches = *batching.borrow_and_update();
        if in_batches && !sends_batches {
            // Whatever woke this task was meant for the one that sends batches.
            reporter.shared.report_added.notify_one();
            if batching.changed().await.is_err() {
                return;
            }
            continue;
        }
        if lock(&reporter.shared.lane).is_idle(Instant::now()) {
            wait_for_reports(&reporter, &mut batching).await;
            continue;
        }
        if in_batches {
            send_batch(&reporter, &mut backoff).await;
        } else {
            send_single(&reporter).await;
        }
    }
}

async fn wait_for_reports(reporter: &Reporter, batching: &mut watch::Receiver<bool>) {
    let due = lock(&reporter.shared.lane).next_due();
    let due = due.unwrap_or_else(|| Instant::now() + IDLE);
    tokio::select! {
        () = reporter.shared.report_added.notified() => {}
        () = tokio::time::sleep_until(due.into()) => {}
        _changed = batching.changed() => {}
    }
}

async fn send_batch(reporter: &Reporter, backoff: &mut Duration) {
    linger_for_company(reporter).await;
    let batch = lock(&reporter.shared.lane).take_batch(Instant::now());
    if batch.is_empty() {
        return;
    }
    let reports: Vec<&CommandReport> = batch.iter().map(|taken| &taken.report).collect();
    let outcome = match serde_json::to_vec(&reports) {
        Ok(body) => post(reporter, REPORTS_PATH, Some(body), BATCH_TIMEOUT).await,
        Err(error) => {
            tracing::error!(%error, "cannot encode a batch of reports");
            Outcome::Refused(StatusCode::BAD_REQUEST)
        }
    };
    match outcome {
        Outcome::Accepted => {
            *backoff = MIN_BACKOFF;
            let mut lane = lock(&reporter.shared.lane);
            lane.set_failing(false);
            lane.restore_batches();
            for taken in &batch {
                lane.settle(taken);
            }
        }
        Outcome::Refused(StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED) => {
            tracing::warn!("the server takes no batches after all; reporting one by one");
            give_back(reporter, batch, Instant::now());
            reporter.set_batching(false);
        }
        Outcome::Refused(status) if batch.len() > 1 => {
            tracing::warn!(%status, reports = batch.len(), "a batch was refused; splitting it");
            lock(&reporter.shared.lane).shrink_batches();
            give_back(reporter, batch, Instant::now());
        }
        Outcome::Refused(status) => {
            for taken in batch {
                refused(reporter, taken, status);
            }
        }
        Outcome::Unreachable => {
            lock(&reporter.shared.lane).set_failing(true);
            make_durable(reporter, &batch).await;
            let delay = random::between(*backoff / 2, *backoff);
            *backoff = (*backoff * 2).min(MAX_BACKOFF);
            // Later reports must not overtake these: nothing is sent meanwhile.
            let hurried = reporter.shared.hurried.notified();
            give_back(reporter, batch, Instant::now());
            let _woken = timeout(delay, hurried).await;
        }
    }
    reporter.shared.room.notify_waiters();
}

/// While only acknowledgements wait, gives the command's output and end the
/// chance to travel along.
async fn linger_for_company(reporter: &Reporter) {
    let until = tokio::time::Instant::now() + ACK_LINGER;
    while lock(&reporter.shared.lane).has_only_acks(Instant::now()) {
        let added = reporter.shared.report_added.notified();
        if tokio::time::timeout_at(until, added).await.is_err() {
            return;
        }
    }
}

async fn send_single(reporter: &Reporter) {
    let Some(mut taken) = lock(&reporter.shared.lane).take(Instant::now()) else {
        return;
    };
    // There may be more for the other workers.
    reporter.shared.report_added.notify_one();
    let outcome = match taken.report.public_form() {
        Ok((path, body)) => post(reporter, &path, body, REQUEST_TIMEOUT).await,
        Err(error) => {
            tracing::error!(%error, "cannot encode a report");
            Outcome::Refused(StatusCode::BAD_REQUEST)
        }
    };
    match outcome {
        Outcome::Accepted => {
            let mut lane = lock(&reporter.shared.lane);
            lane.set_failing(false);
            lane.settle(&taken);
        }
        Outcome::Refused(status) => refused(reporter, taken, status),
        Outcome::Unreachable => {
            lock(&reporter.shared.lane).set_failing(true);
            make_durable(reporter, std::slice::from_ref(&taken)).await;
            taken.attempts += 1;
            let due = Instant::now() + retry_delay(taken.attempts);
            lock(&reporter.shared.lane).retry(taken, due);
        }
    }
    reporter.shared.room.notify_waiters();
}

fn refused(reporter: &Reporter, mut taken: Taken, status: StatusCode) {
    taken.refusals += 1;
    let mut lane = lock(&reporter.shared.lane);
    if taken.refusals < MAX_REFUSALS {
        let due = Instant::now() + retry_delay(taken.refusals);
        lane.retry(taken, due);
        return;
    }
    tracing::error!(%status, command = taken.report.command, "the server refuses a report; dropped");
    lane.settle(&taken);
}

fn give_back(reporter: &Reporter, batch: Vec<Taken>, due: Instant) {
    let mut lane = lock(&reporter.shared.lane);
    for taken in batch {
        lane.retry(taken, due);
    }
}

/// The server is away, perhaps for long: the ends of commands now have to
/// survive a power cut too.
async fn make_durable(reporter: &Reporter, batch: &[Taken]) {
    let files: Vec<_> = {
        let lane = lock(&reporter.shared.lane);
        batch
            .iter()
            .filter(|taken| taken.report.is_final())
            .filter_map(|taken| lane.file_of(taken))
            .collect()
    };
    if files.is_empty() {
        return;
    }
    let flushed =
        tokio::task::spawn_blocking(move || files.iter().try_for_each(std::fs::File::sync_all));
    if let Ok(Err(error)) = flushed.await {
        tracing::warn!(%error, "cannot flush the spool");
    }
}

async fn post(reporter: &Reporter, path: &str, body: Option<Vec<u8>>, limit: Duration) -> Outcome {
    let mut request = Request::new(Method::POST, path, limit);
    request.body = body;
    match reporter.shared.server.send(request).await {
        Ok((status, _)) if status.is_success() => Outcome::Accepted,
        Ok((status, _)) if status.is_client_error() && !is_temporary(status) => {
            tracing::debug!(%status, path, "the server refused a report");
            Outcome::Refused(status)
        }
        Ok((status, _)) => {
            tracing::debug!(%status, path, "the server cannot take reports now");
            Outcome::Unreachable
        }
        Err(error) => {
            tracing::debug!(%error, path, "the server cannot be reached");
            Outcome::Unreachable
        }
    }
}

/// Refusals that say nothing about the report itself.
fn is_temporary(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::UNAUTHORIZED
            | StatusCode::FORBIDDEN
            | StatusCode::REQUEST_TIMEOUT
            | StatusCode::TOO_MANY_REQUESTS
    )
}

async fn background_worker(reporter: Reporter) {
    loop {
        let taken = lock(&reporter.shared.errands).take(Instant::now());
        let Some(taken) = taken else {
            let due = lock(&reporter.shared.errands).next_due();
            let due = due.unwrap_or_else(|| Instant::now() + IDLE);
            tokio::select! {
                () = reporter.shared.errand_added.notified() => {}
                () = tokio::time::sleep_until(due.into()) => {}
            }
            continue;
        };
        reporter.shared.errand_added.notify_one();
        if !taken.send(&reporter.shared.server).await {
            lock(&reporter.shared.errands).failed(taken, Instant::now());
        }
    }
}
