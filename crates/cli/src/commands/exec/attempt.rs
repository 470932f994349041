//! One command from submission to exit status, and its repetition where an approval
//! is awaited.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use client::commands::Submit;
use client::exec::{self, DEFAULT_TIMEOUT, Options, Outcome};
use client::{Config, pace};
use protocol::auth::extension;
use protocol::duration;
use tokio::time::Instant;

use super::observer::Printer;
use super::outcome::{self, Verdict};
use super::raw::{self, Request};
use super::{cure, refusal, session_choice, sudo};
use crate::context::Session;
use crate::error::Failure;
use crate::output::spinner::Spinner;
use crate::output::{Format, message};

/// Base interval of repetitions.
const TICK: Duration = Duration::from_secs(5);
const TIMEOUT_VARIABLE: &str = "ALPACON_EXEC_TIMEOUT";

/// A request with everything resolved that needs no network.
pub(super) struct Plan {
    pub(super) request: Request,
    pub(super) work_session: Option<String>,
    env: std::collections::BTreeMap<String, String>,
    options: Options,
    /// The command of the latest submission.
    submitted: Rc<RefCell<Option<String>>>,
}

impl Plan {
    pub(super) fn new(request: Request, config: &Config) -> Self {
        let (env, missing) = raw::resolve(&request.env, |key| std::env::var(key).ok());
        for key in missing {
            message::warning(&format!("{key} is not set in this shell; it is not passed"));
        }
        Self {
            work_session: session_choice::choose(Some(&request.work_session), config),
            env,
            options: Options {
                timeout: timeout(),
                streamed: config.has_extension(extension::EXEC_STREAM),
                hold: request.wait,
            },
            submitted: Rc::default(),
            request,
        }
    }

    /// The command of the latest submission.
    pub(super) fn submitted(&self) -> Option<String> {
        self.submitted.borrow().clone()
    }

    pub(super) fn submission(&self, server: String) -> Submit {
        Submit::new(server, self.request.line.clone())
            .run_as(
                self.request.username.clone(),
                self.request.groupname.clone(),
            )
            .env(self.env.clone())
            .work_session(self.work_session.clone())
    }
}

/// Longest silence about something that runs on a host.
pub(crate) fn timeout() -> Duration {
    let Ok(text) = std::env::var(TIMEOUT_VARIABLE) else {
        return DEFAULT_TIMEOUT;
    };
    match duration::parse(&text) {
        Ok(timeout) if !timeout.is_zero() => timeout,
        _ => {
            message::warning(&format!("{TIMEOUT_VARIABLE} is invalid; 30m is used"));
            DEFAULT_TIMEOUT
        }
    }
}

/// Runs the command and ends like it did.
pub(super) async fn run(session: &mut Session, plan: &Plan) -> Result<(), Failure> {
    let holds_back = plan.request.wait.is_some() || plan.request.format == Format::Json;
    let mut printer = Printer::new(holds_back, plan.submitted.clone());
    let mut result = once(session, plan, &mut printer).await;
    if let Err(error) = result {
        cure(session, plan, error).await?;
        result = once(session, plan, &mut printer).await;
    }
    let outcome = result.map_err(|error| refusal(session, plan, error))?;
    let mut verdict = outcome::judge(outcome, printer.denials());
    if verdict.needs_presence() && sudo::step_up(session, plan).await {
        let outcome = once(session, plan, &mut printer)
            .await
            .map_err(|error| refusal(session, plan, error))?;
        verdict = outcome::judge(outcome, printer.denials());
    }
    if let (Some(limit), Verdict::Denied(denial)) = (plan.request.wait, &verdict)
        && denial.is_pending()
    {
        verdict = repeat(session, plan, &mut printer, limit, verdict).await?;
    }
    outcome::finish(plan, verdict, printer)
}

async fn once(
    session: &Session,
    plan: &Plan,
    printer: &mut Printer,
) -> Result<Outcome, client::Error> {
    let submit = |server| plan.submission(server);
    let run = exec::run(
        &session.api,
        &plan.request.server,
        submit,
        plan.options,
        printer,
    );
    Box::pin(run).await
}

/// Submits again and again until something else than "pending" comes back.
async fn repeat(
    session: &Session,
    plan: &Plan,
    printer: &mut Printer,
    limit: Duration,
    first: Verdict,
) -> Result<Verdict, Failure> {
    let started = Instant::now();
    let mut spinner = Some(Spinner::start("Waiting for approval..."));
    let mut verdict = first;
    let mut failures = 0;
    let mut pause = TICK;
    loop {
        let left = limit.saturating_sub(started.elapsed());
        if left.is_zero() {
            drop(spinner.take());
            message::warning("the approval did not come in time");
            return Ok(verdict);
        }
        tokio::time::sleep(pause.min(left)).await;
        match once(session, plan, printer).await {
            Ok(outcome) => {
                failures = 0;
                verdict = outcome::judge(outcome, printer.denials());
                let still_pending =
                    matches!(&verdict, Verdict::Denied(denial) if denial.is_pending());
                if !still_pending {
                    return Ok(verdict);
                }
                pause = pace::aging(TICK, started.elapsed());
            }
            Err(error) if error.is_transient() => {
                pause = pace::backoff(TICK, failures, error.retry_after());
                failures += 1;
                if failures >= pace::MAX_FAILURES {
                    drop(spinner.take());
                    message::warning(&format!("the server cannot be asked: {error}"));
                    return Ok(verdict);
                }
            }
            Err(error) => return Err(refusal(session, plan, error)),
        }
    }
}
