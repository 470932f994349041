//! What guardrails say about a session that is asked for or widened. What it then does
//! is asked again, operation by operation.

use chrono::{DateTime, Utc};
use guardrail::Detail;
use judge::risk::Requester;
use protocol::work_session::REQUESTER_AGENT;
use serde_json::json;
use store::audit::AuditRecord;
use uuid::Uuid;

use super::create::SOURCE;
use crate::gate;
use crate::http::{ApiError, ApiResult, Ctx};

/// A session as it is to be.
#[derive(Clone, Copy)]
pub(super) struct Wanted<'a> {
    pub(super) requester_type: &'a str,
    pub(super) scopes: &'a [String],
    pub(super) servers: &'a [Uuid],
    pub(super) has_command_rules: bool,
    pub(super) start: DateTime<Utc>,
    pub(super) end: DateTime<Utc>,
}

/// Whether a guardrail wants a reviewer for the session.
///
/// # Errors
/// Where one forbids it; the refusal is recorded.
pub(super) async fn needs_reviewer(ctx: &Ctx, wanted: Wanted<'_>) -> ApiResult<bool> {
    let requester = match wanted.requester_type {
        REQUESTER_AGENT => Requester::Agent,
        _ => Requester::Human,
    };
    let servers = ctx
        .tenant()
        .fleet()
        .find_all(ctx.principal.viewer(), wanted.servers.to_vec())
        .await?;
    let mut needs_reviewer = false;
    for server in &servers {
        let detail = Detail::WorkSession {
            scopes: wanted.scopes.to_vec(),
            has_command_rules: wanted.has_command_rules,
            minutes: (wanted.end - wanted.start).num_minutes(),
        };
        match gate::check_session_guardrails(ctx, server, requester, detail).await {
            Ok(decided) => needs_reviewer |= decided.is_some(),
            Err(refusal) => {
                record(ctx, &refusal, wanted).await;
                return Err(refusal);
            }
        }
    }
    Ok(needs_reviewer)
}

/// Records a refusal. It stands whether or not it could be recorded.
async fn record(ctx: &Ctx, refusal: &ApiError, wanted: Wanted<'_>) {
    let mut data = json!({
        "code": refusal.code, "scopes": wanted.scopes, "servers": wanted.servers,
    });
    let recorded = refusal.recorded.as_deref();
    let recorded = recorded.and_then(serde_json::Value::as_object);
    if let (Some(members), Some(recorded)) = (data.as_object_mut(), recorded) {
        members.extend(recorded.clone());
    }
    let record = AuditRecord {
        actor: ctx.principal.actor(),
        ip: ctx.ip.to_string(),
        app: SOURCE,
        model: "worksession",
        object_id: None,
        action: "deny",
        status_code: refusal.status.as_u16(),
        description: format!("work session refused: {}", refusal.detail),
        data,
    };
    let recorded: ApiResult<()> = async {
        let unit = ctx.begin().await?;
        unit.audit(record).await?;
        Ok(unit.commit().await?)
    }
    .await;
    if let Err(error) = recorded {
        tracing::error!(detail = error.detail, "a refusal could not be recorded");
    }
}
