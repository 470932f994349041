//! The caller and other people (`rest-identity.md` §9.3, §17).

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::{Api, Error, page, path, servers::LookupRow};

const PATH: &str = "/api/iam/users/";
const INVITATIONS: &str = "/api/workspaces/invitations/";

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

/// A row of the list of users.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct User {
    /// Id.
    pub id: String,
    /// System account name.
    pub username: String,
    /// Given name.
    pub first_name: String,
    /// Family name.
    pub last_name: String,
    /// Mail address.
    pub email: String,
    /// Free words, `#tag` each.
    pub tags: String,
    /// Groups the user is in.
    pub num_groups: i64,
    /// Numeric id on hosts.
    pub uid: i64,
    /// May log in.
    pub is_active: bool,
    /// Staff privileges.
    pub is_staff: bool,
    /// All privileges.
    pub is_superuser: bool,
    /// Kept in a directory.
    pub is_ldap_user: bool,
}

/// A user to be created. No `Debug`, so that the password stays out of logs.
#[derive(Clone, Default, Serialize)]
pub struct NewUser {
    /// System account name.
    pub username: String,
    /// First password.
    pub password: String,
    /// Given name.
    pub first_name: String,
    /// Family name.
    pub last_name: String,
    /// Mail address.
    pub email: String,
    /// Phone number.
    pub phone: String,
    /// Free words, `#tag` each.
    pub tags: String,
    /// For people.
    pub description: String,
    /// Login shell; empty: the server's default.
    pub shell: String,
    /// May log in.
    pub is_active: bool,
    /// Staff privileges.
    pub is_staff: bool,
    /// All privileges.
    pub is_superuser: bool,
    /// Kept in a directory.
    pub is_ldap_user: bool,
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

/// All users.
///
/// # Errors
/// When the call fails.
pub async fn list(api: &Api) -> Result<Vec<User>, Error> {
    page::all(api, PATH, &[], None).await
}

/// The id of an account; a UUID is taken as it is.
///
/// # Errors
/// When no account has the name or the call fails.
pub async fn id(api: &Api, name_or_id: &str) -> Result<String, Error> {
    match Uuid::parse_str(name_or_id) {
        Ok(_) => Ok(name_or_id.to_owned()),
        Err(_) => id_by_username(api, name_or_id).await,
    }
}

/// The id of the account with exactly this name.
///
/// # Errors
/// When there is none or the call fails.
pub async fn id_by_username(api: &Api, username: &str) -> Result<String, Error> {
    let rows = api.get(PATH, &[("username", username.to_owned())]).await?;
    LookupRow::pick(rows, "user", username)
}

/// The server's own representation.
///
/// # Errors
/// When the call fails.
pub async fn detail(api: &Api, id: &str) -> Result<Value, Error> {
    api.get_json(&path::join(PATH, &[id])?, &[]).await
}

/// Creates a user.
///
/// # Errors
/// When the call fails.
pub async fn create(api: &Api, user: &NewUser) -> Result<(), Error> {
    api.post_ignoring(PATH, user).await
}

/// Sends the whole edited representation back.
///
/// # Errors
/// When the call fails.
pub async fn update(api: &Api, id: &str, document: &Value) -> Result<Value, Error> {
    api.patch_json(&path::join(PATH, &[id])?, document).await
}

/// Removes a user.
///
/// # Errors
/// When the call fails.
pub async fn delete(api: &Api, id: &str) -> Result<(), Error> {
    api.delete(&path::join(PATH, &[id])?).await
}

/// A user's second factors, as the server shows them.
///
/// # Errors
/// When the call fails.
pub async fn mfa(api: &Api, id: &str) -> Result<Value, Error> {
    api.get_json(&path::join(PATH, &[id, "mfa"])?, &[]).await
}

/// Removes all second factors of a user and ends their logins.
///
/// # Errors
/// When the call fails.
pub async fn reset_mfa(api: &Api, id: &str) -> Result<(), Error> {
    api.delete(&path::join(PATH, &[id, "mfa"])?).await
}

/// Invites somebody by mail.
///
/// # Errors
/// When the call fails, for example for a member.
pub async fn invite(api: &Api, email: &str) -> Result<(), Error> {
    let body = serde_json::json!({ "email": email });
    api.post_ignoring("/api/workspaces/users/invite/", &body)
        .await
}

/// An open invitation. Listing and taking back are additions of our server.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Invitation {
    /// Id.
    pub id: String,
    /// Mail address.
    pub email: String,
    /// Who invited.
    pub invited_by: Option<UserSummary>,
    /// When, RFC 3339.
    pub added_at: String,
    /// Until when it can be taken, RFC 3339.
    pub expires_at: String,
}

/// Invitations that nobody has taken yet.
///
/// # Errors
/// When the call fails, for example for a member.
pub async fn invitations(api: &Api) -> Result<Vec<Invitation>, Error> {
    page::all(api, INVITATIONS, &[], None).await
}

/// Takes an invitation back: its link is void.
///
/// # Errors
/// When there is none (any more) or the call fails.
pub async fn revoke_invitation(api: &Api, id: &str) -> Result<(), Error> {
    api.delete(&path::join(INVITATIONS, &[id])?).await
}

/// Chooses the caller's system account name; gives it as the server took it.
///
/// # Errors
/// When the server refuses the name.
pub async fn set_username(api: &Api, username: &str) -> Result<String, Error> {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Answer {
        username: String,
    }
    let body = serde_json::json!({ "username": username });
    let answer: Answer = api.post("/api/iam/username/", &body).await?;
    Ok(match answer.username.as_str() {
        "" => username.to_owned(),
        _ => answer.username,
    })
}
