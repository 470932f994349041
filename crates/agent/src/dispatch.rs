//! From a message of the server to a running command: verification,
//! acknowledgement, limits, execution, end (`agent-control.md` §10.2).

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use protocol::agent::{AgentCommand, Fin};
use protocol::command::{SHELL_INTERNAL, SHELL_SYSTEM};
use protocol::guard::HoldAnswer;
use protocol::id::CommandId;
use protocol::order::{Order, SignedOrder};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::Pool;
use crate::executor::{Answer, Executor, FAILURE, Remains, Run, Stop, StopSignals, Supervised};
use crate::internal::Internal;
use crate::lifecycle::Lifecycle;
use crate::orders::{Channel, Job, Recent, Rejection, Verifier, is_command_id};
use crate::reporter::Reporter;

/// The name under which a cancellation is ordered.
const CANCEL: &str = "cancel";
/// The name under which an answer about a held program is ordered.
const ANSWER: &str = "answer";
/// Internal commands at once, and waiting.
const INTERNAL_WORKERS: usize = 20;
const INTERNAL_QUEUE: usize = 200;
/// The safety timeout is never shorter.
const MIN_SAFETY_TIMEOUT: Duration = Duration::from_secs(35 * 60);

/// Takes orders; clones share everything.
#[derive(Clone)]
pub(crate) struct Dispatcher {
    shared: Arc<Shared>,
}

struct Shared {
    reporter: Reporter,
    executor: Executor,
    internal: Internal,
    /// With a pinned key, nothing unsigned is obeyed.
    verifier: Option<Verifier>,
    lifecycle: Lifecycle,
    system_turns: Turns,
    internal_turns: Turns,
    safety_timeout: Option<Duration>,
    recent: Mutex<Recent>,
    running: Mutex<HashMap<String, Running>>,
    tasks: TaskTracker,
}

/// How a command at work is reached.
#[derive(Clone)]
struct Running {
    cancel: CancellationToken,
    /// Where answers about its held programs go, if it is guarded.
    answers: Option<mpsc::Sender<Answer>>,
}

impl Dispatcher {
    /// A dispatcher with the limits of `pool`.
    #[must_use]
    pub(crate) fn new(
        reporter: Reporter,
        executor: Executor,
        internal: Internal,
        verifier: Option<Verifier>,
        lifecycle: Lifecycle,
        pool: &Pool,
    ) -> Self {
        let safety_timeout = (pool.default_timeout > 0)
            .then(|| Duration::from_secs(pool.default_timeout).max(MIN_SAFETY_TIMEOUT));
        Self {
            shared: Arc::new(Shared {
                reporter,
                executor,
                internal,
                verifier,
                lifecycle,
                system_turns: Turns::new(pool.max_workers, pool.queue_size),
                internal_turns: Turns::new(INTERNAL_WORKERS, INTERNAL_QUEUE),
                safety_timeout,
                recent: Mutex::default(),
                running: Mutex::default(),
                tasks: TaskTracker::new(),
            }),
        }
    }

    /// Takes a command. Returns at once; the work goes on in a task.
    pub(crate) fn command(&self, command: AgentCommand, channel: &mut Channel) {
        let received = Instant::now();
        let shared = &self.shared;
        let id = command.id.clone();
        let job = match &shared.verifier {
            None => Job::from_public(command),
            Some(verifier) => match verifier.verify(command.order.as_ref(), channel) {
                Ok(order) if is_message(&order, CANCEL) || is_message(&order, ANSWER) => {
                    // Signed as a message of another kind; as a command it means nothing.
                    self.reject(&id, Rejection::Malformed);
                    return;
                }
                Ok(order) => Job::from_order(order, received),
                Err(rejection) => {
                    self.reject(&id, rejection);
                    return;
                }
            },
        };
        if !is_command_id(&job.id) {
            tracing::warn!("ignoring a command with an unusable id");
            return;
        }
        shared.reporter.ack(&job.id);
        if !lock(&shared.recent).insert(&job.id, received) {
            tracing::info!(command = job.id, "acknowledging a command again");
            return;
        }
        self.start(job, received);
    }

    /// Stops a running command.
    pub(crate) fn cancel(&self, id: CommandId, order: &SignedOrder, channel: &mut Channel) {
        let id = match &self.shared.verifier {
            None => id,
            Some(_) => match self.message(id, order, channel, CANCEL) {
                Some(order) => order.id,
                None => return,
            },
        };
        match lock(&self.shared.running).get(&id.to_string()) {
            Some(running) => running.cancel.cancel(),
            None => tracing::info!(command = %id, "nothing to cancel"),
        }
    }

    /// Answers about a held program. Only a signed order can do that.
    pub(crate) fn answer(&self, id: CommandId, order: &SignedOrder, channel: &mut Channel) {
        let Some(order) = self.message(id, order, channel, ANSWER) else {
            return;
        };
        let Ok(HoldAnswer { seq, allow, by }) = serde_json::from_str(&order.data) else {
            return self.reject(&id.to_string(), Rejection::Malformed);
        };
        let running = lock(&self.shared.running)
            .get(&order.id.to_string())
            .cloned();
        let answers = running.and_then(|running| running.answers);
        let sent = answers.is_some_and(|to| to.try_send(Answer { seq, allow, by }).is_ok());
        if !sent {
            tracing::info!(command = %order.id, seq, "nothing to answer about");
        }
    }

    /// The order in a message about a command, if it is in order.
    fn message(
        &self,
        id: CommandId,
        order: &SignedOrder,
        channel: &mut Channel,
        name: &str,
    ) -> Option<Order> {
        let verified = match &self.shared.verifier {
            None => Err(Rejection::UnknownKey),
            Some(verifier) => verifier.verify(Some(order), channel),
        };
        let refused = match verified {
            Ok(order) if is_message(&order, name) => return Some(order),
            Ok(_) => Rejection::Malformed,
            Err(rejection) => rejection,
        };
        self.reject(&id.to_string(), refused);
        None
    }

    /// Whether orders may ask for the exec guard.
    pub(crate) fn can_guard(&self) -> bool {
        self.shared.executor.can_guard()
    }

    /// Goes on with a command that an earlier process of this agent started.
    pub(crate) fn resume(&self, supervised: Supervised) {
        let shared = self.shared.clone();
        let id = supervised.command.clone();
        let cancel = CancellationToken::new();
        let running = Running {
            cancel: cancel.clone(),
            answers: Some(supervised.answers()),
        };
        lock(&shared.running).insert(id.clone(), running);
        lock(&shared.recent).insert(&id, Instant::now());
        // Its supervisor watches the clock.
        let stop = StopSignals {
            cancel,
            lifecycle: shared.lifecycle.clone(),
            authority_ends: None,
            deadline: None,
        };
        let tasks = shared.tasks.clone();
        tasks.spawn(async move {
            let run = shared.executor.resume(supervised, &stop).await;
            if let Some(remains) = shared.conclude(&id, run) {
                remains.reported().await;
            }
            lock(&shared.running).remove(&id);
        });
    }

    /// Waits until every command has reported its end; they were told to stop by
    /// the daemon's end.
    pub(crate) async fn finish(&self) {
        self.shared.tasks.close();
        self.shared.tasks.wait().await;
    }

    fn reject(&self, id: &str, rejection: Rejection) {
        if !is_command_id(id) {
            tracing::warn!(reason = %rejection, "refusing an order with an unusable id");
            return;
        }
        tracing::warn!(command = id, reason = %rejection, "refusing an order");
        self.shared.reporter.reject(id, &rejection.to_string());
    }

    fn start(&self, job: Job, received: Instant) {
        let shared = self.shared.clone();
        let turns = if job.shell == SHELL_INTERNAL {
            &shared.internal_turns
        } else {
            &shared.system_turns
        };
        let Some(turn) = turns.join() else {
            shared
                .reporter
                .fin(&job.id, failure("the agent is too busy; try again later"));
            return;
        };
        let cancel = CancellationToken::new();
        let running = Running {
            cancel: cancel.clone(),
            answers: None,
        };
        lock(&shared.running).insert(job.id.clone(), running);
        let stop = StopSignals {
            cancel,
            lifecycle: shared.lifecycle.clone(),
            authority_ends: job.authority_ends,
            deadline: shared
                .safety_timeout
                .and_then(|timeout| received.checked_add(timeout)),
        };
        let tasks = shared.tasks.clone();
        tasks.spawn(async move {
            // Its turn is over by then, but it can still be cancelled.
            if let Some(remains) = shared.carry_out(&job, turn, &stop).await {
                remains.reported().await;
            }
            lock(&shared.running).remove(&job.id);
        });
    }
}

impl Shared {
    /// Reports an end; what is left of the command is returned.
    fn conclude(&self, id: &str, run: Run) -> Option<Box<Remains>> {
        match run {
            Run::Ended(fin, remains) => {
                self.reporter.fin(id, fin);
                remains
            }
            Run::Left => None,
        }
    }

    async fn carry_out(&self, job: &Job, turn: Turn, stop: &StopSignals) -> Option<Box<Remains>> {
        let _permit = tokio::select! {
            biased;
            permit = turn.come() => permit,
            reason = stop.wait() => {
                self.reporter.fin(&job.id, failure(before_start(reason)));
                return None;
            }
        };
        if job.start_before.is_some_and(|limit| Instant::now() > limit) {
            // It was acknowledged, so this is its end; a refusal would not be.
            let reason = format!("not started: {}", Rejection::Stale);
            self.reporter.fin(&job.id, failure(&reason));
            return None;
        }
        if job.authority_ends.is_some_and(|end| Instant::now() >= end) {
            self.reporter
                .fin(&job.id, failure(before_start(Stop::AuthorityEnded)));
            return None;
        }
        match job.shell.as_str() {
            SHELL_SYSTEM => {
                let answers = |to| {
                    if let Some(running) = lock(&self.running).get_mut(&job.id) {
                        running.answers = Some(to);
                    }
                };
                let run = self.executor.run(job, stop, answers).await;
                return self.conclude(&job.id, run);
            }
            SHELL_INTERNAL => {
                let started = Instant::now();
                let answer = tokio::select! {
                    answer = self.internal.run(job, stop) => answer,
                    reason = stop.wait() => {
                        self.reporter.fin(&job.id, failure(while_running(reason)));
                        return None;
                    }
                };
                let fin = Fin {
                    success: answer.exit_code == 0,
                    result: answer.result,
                    elapsed_time: started.elapsed().as_secs_f64(),
                    exit_code: answer.exit_code,
                    chunks: None,
                };
                self.reporter.fin(&job.id, fin);
                if let Some(then) = answer.then {
                    self.internal.afterwards(then);
                }
            }
            other => {
                let reason = format!("this agent knows no shell {other:?}");
                self.reporter.fin(&job.id, failure(&reason));
            }
        }
        None
    }
}

/// A bounded number of commands at work, and a bounded number waiting.
struct Turns {
    permits: Arc<Semaphore>,
    present: Arc<AtomicUsize>,
    most: usize,
}

/// A place in the queue or at work.
struct Turn {
    permits: Arc<Semaphore>,
    present: Arc<AtomicUsize>,
}

impl Turns {
    fn new(workers: usize, queue: usize) -> Self {
        let workers = workers.min(Semaphore::MAX_PERMITS);
        Self {
            permits: Arc::new(Semaphore::new(workers)),
            present: Arc::default(),
            most: workers.saturating_add(queue),
        }
    }

    /// `None` when the queue is full.
    fn join(&self) -> Option<Turn> {
        let before = self.present.fetch_add(1, Ordering::Relaxed);
        let turn = Turn {
            permits: self.permits.clone(),
            present: self.present.clone(),
        };
        (before < self.most).then_some(turn)
    }
}

impl Turn {
    /// Waits to be allowed to work. First come, first served.
    async fn come(self) -> Option<(OwnedSemaphorePermit, Self)> {
        let permit = self.permits.clone().acquire_owned().await.ok()?;
        Some((permit, self))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.present.fetch_sub(1, Ordering::Relaxed);
    }
}

fn is_message(order: &Order, name: &str) -> bool {
    order.shell == SHELL_INTERNAL && order.line == name
}

fn failure(reason: &str) -> Fin {
    Fin {
        success: false,
        result: format!("alpamon: {reason}\n"),
        elapsed_time: 0.0,
        exit_code: FAILURE,
        chunks: Some(0),
    }
}

fn before_start(reason: Stop) -> &'static str {
    match reason {
        Stop::TimedOut => "not started: it waited too long",
        Stop::AuthorityEnded => "not started: the work session has ended",
        Stop::Cancelled => "not started: cancelled",
        Stop::AgentStopping => "not started: the agent is shutting down",
    }
}

fn while_running(reason: Stop) -> &'static str {
    match reason {
        Stop::TimedOut => "given up: it ran too long",
        Stop::AuthorityEnded => "given up: the work session has ended",
        Stop::Cancelled => "cancelled",
        Stop::AgentStopping => "given up: the agent is shutting down",
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn turns_are_bounded_and_given_back() {
        let turns = Turns::new(1, 1);
        let first = turns.join().unwrap();
        let at_work = first.come().await.unwrap();
        let waiting = turns.join().unwrap();
        assert!(turns.join().is_none());
        assert!(turns.join().is_none());
        drop(at_work);
        assert!(waiting.come().await.is_some());
        assert!(turns.join().is_some());
    }
}
