//! The caller and other people (`rest-identity.md` §9.3, §17).

use serde::Deserialize;

use crate::{Api, Error, page, servers::LookupRow};

/// A user inside another object.
#[derive(Clone, Debug, Default, Deserialize, serde::Serialize)]
#[serde(default)]
pub struct UserSummary {
    /// Id.
    pub id: String,
    /// Display name.
    pub name: String,
    /// Mail address.
    pub email: String,
}

/// The caller's own account.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct CurrentUser {
    /// Id.
    pub id: String,
    /// System account name; may be empty until chosen.
    pub username: String,
    /// Mail address.
    pub email: String,
    /// Phone number.
    pub phone: String,
    /// Numeric id on hosts; 0: none.
    pub uid: i64,
    /// Login shell.
    pub shell: String,
    /// Home directory.
    pub home_directory: String,
    /// Staff privileges.
    pub is_staff: bool,
    /// All privileges.
    pub is_superuser: bool,
}

impl CurrentUser {
    /// `superuser`, `staff` or `user`.
    #[must_use]
    pub fn role(&self) -> &'static str {
        match (self.is_superuser, self.is_staff) {
            (true, _) => "superuser",
            (_, true) => "staff",
            _ => "user",
        }
    }
}

/// A membership of the caller.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Membership {
    /// Group.
    pub group_name: String,
    /// `owner`, `manager` or `member`.
    pub role: String,
}

/// The caller's account.
///
/// # Errors
/// When the call fails; service tokens have no account.
pub async fn current(api: &Api) -> Result<CurrentUser, Error> {
    api.get("/api/iam/users/-/", &[]).await
}

/// The caller's privileges: the one path without closing slash.
///
/// # Errors
/// Like [`current`].
pub async fn privileges(api: &Api) -> Result<CurrentUser, Error> {
    api.get("/api/iam/users/-", &[]).await
}

/// Groups of a user.
///
/// # Errors
/// When the call fails.
pub async fn memberships(api: &Api, user: &str) -> Result<Vec<Membership>, Error> {
    let filter = [("user", user.to_owned())];
    page::all(api, "/api/iam/memberships/", &filter, None).await
}

/// The id of the account with exactly this name.
///
/// # Errors
/// When there is none or the call fails.
pub async fn id_by_username(api: &Api, username: &str) -> Result<String, Error> {
    let rows = api
        .get("/api/iam/users/", &[("username", username.to_owned())])
        .await?;
    LookupRow::pick(rows, "user", username)
}

/// Chooses the caller's system account name.
///
/// # Errors
/// When the server refuses the name.
pub async fn set_username(api: &Api, username: &str) -> Result<(), Error> {
    let body = serde_json::json!({ "username": username });
    api.post_ignoring("/api/iam/username/", &body).await
}
