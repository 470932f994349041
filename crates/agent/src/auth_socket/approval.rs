//! Bringing sudo requests before the control plane: the request goes by REST, the
//! decision comes on the control connection (`agent-channels.md` §7.6, §7.7).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use protocol::sudo::{self, SudoDecision, SudoRequest};
use serde_json::Value;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use super::delivery::deliver;
use super::tracker::{Found, Owner};
use crate::server::Server;

/// Of commands.
const PATH: &str = "/api/sudo/approval/";
/// From the server's receipt to its decision.
const PATIENCE: Duration = Duration::from_secs(30);

/// The requests before the control plane; clones share everything.
#[derive(Clone)]
pub(crate) struct Approvals {
    server: Server,
    waiting: Arc<Mutex<HashMap<String, oneshot::Sender<SudoDecision>>>>,
}

impl Approvals {
    pub(super) fn new(server: Server) -> Self {
        Self {
            server,
            waiting: Arc::default(),
        }
    }

    /// Takes a decision from the control connection. What nobody waits for is
    /// ignored.
    pub(crate) fn decided(&self, data: Value) {
        if data.get("type").and_then(Value::as_str) != Some(sudo::APPROVAL_RESPONSE) {
            return;
        }
        let decision: SudoDecision = match serde_json::from_value(data) {
            Ok(decision) => decision,
            Err(error) => {
                tracing::warn!(%error, "ignoring an unreadable sudo decision");
                return;
            }
        };
        let waiting = self.waiting().remove(&decision.call.request_id);
        match waiting {
            // Who asked may have gone.
            Some(waiting) => drop(waiting.send(decision)),
            None => tracing::debug!(
                request = decision.call.request_id,
                "nobody waits for a decision"
            ),
        }
    }

    /// Asks about the request of a tracked process. Whatever goes wrong is a denial.
    pub(super) async fn ask(
        &self,
        mut request: SudoRequest,
        found: &Found,
        shutdown: &CancellationToken,
    ) -> SudoDecision {
        match &found.owner {
            Owner::Command(id) => request.call.command_id = Some(id.clone()),
            Owner::Terminal(id) => request.call.session_id = Some(id.clone()),
        }
        let id = request.call.request_id.clone();
        let (sender, receiver) = oneshot::channel();
        if !self.enter(&id, sender) {
            return SudoDecision::about(request.call, false, "Invalid sudo_approval_request");
        }
        let decision = tokio::select! {
            biased;
            () = shutdown.cancelled() => Err("Service shutdown"),
            () = found.ended.cancelled() => Err("Session ended"),
            decision = self.exchange(&request, receiver) => decision,
        };
        self.waiting().remove(&id);
        let decision =
            decision.unwrap_or_else(|reason| SudoDecision::about(request.call, false, reason));
        tracing::info!(
            user = decision.call.username,
            command = decision.call.command,
            approved = decision.approved,
            reason = decision.reason,
            "sudo"
        );
        decision
    }

    /// A request id that is in use is no reason to forget who used it first.
    fn enter(&self, id: &str, sender: oneshot::Sender<SudoDecision>) -> bool {
        let mut waiting = self.waiting();
        if waiting.contains_key(id) {
            return false;
        }
        waiting.insert(id.to_owned(), sender);
        true
    }

    async fn exchange(
        &self,
        request: &SudoRequest,
        mut decision: oneshot::Receiver<SudoDecision>,
    ) -> Result<SudoDecision, &'static str> {
        // The decision may come before the receipt.
        tokio::select! {
            biased;
            early = &mut decision => return early.map_err(|_| "Communication error"),
            delivered = self.deliver(request) => delivered?,
        }
        match timeout_at(Instant::now() + PATIENCE, decision).await {
            Ok(Ok(decision)) => Ok(decision),
            Ok(Err(_)) => Err("Communication error"),
            Err(_) => Err("Response timeout"),
        }
    }

    async fn deliver(&self, request: &SudoRequest) -> Result<(), &'static str> {
        let body = serde_json::to_vec(request).map_err(|_| "Communication error")?;
        // A refusal is not the decision: it is tried again like no answer.
        let path = match &request.call.session_id {
            Some(session) => format!("/api/websh/sessions/{session}/sudo-approval/"),
            None => PATH.to_owned(),
        };
        let taken = deliver(&self.server, &path, body, |status| status.is_success()).await;
        taken.map(drop).ok_or("Communication error")
    }

    #[cfg(test)]
    pub(super) fn waiting_count(&self) -> usize {
        self.waiting().len()
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<String, oneshot::Sender<SudoDecision>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
