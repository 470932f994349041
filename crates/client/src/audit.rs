//! Audit activity (`rest-operations.md` §11).

use chrono::{DateTime, Utc};
use serde::Deserialize;

use crate::{Api, Error, decode, page};

/// One recorded act.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Activity {
    /// Actor.
    pub username: String,
    /// Area.
    pub app: String,
    /// What was done.
    pub action: String,
    /// Kind of object.
    pub model: String,
    /// HTTP status the actor got.
    pub status_code: i64,
    /// Source address.
    pub ip: String,
    /// Text for people.
    pub description: String,
    /// When.
    #[serde(deserialize_with = "decode::time")]
    pub added_at: Option<DateTime<Utc>>,
}

/// Which acts; `user` is an id, empty filters are left out.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Id of the actor.
    pub user: Option<String>,
    /// Area.
    pub app: Option<String>,
    /// Kind of object.
    pub model: Option<String>,
}

/// The newest `limit` acts.
///
/// # Errors
/// When the call fails.
pub async fn list(api: &Api, filter: Filter, limit: usize) -> Result<Vec<Activity>, Error> {
    let query: Vec<_> = [
        ("user", filter.user),
        ("app", filter.app),
        ("model", filter.model),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name, value?)))
    .filter(|(_, value)| !value.is_empty())
    .collect();
    page::newest(api, "/api/audit/activity/", &query, limit).await
}
