//! API tokens and their access-control lists (`rest-identity.md` §19–§20).

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::id::{AclId, ServerId, TokenId};

/// An API token. `key` is present only in the answer that creates it.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct ApiToken {
    /// Id.
    pub id: TokenId,
    /// Unique per owner.
    pub name: String,
    /// The secret, shown once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Usable.
    pub enabled: bool,
    /// `resource:action`, `resource:*` or `*`.
    pub scopes: Vec<String>,
    /// Last change.
    pub updated_at: Option<DateTime<Utc>>,
    /// `null`: never.
    pub expires_at: Option<DateTime<Utc>>,
    /// To the minute; `null`: never.
    pub last_used_at: Option<DateTime<Utc>>,
}

/// Without the key.
impl fmt::Debug for ApiToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiToken")
            .field("id", &self.id)
            .field("name", &self.name)
            .field("enabled", &self.enabled)
            .field("scopes", &self.scopes)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// `POST /api/auth/tokens/`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct CreateApiToken {
    /// At most 128 characters.
    pub name: String,
    /// `null`: never.
    pub expires_at: Option<DateTime<Utc>>,
    /// Absent: everything.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<String>,
}

/// `POST /api/auth/tokens/{id}/duplicate/`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct DuplicateApiToken {
    /// Absent: made from the name of the original.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
}

/// `GET /api/auth/tokens/scopes/`: what the caller may grant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct ScopeCatalogue {
    /// Resources.
    pub resources: Vec<ScopeResource>,
    /// Scopes without a resource.
    pub wildcards: Vec<String>,
}

/// A resource that scopes name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct ScopeResource {
    /// Before the colon.
    pub name: String,
    /// After the colon.
    pub actions: Vec<String>,
    /// Access-control lists that bound it too: `command`, `server`, `file`.
    pub acl: Vec<String>,
}

/// A command rule, a row of `/api/security/command-acl/` and what is posted there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct CommandRule {
    /// Id; not sent by clients.
    #[serde(skip_serializing_if = "AclId::is_nil")]
    pub id: AclId,
    /// The token it bounds.
    pub token: TokenId,
    /// Instead of `token`: a token of an application.
    #[serde(skip_serializing_if = "TokenId::is_nil")]
    pub service_token: TokenId,
    /// Its name; not sent by clients.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub token_name: String,
    /// Command line, `*` matches any characters.
    pub command: String,
    /// Empty: the owner's account; `*`: any.
    pub username: String,
    /// Empty or `*`: any.
    pub groupname: String,
}

/// A file rule, a row of `/api/security/file-acl/` and what is posted there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct FileRule {
    /// Id; not sent by clients.
    #[serde(skip_serializing_if = "AclId::is_nil")]
    pub id: AclId,
    /// The token it bounds.
    pub token: TokenId,
    /// Instead of `token`: a token of an application.
    #[serde(skip_serializing_if = "TokenId::is_nil")]
    pub service_token: TokenId,
    /// Its name; not sent by clients.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub token_name: String,
    /// Path, `*` matches any characters.
    pub path: String,
    /// `upload`, `download` or `*`.
    pub action: String,
    /// Empty: the owner's account; `*`: any.
    pub username: String,
    /// Empty or `*`: any.
    pub groupname: String,
}

/// A server rule, a row of `/api/security/server-acl/`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct ServerRule {
    /// Id.
    pub id: AclId,
    /// The token it bounds.
    pub token: TokenId,
    /// The same, where an application owns the token.
    #[serde(skip_serializing_if = "TokenId::is_nil")]
    pub service_token: TokenId,
    /// Its name.
    pub token_name: String,
    /// The server.
    pub server: RuleServer,
}

/// The server of a [`ServerRule`]; both members are `*` where it means every server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct RuleServer {
    /// Id.
    pub id: String,
    /// Name.
    pub name: String,
}

/// `POST /api/security/server-acl/`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct AddServerRule {
    /// The token to bound.
    pub token: TokenId,
    /// Instead of `token`: a token of an application.
    #[serde(skip_serializing_if = "TokenId::is_nil")]
    pub service_token: TokenId,
    /// The server it may reach.
    pub server: ServerId,
}

/// `POST /api/security/server-acl/bulk/` and `…/bulk/delete/`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct ServerRules {
    /// The token to bound.
    pub token: TokenId,
    /// Instead of `token`: a token of an application.
    #[serde(skip_serializing_if = "TokenId::is_nil")]
    pub service_token: TokenId,
    /// 1 to 100 servers.
    pub servers: Vec<ServerId>,
}
