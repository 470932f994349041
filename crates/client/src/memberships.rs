//! Who is in which group (`rest-identity.md` §17.4).

use serde::Deserialize;
use serde_json::json;

use crate::users::UserSummary;
use crate::{Api, Error, page, path};

const PATH: &str = "/api/iam/memberships/";

/// A membership.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Membership {
    /// Id.
    pub id: String,
    /// Id of the group.
    pub group: String,
    /// Its name.
    pub group_name: String,
    /// The member.
    pub user: UserSummary,
    /// `owner`, `manager` or `member`.
    pub role: String,
}

/// Groups of a user, given by id.
///
/// # Errors
/// When the call fails.
pub async fn of_user(api: &Api, user: &str) -> Result<Vec<Membership>, Error> {
    let filter = [("user", user.to_owned())];
    page::all(api, PATH, &filter, None).await
}

/// The membership of a user in a group, both given by id. `None`: not a member.
///
/// # Errors
/// When the call fails.
pub async fn find(api: &Api, group: &str, user: &str) -> Result<Option<Membership>, Error> {
    let filter = [("group", group.to_owned()), ("user", user.to_owned())];
    let rows: Vec<Membership> = match page::all(api, PATH, &filter, None).await {
        Err(error) if error.status() == Some(404) => Vec::new(),
        rows => rows?,
    };
    // A server that ignored the filter must not make us remove somebody else.
    Ok(rows
        .into_iter()
        .find(|row| row.group == group && row.user.id == user))
}

/// Adds a user to a group, both given by id.
///
/// # Errors
/// When the call fails.
pub async fn add(api: &Api, group: &str, user: &str, role: &str) -> Result<(), Error> {
    let body = json!({ "group": group, "user": user, "role": role });
    api.post_ignoring(PATH, &body).await
}

/// Ends a membership.
///
/// # Errors
/// When the call fails.
pub async fn delete(api: &Api, id: &str) -> Result<(), Error> {
    api.delete(&path::join(PATH, &[id])?).await
}
