//! Joining by invitation, and passwords (`rest-identity.md` §17.2). All but the
//! invitation itself is an addition of ours.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::iam::UserSummary;
use crate::id::InvitationId;

/// `POST /api/workspaces/users/invite/`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Invite {
    /// Mail address.
    pub email: String,
}

/// What was done, in words; the array is what public clients know.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Done {
    /// For people.
    pub detail: Vec<String>,
}

/// An open invitation, as `/api/workspaces/invitations/` lists it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Invitation {
    /// Id.
    pub id: InvitationId,
    /// Mail address, in lower case.
    pub email: String,
    /// Who invited.
    pub invited_by: Option<UserSummary>,
    /// When.
    pub added_at: Option<DateTime<Utc>>,
    /// Until when it can be taken.
    pub expires_at: Option<DateTime<Utc>>,
}

/// `POST /api/auth/invitations/accept/`.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct AcceptInvitation {
    /// From the mail.
    pub token: String,
    /// System account name.
    pub username: String,
    /// To log in with.
    pub password: String,
}

/// `POST /api/auth/password/`: another password, by who knows the one there is.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct ChangePassword {
    /// Whose.
    pub username: String,
    /// The one there is.
    pub password: String,
    /// The one there shall be.
    pub new_password: String,
    /// Code of a second factor, for who has one.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub otp: String,
}

/// `POST /api/auth/password/reset/`: a mail with leave to choose another password.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct ResetPassword {
    /// Account name or mail address.
    pub login: String,
}

/// `POST /api/auth/password/reset/complete/`.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct CompletePasswordReset {
    /// From the mail.
    pub token: String,
    /// The password there shall be.
    pub new_password: String,
}

impl fmt::Debug for AcceptInvitation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AcceptInvitation")
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for ChangePassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChangePassword")
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for CompletePasswordReset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CompletePasswordReset")
            .finish_non_exhaustive()
    }
}
