//! Access rules of API tokens (`rest-identity.md` §20). The three lists are
//! independent, and each denies what it does not name.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{Api, Error, page, path};

const SERVER_PATH: &str = "/api/security/server-acl/";

/// A row of one of the three lists.
pub trait Rule: DeserializeOwned + Default {
    /// Where the list is.
    const PATH: &'static str;
}

/// Allows a command.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct CommandRule {
    /// Id.
    pub id: String,
    /// Token.
    pub token_name: String,
    /// Glob over the command.
    pub command: String,
    /// Account on the server; empty: the owner's, `*`: any.
    pub username: String,
    /// Group on the server; empty or `*`: any.
    pub groupname: String,
}

/// Allows a server.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ServerRule {
    /// Id.
    pub id: String,
    /// Token.
    pub token_name: String,
    /// The server.
    pub server: RuleServer,
}

/// The server of a [`ServerRule`].
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct RuleServer {
    /// Id.
    pub id: String,
    /// Name.
    pub name: String,
}

/// Allows a file transfer.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct FileRule {
    /// Id.
    pub id: String,
    /// Token.
    pub token_name: String,
    /// Glob over the path.
    pub path: String,
    /// `upload`, `download` or `*`.
    pub action: String,
    /// Account on the server; empty: the owner's, `*`: any.
    pub username: String,
    /// Group on the server; empty or `*`: any.
    pub groupname: String,
}

/// A rule to be added to the command list.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct NewCommandRule<'a> {
    /// Id of the token.
    pub token: &'a str,
    /// Glob over the command.
    pub command: &'a str,
    /// See [`CommandRule::username`].
    #[serde(skip_serializing_if = "str::is_empty")]
    pub username: &'a str,
    /// See [`CommandRule::groupname`].
    #[serde(skip_serializing_if = "str::is_empty")]
    pub groupname: &'a str,
}

/// A rule to be added to the file list.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct NewFileRule<'a> {
    /// Id of the token.
    pub token: &'a str,
    /// Glob over the path.
    pub path: &'a str,
    /// `upload`, `download` or `*`.
    pub action: &'a str,
    /// See [`FileRule::username`].
    #[serde(skip_serializing_if = "str::is_empty")]
    pub username: &'a str,
    /// See [`FileRule::groupname`].
    #[serde(skip_serializing_if = "str::is_empty")]
    pub groupname: &'a str,
}

impl Rule for CommandRule {
    const PATH: &'static str = "/api/security/command-acl/";
}

impl Rule for ServerRule {
    const PATH: &'static str = SERVER_PATH;
}

impl Rule for FileRule {
    const PATH: &'static str = "/api/security/file-acl/";
}

/// The rules of a token, given by id.
///
/// # Errors
/// When the call fails.
pub async fn list<R: Rule>(api: &Api, token: &str) -> Result<Vec<R>, Error> {
    page::all(api, R::PATH, &[("token", token.to_owned())], None).await
}

/// Removes a rule.
///
/// # Errors
/// When the call fails.
pub async fn delete<R: Rule>(api: &Api, id: &str) -> Result<(), Error> {
    api.delete(&path::join(R::PATH, &[id])?).await
}

/// Allows a command.
///
/// # Errors
/// When the call fails.
pub async fn add_command(api: &Api, rule: &NewCommandRule<'_>) -> Result<(), Error> {
    api.post_ignoring(CommandRule::PATH, rule).await
}

/// Allows a file transfer.
///
/// # Errors
/// When the call fails.
pub async fn add_file(api: &Api, rule: &NewFileRule<'_>) -> Result<(), Error> {
    api.post_ignoring(FileRule::PATH, rule).await
}

/// Allows a server. Both are ids.
///
/// # Errors
/// When the call fails.
pub async fn add_server(api: &Api, token: &str, server: &str) -> Result<(), Error> {
    let body = json!({ "token": token, "server": server });
    api.post_ignoring(SERVER_PATH, &body).await
}

/// Allows several servers at once. All are ids.
///
/// # Errors
/// When the call fails.
pub async fn add_servers(api: &Api, token: &str, servers: &[String]) -> Result<(), Error> {
    let body = json!({ "token": token, "servers": servers });
    api.post_ignoring(&path::join(SERVER_PATH, &["bulk"])?, &body)
        .await
}

/// Removes the rules for several servers at once. All are ids.
///
/// # Errors
/// When the call fails.
pub async fn delete_servers(api: &Api, token: &str, servers: &[String]) -> Result<(), Error> {
    let body = json!({ "token": token, "servers": servers });
    api.post_ignoring(&path::join(SERVER_PATH, &["bulk", "delete"])?, &body)
        .await
}
