//! Actions on servers and their agents (`rest-identity.md` §18.3).

use http::StatusCode;
use protocol::code;
use protocol::id::ServerId;
use protocol::server::ServerAction;
use serde_json::{Value, json};
use store::audit::AuditRecord;
use store::entity::command;
use store::locks::LockKind;

use super::manage;
use crate::commands::{InternalOrder, order_internal};
use crate::http::{ApiError, ApiResult, Ctx};
use crate::mfa;

const SOURCE: &str = "server";

/// Something an administrator has a server's agent do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Action {
    /// As clients name it.
    name: &'static str,
    /// The agent's command for it.
    order: &'static str,
    /// It ends or endangers what people do on the server.
    is_disruptive: bool,
}

const ACTIONS: [Action; 7] = [
    Action::new("reboot_system", "reboot", true),
    Action::new("shutdown_system", "shutdown", true),
    Action::new("upgrade_system", "update", true),
    Action::new("update_information", "commit", false),
    Action::new("restart_agent", "restart", false),
    Action::new("upgrade_agent", "upgrade", false),
    Action::new("shutdown_agent", "quit", false),
];

impl Action {
    const fn new(name: &'static str, order: &'static str, is_disruptive: bool) -> Self {
        Self {
            name,
            order,
            is_disruptive,
        }
    }

    fn parse(name: &str) -> ApiResult<Self> {
        ACTIONS
            .into_iter()
            .find(|action| action.name == name)
            .ok_or_else(|| {
                let names = ACTIONS.map(|action| action.name).join(", ");
                let detail = format!("action must be one of: {names}.");
                let mut refusal = ApiError::field(SOURCE, "action", detail);
                refusal.code = Some(code::INVALID_CHOICE);
                refusal
            })
    }

    /// Whether work in progress stands in its way.
    fn is_blocked(self, in_flight: u64, force: bool) -> bool {
        self.is_disruptive && in_flight > 0 && !force
    }
}

/// Orders an action. It is carried out some time later.
pub(super) async fn order(
    ctx: &Ctx,
    id: ServerId,
    request: &ServerAction,
) -> ApiResult<command::Model> {
    let action = Action::parse(&request.action)?;
    let server = manage::manageable(ctx, id, "update").await?;
    if let Some(held) = ctx.app.locks.find(LockKind::Server, id.0) {
        return Err(held.refusal());
    }
    // An action that waited for its agent could reboot a host long after anybody
    // wanted it.
    if ctx.app.agents.connection(id).is_none() {
        return Err(ApiError::conflict(format!(
            "The agent of {} is not connected; try again when it is.",
            server.name
        ))
        .code(code::SERVER_NOT_CONNECTED, SOURCE));
    }
    let in_flight = ctx.tenant().commands().count_in_flight(id).await?;
    if action.is_blocked(in_flight, request.force) {
        return Err(ApiError::conflict(format!(
            "{in_flight} command(s) run or wait on {}; try again later, or force it.",
            server.name
        ))
        .code(code::SERVER_BUSY_WITH_USER_WORK, SOURCE));
    }
    if action.is_disruptive {
        mfa::require_presence(ctx, SOURCE, SOURCE).await?;
    }
    let unit = ctx.begin().await?;
    unit.audit(AuditRecord {
        actor: ctx.principal.actor(),
        ip: ctx.ip.to_string(),
        app: "server",
        model: "server",
        object_id: Some(server.id),
        action: action.name,
        status_code: StatusCode::CREATED.as_u16(),
        description: format!("{} ordered for server {}", action.name, server.name),
        data: json!({"force": request.force, "in_flight": in_flight}),
    })
    .await?;
    unit.commit().await?;
    let order = InternalOrder {
        server: id,
        requested_by: ctx.principal.user_id(),
        name: action.order,
        arguments: Value::Null,
    };
    order_internal(ctx, order).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_disrupts_waits_for_work_and_force_overrides() {
        let reboot = Action::parse("reboot_system").unwrap();
        assert!(reboot.is_blocked(1, false));
        assert!(!reboot.is_blocked(1, true));
        assert!(!reboot.is_blocked(0, false));
        let refresh = Action::parse("update_information").unwrap();
        assert!(!refresh.is_blocked(1, false));
    }

    #[test]
    fn unknown_actions_are_refused_with_the_choices() {
        let refusal = Action::parse("format_disks").unwrap_err();
        assert_eq!(refusal.code, Some("invalid_choice"));
        assert!(refusal.detail.contains("reboot_system"));
    }
}
