//! A judge outside of this system that a workspace may name (`judgment.md` §5): an HTTPS
//! endpoint that is asked about each command that would go on, and may only tighten. No
//! answer in time is a hold or a denial, never leave. See `docs/external-judge.md`.

mod ask;
mod breaker;
mod question;
mod settings;

use std::time::{Duration, Instant};

use http::StatusCode;
use protocol::code;
use serde_json::json;
use store::now;
use transport::TransportError;
use transport::tls::Trust;

use crate::egress::{self, Addresses};
use crate::gate::{Grant, Judged};
use crate::http::{ApiError, ApiResult, Ctx};
use breaker::Breakers;
pub(crate) use settings::{AskedAbout, ExternalJudge, OnError};

const SOURCE: &str = "external_judge";
/// For a whole answer; each question has its own, shorter deadline.
const DEADLINE: Duration = Duration::from_secs(10);

/// The judges of all workspaces.
#[derive(Debug)]
pub(crate) struct ExternalJudges {
    client: reqwest::Client,
    addresses: Addresses,
    breakers: Breakers,
}

/// What became of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Opinion {
    /// Nothing against it, or nobody was asked.
    None,
    /// A reviewer must decide.
    Hold(String),
    /// It must not happen.
    Deny(String),
}

impl Opinion {
    /// Tightens what was decided without it.
    ///
    /// # Errors
    /// The refusal.
    pub(crate) fn tighten(self, judged: &mut Judged) -> ApiResult<()> {
        let (word, reason) = match self {
            Self::None => return Ok(()),
            Self::Deny(reason) => {
                let refusal = ApiError::new(StatusCode::FORBIDDEN, reason);
                return Err(refusal.code(code::EXTERNAL_JUDGE_DENIED, SOURCE));
            }
            Self::Hold(reason) => ("hold", reason),
        };
        if let Some(verdict) = judged.verdict.as_object_mut() {
            verdict.insert(
                SOURCE.to_owned(),
                json!({"verdict": word, "reason": reason}),
            );
        }
        judged.hold.get_or_insert(reason);
        Ok(())
    }
}

impl ExternalJudges {
    /// `private_hosts`: hosts in our own network that may be asked.
    ///
    /// # Errors
    /// When no client can be made.
    pub(crate) fn new(private_hosts: &[String]) -> Result<Self, TransportError> {
        let addresses = Addresses::new(private_hosts, "judge.private_hosts");
        Ok(Self {
            client: egress::client(addresses.clone(), &Trust::System, DEADLINE)?,
            addresses,
            breakers: Breakers::default(),
        })
    }

    /// The rule about their addresses.
    pub(crate) fn addresses(&self) -> &Addresses {
        &self.addresses
    }
}

/// A command that would go on.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) grant: &'a Grant,
    pub(crate) line: &'a str,
    pub(crate) plan: &'a judge::Plan,
    pub(crate) env: &'a [String],
    /// It waits for a reviewer anyway.
    pub(crate) is_held: bool,
}

/// Asks the judge of the workspace, if it has one for this caller.
///
/// # Errors
/// When the database cannot be read.
pub(crate) async fn opinion(ctx: &Ctx, asked: Asked<'_>) -> ApiResult<Opinion> {
    let judge = &ctx.workspace.settings.external_judge;
    if !judge.is_named() || !question::is_about(judge.asked_about, ctx, asked.grant) {
        return Ok(Opinion::None);
    }
    let judges = &ctx.app.external_judges;
    let failed = |why: &str| {
        ctx.app.metrics.decision("external_judge", "failed");
        let reason = format!("The external judge gave no answer: {why}.");
        match judge.on_error {
            OnError::Hold => Opinion::Hold(reason),
            OnError::Deny => Opinion::Deny(reason),
        }
    };
    let Some(turn) = judges.breakers.turn(ctx.workspace_id(), Instant::now()) else {
        return Ok(failed("it failed before, and is asked again in a moment"));
    };
    let body = question::body(ctx, asked).await?;
    let answer = ask::ask(judges, judge, &ctx.app.keys.judge, now(), body).await;
    turn.end(answer.is_ok(), Instant::now());
    Ok(match answer {
        Ok(opinion) => opinion,
        Err(error) => {
            tracing::warn!(workspace = %ctx.workspace_id(), %error, "no external judgement");
            failed(&error.to_string())
        }
    })
}
