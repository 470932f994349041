//! Servers as callers see them.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};
use protocol::id::{GroupId, ServerId, UserId};
use protocol::server::{Server, ServerStatus};
use serde_json::Value;
use store::entity::server;
use uuid::Uuid;

use super::category::Category;
use crate::http::{AgentCtx, ApiResult, Ctx, PublicCtx};
use crate::identity::summary::Summaries;

/// Categories that a server's own representation draws from.
const CATEGORIES: [&str; 3] = ["info", "os", "time"];

/// A server as the caller sees it.
pub(super) async fn server(ctx: &Ctx, row: &server::Model) -> ApiResult<Server> {
    let mut servers = servers(ctx, std::slice::from_ref(row)).await?;
    Ok(servers.pop().unwrap_or_default())
}

/// Servers as the caller sees them.
pub(super) async fn servers(ctx: &Ctx, rows: &[server::Model]) -> ApiResult<Vec<Server>> {
    build(ctx, rows, ctx.principal.user_id()).await
}

/// A server as its own agent sees it.
pub(super) async fn own(ctx: &AgentCtx) -> ApiResult<Server> {
    let mut servers = build(ctx, std::slice::from_ref(&ctx.server), None).await?;
    Ok(servers.pop().unwrap_or_default())
}

async fn build(
    ctx: &PublicCtx,
    rows: &[server::Model],
    viewer: Option<UserId>,
) -> ApiResult<Vec<Server>> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let ids = || rows.iter().map(|row| row.id);
    let tenant = ctx.tenant();
    let mut known: HashMap<(Uuid, String), Value> = HashMap::new();
    for row in tenant.inventory_of(ids(), &CATEGORIES).await? {
        known.insert((row.server_id, row.category), row.data);
    }
    let mut groups: HashMap<Uuid, Vec<GroupId>> = HashMap::new();
    for row in tenant.fleet().groups_of(ids()).await? {
        let of_server = groups.entry(row.server_id).or_default();
        of_server.push(GroupId(row.group_id));
    }
    let starred: HashSet<Uuid> = match viewer {
        Some(user) => tenant.fleet().starred(user, ids()).await?,
        None => HashSet::new(),
    };
    let owners = rows.iter().filter_map(|row| row.owner_id);
    let summaries = Summaries::read(ctx, owners, []).await?;
    let facts =
        |server: Uuid, category: Category| Facts(known.get(&(server, category.name().to_owned())));
    Ok(rows
        .iter()
        .map(|row| {
            let info = facts(row.id, Category::Info);
            let os = facts(row.id, Category::Os);
            Server {
                id: ServerId(row.id),
                name: row.name.clone(),
                platform: row.platform.clone(),
                remote_ip: row.remote_ip.clone(),
                status: status(row.is_connected),
                is_connected: row.is_connected,
                commissioned: row.commissioned,
                starred: starred.contains(&row.id),
                cpu_physical_cores: info.number("cpu_physical_cores"),
                cpu_logical_cores: info.number("cpu_logical_cores"),
                cpu_type: info.text("cpu_type"),
                physical_memory: info.number("physical_memory"),
                os_name: os.text("name"),
                os_version: os.text("version"),
                load: row.load,
                boot_time: boot_time(&facts(row.id, Category::Time)),
                version: row.version.clone(),
                // The exec guard does not stand around orders yet; nothing is claimed without it.
                enforcement: "none".to_owned(),
                owner: summaries.user(row.owner_id),
                groups: groups.get(&row.id).cloned().unwrap_or_default(),
                tags: tags(row),
                added_at: Some(row.added_at),
                updated_at: Some(row.updated_at),
            }
        })
        .collect())
}

/// Tags as stored.
pub(super) fn tags(row: &server::Model) -> BTreeMap<String, String> {
    serde_json::from_value(row.tags.clone()).unwrap_or_default()
}

/// An inventory object as read: what is missing or of another type is empty.
struct Facts<'a>(Option<&'a Value>);

impl Facts<'_> {
    fn get(&self, member: &str) -> Option<&Value> {
        self.0?.get(member)
    }

    fn text(&self, member: &str) -> String {
        let text = self.get(member).and_then(Value::as_str);
        text.unwrap_or_default().to_owned()
    }

    fn number(&self, member: &str) -> i64 {
        self.get(member).and_then(Value::as_i64).unwrap_or_default()
    }
}

/// When the host booted: agents report its clock and its uptime.
fn boot_time(time: &Facts<'_>) -> Option<DateTime<Utc>> {
    let clock = DateTime::parse_from_rfc3339(&time.text("datetime")).ok()?;
    let uptime = TimeDelta::try_seconds(time.number("uptime"))?;
    clock.to_utc().checked_sub_signed(uptime)
}

fn status(connected: bool) -> ServerStatus {
    let (code, icon, text, color) = if connected {
        ("ok", "circle-check", "Good", "success")
    } else {
        ("offline", "circle-xmark", "Offline", "secondary")
    };
    ServerStatus {
        code: code.to_owned(),
        icon: icon.to_owned(),
        text: text.to_owned(),
        color: color.to_owned(),
        ..ServerStatus::default()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn boot_time_is_the_clock_less_the_uptime() {
        let time = json!({"datetime": "2026-01-02T12:00:00+09:00", "uptime": 3600});
        let expected = DateTime::parse_from_rfc3339("2026-01-02T02:00:00Z").unwrap();
        assert_eq!(boot_time(&Facts(Some(&time))), Some(expected.to_utc()));
        for time in [
            json!({}),
            json!({"datetime": "now"}),
            json!({"datetime": 7}),
        ] {
            assert_eq!(boot_time(&Facts(Some(&time))), None);
        }
        assert_eq!(boot_time(&Facts(None)), None);
    }

    #[test]
    fn facts_of_another_type_are_empty() {
        let info = json!({"cpu_type": 7, "physical_memory": "much", "cpu_logical_cores": 4});
        let info = Facts(Some(&info));
        assert_eq!(info.text("cpu_type"), "");
        assert_eq!(info.number("physical_memory"), 0);
        assert_eq!(info.number("cpu_logical_cores"), 4);
    }
}
