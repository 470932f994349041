//! People, groups and who is in which (`rest-identity.md` §14, §16–§17).

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::id::{GroupId, MembershipId, ServerId, UserId};
use crate::server::ServerSummary;

/// A user inside another object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct UserSummary {
    /// Id.
    pub id: UserId,
    /// Display name, the account name where there is none.
    pub name: String,
    /// Mail address.
    pub email: String,
}

/// A membership, a row of `GET /api/iam/memberships/`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Membership {
    /// Id.
    pub id: MembershipId,
    /// Group.
    pub group: GroupId,
    /// Its name.
    pub group_name: String,
    /// Member.
    pub user: UserSummary,
    /// `owner`, `manager` or `member`.
    pub role: String,
}

/// `POST /api/iam/users/`. Everything but the name and the password may be empty.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct CreateUser {
    /// System account name.
    pub username: String,
    /// Password; may be empty where a directory manages the user.
    pub password: String,
    /// Given name.
    pub first_name: String,
    /// Family name.
    pub last_name: String,
    /// Mail address.
    pub email: String,
    /// Phone number.
    pub phone: String,
    /// Free tags.
    pub tags: String,
    /// Free text.
    pub description: String,
    /// Login shell on hosts; empty: `/bin/bash`.
    pub shell: String,
    /// Staff privileges; only superusers give them.
    pub is_staff: bool,
    /// All privileges; only superusers give them.
    pub is_superuser: bool,
    /// Managed by a directory.
    pub is_ldap_user: bool,
}

/// Without the password.
impl std::fmt::Debug for CreateUser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CreateUser")
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}

/// A group, which grants its members access to its servers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Group {
    /// Id.
    pub id: GroupId,
    /// Unique, and stays.
    pub name: String,
    /// For people.
    pub display_name: String,
    /// Free text.
    pub description: String,
    /// Free tags.
    pub tags: String,
    /// Members.
    pub num_members: u64,
    /// Their names.
    pub members_names: Vec<String>,
    /// Numeric id on hosts.
    pub gid: i64,
    /// Managed by a directory.
    pub is_ldap_group: bool,
    /// Its servers, as far as the caller sees them.
    pub servers: Vec<ServerSummary>,
    /// Creation.
    pub added_at: Option<DateTime<Utc>>,
    /// Last change.
    pub updated_at: Option<DateTime<Utc>>,
}

/// `POST /api/iam/groups/`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct CreateGroup {
    /// Lower-case letters, digits, `-` and `_`.
    pub name: String,
    /// For people; empty: the name.
    pub display_name: String,
    /// Free text.
    pub description: String,
    /// Free tags.
    pub tags: String,
    /// Managed by a directory.
    pub is_ldap_group: bool,
    /// Servers.
    pub servers: Vec<ServerId>,
}

/// `POST /api/iam/memberships/`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct CreateMembership {
    /// Group.
    pub group: GroupId,
    /// Who joins.
    pub user: UserId,
    /// `owner`, `manager` or `member`, in any case; empty: `member`.
    pub role: String,
}

/// `POST /api/iam/username/`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct SetUsername {
    /// System account name.
    pub username: String,
}

/// Answer of `POST /api/iam/username/`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct UsernameSet {
    /// The caller.
    pub id: UserId,
    /// Their system account name.
    pub username: String,
}
