//! Groups, as far as registration tokens need them.

use std::collections::BTreeMap;

use serde::Deserialize;
use uuid::Uuid;

use crate::{Api, Error, page, servers::LookupRow};

const PATH: &str = "/api/iam/groups/";

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
    if Uuid::parse_str(name_or_id).is_ok() {
        return Ok(name_or_id.to_owned());
    }
    let rows = api.get(PATH, &[("name", name_or_id.to_owned())]).await?;
    LookupRow::pick(rows, "group", name_or_id)
}
