//! Webhooks (`rest-operations.md` §13), and who people are in a chat.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::iam::UserSummary;
use crate::id::{ChatIdentityId, UserId, WebhookId};

/// What may receive notifications.
pub mod provider {
    /// Block Kit messages, with buttons when the signing secret is known.
    pub const SLACK: &str = "slack";
    /// Plain messages.
    pub const DISCORD: &str = "discord";
    /// Adaptive cards.
    pub const TEAMS: &str = "teams";
    /// Plain messages; the chat is in the URL.
    pub const TELEGRAM: &str = "telegram";
    /// Signed JSON.
    pub const CUSTOM: &str = "custom";
    /// All of them.
    pub const ALL: [&str; 5] = [SLACK, DISCORD, TEAMS, TELEGRAM, CUSTOM];
}

/// Header of a signed notification: seconds since 1970.
pub const TIMESTAMP_HEADER: &str = "x-alpacon-timestamp";
/// Header of a signed notification: `v1=` and the hex HMAC-SHA256, keyed with the
/// webhook's secret, of `v1:`, the timestamp, `:` and the body.
pub const SIGNATURE_HEADER: &str = "x-alpacon-signature";
/// Header of a notification: its id, the same on every attempt.
pub const DELIVERY_HEADER: &str = "x-alpacon-delivery";

/// A webhook.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Webhook {
    /// Id.
    pub id: WebhookId,
    /// Unique in the workspace.
    pub name: String,
    /// Where to.
    pub url: String,
    /// See [`provider`].
    pub provider: String,
    /// Certificates are always verified.
    pub ssl_verify: bool,
    /// Notifications go there.
    pub enabled: bool,
    /// Who answers for it.
    pub owner: Option<UserSummary>,
    /// Since when.
    pub added_at: Option<DateTime<Utc>>,
    /// Last change.
    pub updated_at: Option<DateTime<Utc>>,
    /// Ours: it has a secret.
    pub has_secret: bool,
    /// Ours: the secret, when it was made here, once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// Ours: why the last notification was not delivered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
}

/// `POST /api/notifications/webhooks/`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct CreateWebhook {
    /// Unique in the workspace.
    pub name: String,
    /// HTTPS.
    pub url: String,
    /// See [`provider`].
    pub provider: String,
    /// True, or absent.
    pub ssl_verify: Option<bool>,
    /// True, or absent: notifications go there.
    pub enabled: Option<bool>,
    /// Absent: the caller.
    pub owner: Option<UserId>,
    /// Ours. Slack: the app's signing secret. Teams: the security token of the outgoing
    /// webhook. Custom: what signs notifications; absent: made here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

/// Who a user is in the chat behind a webhook.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct ChatIdentity {
    /// Id.
    pub id: ChatIdentityId,
    /// Slack: `TEAM/USER`. Teams: `TENANT/OBJECT`.
    pub external_id: String,
    /// The user.
    pub user: Option<UserSummary>,
    /// Since when.
    pub added_at: Option<DateTime<Utc>>,
}

/// `POST /api/notifications/webhooks/{id}/identities/`: who the caller is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct CreateChatIdentity {
    /// Slack: `TEAM/USER`. Teams: `TENANT/OBJECT`.
    pub external_id: String,
}

/// Something that reviewers are told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Notification {
    /// `approval.pending`, `approval.approved`, `approval.rejected`,
    /// `approval.cancelled`, `approval.expired` or `command.risk`.
    pub event: String,
    /// One line for people.
    pub title: String,
    /// When.
    pub timestamp: DateTime<Utc>,
    /// Name of the workspace.
    pub workspace: String,
    /// What it is about.
    pub facts: Vec<Fact>,
    /// Where to decide; absent when the server does not know its address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// The object, as the API shows it.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub object: Value,
}

/// A name and a value for people.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Fact {
    /// Name.
    pub name: String,
    /// Value; may have several lines.
    pub value: String,
}
