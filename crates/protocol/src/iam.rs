//! People and groups as other objects show them (`rest-identity.md` §16–§17).

use serde::{Deserialize, Serialize};

use crate::id::{GroupId, MembershipId, UserId};

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
