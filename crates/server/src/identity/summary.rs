//! Users and servers as other objects show them.

use std::collections::HashMap;

use protocol::iam::UserSummary;
use protocol::id::{ServerId, UserId};
use protocol::server::ServerSummary;
use serde_json::Value;
use store::entity::{server, user};
use store::{Connected, Tenant, Viewer};
use uuid::Uuid;

use crate::http::{ApiResult, PublicCtx};

/// A user as other objects show it.
pub(crate) fn user_summary(user: &user::Model) -> UserSummary {
    let full = format!("{} {}", user.first_name, user.last_name);
    let name = match full.trim() {
        "" => user.username.clone(),
        name => name.to_owned(),
    };
    UserSummary {
        id: UserId(user.id),
        name,
        email: user.email.clone(),
    }
}

/// The users and servers that a page of objects refers to, read at once.
#[derive(Debug, Default)]
pub(crate) struct Summaries {
    users: HashMap<Uuid, UserSummary>,
    servers: HashMap<Uuid, ServerSummary>,
}

impl Summaries {
    pub(crate) async fn read(
        ctx: &PublicCtx,
        users: impl IntoIterator<Item = Uuid>,
        servers: impl IntoIterator<Item = Uuid>,
    ) -> ApiResult<Self> {
        Self::read_from(ctx.tenant(), users, servers).await
    }

    /// The same, inside a transaction.
    pub(crate) async fn read_from<C: Connected>(
        tenant: Tenant<'_, C>,
        users: impl IntoIterator<Item = Uuid>,
        servers: impl IntoIterator<Item = Uuid>,
    ) -> ApiResult<Self> {
        let mut summaries = Self::default();
        let mut users: Vec<Uuid> = users.into_iter().collect();
        users.sort_unstable();
        users.dedup();
        if !users.is_empty() {
            for user in tenant.identity().users_by_id(users).await? {
                summaries.users.insert(user.id, user_summary(&user));
            }
        }
        let mut servers: Vec<Uuid> = servers.into_iter().collect();
        servers.sort_unstable();
        servers.dedup();
        if !servers.is_empty() {
            let systems = tenant.inventory_of(servers.clone(), &["os"]).await?;
            for server in tenant.fleet().find_all(Viewer::Everything, servers).await? {
                let os = systems
                    .iter()
                    .find(|row| row.server_id == server.id)
                    .and_then(|row| os_text(&row.data));
                summaries
                    .servers
                    .insert(server.id, server_summary(&server, os));
            }
        }
        Ok(summaries)
    }

    pub(crate) fn user(&self, id: Option<Uuid>) -> Option<UserSummary> {
        self.users.get(&id?).cloned()
    }

    /// A server that was deleted meanwhile keeps its id.
    pub(crate) fn server(&self, id: Uuid) -> ServerSummary {
        self.servers
            .get(&id)
            .cloned()
            .unwrap_or_else(|| ServerSummary {
                id: ServerId(id),
                name: "deleted".to_owned(),
                os: None,
                is_connected: false,
            })
    }
}

/// A server as other objects show it.
pub(crate) fn server_summary(server: &server::Model, os: Option<String>) -> ServerSummary {
    ServerSummary {
        id: ServerId(server.id),
        name: server.name.clone(),
        os,
        is_connected: server.is_connected,
    }
}

/// `name version` of an inventory object of the category `os`.
pub(crate) fn os_text(os: &Value) -> Option<String> {
    let text = |key: &str| os.get(key).and_then(Value::as_str).unwrap_or_default();
    let joined = format!("{} {}", text("name"), text("version"));
    Some(joined.trim().to_owned()).filter(|text| !text.is_empty())
}
