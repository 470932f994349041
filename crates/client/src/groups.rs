//! Groups (`rest-identity.md` §17.3).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::servers::{LookupRow, ServerSummary};
use crate::{Api, Error, page, path};

const PATH: &str = "/api/iam/groups/";

/// A row of the list of groups.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Group {
    /// Id.
    pub id: String,
    /// Name on hosts.
    pub name: String,
    /// For people.
    pub display_name: String,
    /// Free words, `#tag` each.
    pub tags: String,
    /// How many users are in it.
    pub num_members: i64,
    /// Servers its members see.
    pub servers: Vec<ServerSummary>,
    /// Numeric id on hosts.
    pub gid: i64,
    /// Kept in a directory.
    pub is_ldap_group: bool,
}

/// A group to be created.
#[derive(Clone, Debug, Default, Serialize)]
pub struct NewGroup {
    /// Name on hosts.
    pub name: String,
    /// For people.
    pub display_name: String,
    /// Free words, `#tag` each.
    pub tags: String,
    /// For people.
    pub description: String,
    /// Kept in a directory.
    pub is_ldap_group: bool,
    /// Ids of the servers its members see.
    pub servers: Vec<String>,
}

/// All groups.
///
/// # Errors
/// When the call fails.
pub async fn list(api: &Api) -> Result<Vec<Group>, Error> {
    page::all(api, PATH, &[], None).await
}

/// Names of all groups by id.
///
/// # Errors
/// When the call fails.
pub async fn names(api: &Api) -> Result<BTreeMap<String, String>, Error> {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Row {
        id: String,
        name: String,
    }
    let rows: Vec<Row> = page::all(api, PATH, &[], None).await?;
    Ok(rows.into_iter().map(|row| (row.id, row.name)).collect())
}

/// The id of a group; a UUID is taken as it is.
///
/// # Errors
/// When no group has the name or the call fails.
pub async fn id(api: &Api, name_or_id: &str) -> Result<String, Error> {
    LookupRow::id(api, PATH, "group", name_or_id).await
}

/// The server's own representation.
///
/// # Errors
/// When the call fails.
pub async fn detail(api: &Api, id: &str) -> Result<Value, Error> {
    api.get_json(&path::join(PATH, &[id])?, &[]).await
}

/// Creates a group.
///
/// # Errors
/// When the call fails.
pub async fn create(api: &Api, group: &NewGroup) -> Result<(), Error> {
    api.post_ignoring(PATH, group).await
}

/// Sends the whole edited representation back.
///
/// # Errors
/// When the call fails.
pub async fn update(api: &Api, id: &str, document: &Value) -> Result<Value, Error> {
    api.patch_json(&path::join(PATH, &[id])?, document).await
}

/// Removes a group.
///
/// # Errors
/// When the call fails.
pub async fn delete(api: &Api, id: &str) -> Result<(), Error> {
    api.delete(&path::join(PATH, &[id])?).await
}
