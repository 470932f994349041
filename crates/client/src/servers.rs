//! Managed servers (`rest-identity.md` §18).

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use protocol::Page;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::users::UserSummary;
use crate::{Api, Error, page, path};

const PATH: &str = "/api/servers/servers/";
/// Look-ups that are under way at the same time.
const LOOKUPS_AT_ONCE: usize = 8;

/// A server inside another object.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct ServerSummary {
    /// Id.
    pub id: String,
    /// Name.
    pub name: String,
    /// Operating system, when known.
    pub os: Option<String>,
    /// Its agent is connected.
    pub is_connected: bool,
}

/// A row of the list.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Server {
    /// Id.
    pub id: String,
    /// Name.
    pub name: String,
    /// Address the agent connects from.
    pub remote_ip: String,
    /// Distribution.
    pub os_name: String,
    /// Its version.
    pub os_version: String,
    /// Its agent is connected.
    pub is_connected: bool,
    /// Who registered it.
    pub owner: UserSummary,
}

/// What can be asked of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Reboot the host.
    Reboot,
    /// Switch the host off.
    Shutdown,
    /// Upgrade the host's packages.
    Upgrade,
    /// Read the host's information again.
    Refresh,
    /// Restart the agent.
    RestartAgent,
    /// Upgrade the agent.
    UpgradeAgent,
    /// Stop the agent.
    ShutdownAgent,
}

impl Action {
    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reboot => "reboot_system",
            Self::Shutdown => "shutdown_system",
            Self::Upgrade => "upgrade_system",
            Self::Refresh => "update_information",
            Self::RestartAgent => "restart_agent",
            Self::UpgradeAgent => "upgrade_agent",
            Self::ShutdownAgent => "shutdown_agent",
        }
    }
}

/// A row of any look-up by name.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct LookupRow {
    id: String,
    name: String,
    username: String,
    slug: String,
}

impl LookupRow {
    /// The id of what bears exactly this name in the list at `path`; a UUID is taken as
    /// it is.
    pub(crate) async fn id(
        api: &Api,
        path: &str,
        noun: &'static str,
        name_or_id: &str,
    ) -> Result<String, Error> {
        if Uuid::parse_str(name_or_id).is_ok() {
            return Ok(name_or_id.to_owned());
        }
        let rows = api.get(path, &[("name", name_or_id.to_owned())]).await?;
        Self::pick(rows, noun, name_or_id)
    }

    /// The row that bears exactly `name`. A server that ignored the filter must
    /// not make us act on another object.
    pub(crate) fn pick(rows: Page<Self>, noun: &'static str, name: &str) -> Result<String, Error> {
        // What a row does not have is empty, and must not be taken for an empty name.
        let bears = |own: &String| !own.is_empty() && own == name;
        rows.results
            .into_iter()
            .find(|row| {
                let names = [&row.name, &row.username, &row.slug];
                !row.id.is_empty() && names.into_iter().any(bears)
            })
            .map(|row| row.id)
            .ok_or_else(|| Error::NotFound {
                noun,
                name: name.to_owned(),
            })
    }
}

/// All servers the caller sees.
///
/// # Errors
/// When the call fails.
pub async fn list(api: &Api) -> Result<Vec<Server>, Error> {
    page::all(api, PATH, &[], None).await
}

/// The id of the server with exactly this name.
///
/// # Errors
/// When there is none or the call fails.
pub async fn id_by_name(api: &Api, name: &str) -> Result<String, Error> {
    let rows = api.get(PATH, &[("name", name.to_owned())]).await?;
    LookupRow::pick(rows, "server", name)
}

/// The ids of several servers, in the order of `names`.
///
/// # Errors
/// When there is none of one of the names or a call fails.
pub async fn ids_by_name(api: &Api, names: &[String]) -> Result<Vec<String>, Error> {
    stream::iter(names)
        .map(|name| id_by_name(api, name))
        .buffered(LOOKUPS_AT_ONCE)
        .try_collect()
        .await
}

/// The server's own representation.
///
/// # Errors
/// When the call fails.
pub async fn detail(api: &Api, id: &str) -> Result<Value, Error> {
    api.get_json(&path::join(PATH, &[id])?, &[]).await
}

/// Sends the whole edited representation back.
///
/// # Errors
/// When the call fails.
pub async fn update(api: &Api, id: &str, document: &Value) -> Result<Value, Error> {
    api.patch_json(&path::join(PATH, &[id])?, document).await
}

/// Removes the server.
///
/// # Errors
/// When the call fails.
pub async fn delete(api: &Api, id: &str) -> Result<(), Error> {
    api.delete(&path::join(PATH, &[id])?).await
}

/// Asks for an action. `force` is `None` for actions of the agent, which do not
/// know it.
///
/// # Errors
/// When the call fails.
pub async fn act(api: &Api, id: &str, action: Action, force: Option<bool>) -> Result<(), Error> {
    let mut body = json!({ "action": action.as_str() });
    if let (Some(force), Some(members)) = (force, body.as_object_mut()) {
        members.insert("force".to_owned(), Value::Bool(force));
    }
    api.post_ignoring(&path::join(PATH, &[id, "actions"])?, &body)
        .await
}
