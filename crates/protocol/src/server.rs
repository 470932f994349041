//! Managed servers and their registration (`rest-identity.md` §18).

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::iam::UserSummary;
use crate::id::{GroupId, RegistrationTokenId, ServerId};

/// A server inside another object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct ServerSummary {
    /// Id.
    pub id: ServerId,
    /// Name.
    pub name: String,
    /// Operating system, when known.
    pub os: Option<String>,
    /// Its agent holds a connection now.
    pub is_connected: bool,
}

/// A server, a row of `GET /api/servers/servers/`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Server {
    /// Id.
    pub id: ServerId,
    /// Slug, unique in the workspace.
    pub name: String,
    /// `debian`, `rhel`, `darwin`, `windows`; fixed at registration.
    pub platform: String,
    /// Address the agent connects from.
    pub remote_ip: String,
    /// State for people.
    pub status: ServerStatus,
    /// Its agent holds a connection now.
    pub is_connected: bool,
    /// The server holds the agent's first commit.
    pub commissioned: bool,
    /// Marked by the caller.
    pub starred: bool,
    /// Physical cores.
    pub cpu_physical_cores: i64,
    /// Logical cores.
    pub cpu_logical_cores: i64,
    /// Machine type, for example `x86_64`.
    pub cpu_type: String,
    /// Memory in bytes.
    pub physical_memory: i64,
    /// Distribution.
    pub os_name: String,
    /// Its version.
    pub os_version: String,
    /// One-minute load average.
    pub load: f64,
    /// When the host booted.
    pub boot_time: Option<DateTime<Utc>>,
    /// Agent version.
    pub version: String,
    /// What the agent can prove about commands: `none`, `observed`, `enforced`, `confined`.
    pub enforcement: String,
    /// Who registered it.
    pub owner: Option<UserSummary>,
    /// Groups whose members see it.
    pub groups: Vec<GroupId>,
    /// Tags given at registration.
    pub tags: std::collections::BTreeMap<String, String>,
    /// Creation time.
    pub added_at: Option<DateTime<Utc>>,
    /// Last change.
    pub updated_at: Option<DateTime<Utc>>,
}

/// The `status` member of [`Server`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct ServerStatus {
    /// `ok`, `warning`, `error` or `offline`.
    pub code: String,
    /// Icon name.
    pub icon: String,
    /// Text for people.
    pub text: String,
    /// Colour name.
    pub color: String,
    /// Findings.
    pub messages: Vec<String>,
    /// Delays in seconds.
    pub meta: ServerDelays,
}

/// Delays of a server's agent, in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct ServerDelays {
    /// Mean of the last day.
    pub delay_1d: f64,
    /// Mean of the last hour.
    pub delay_1h: f64,
    /// Mean of the last week.
    pub delay_1w: f64,
    /// Newest.
    pub delay_now: f64,
}

/// `POST /api/servers/registration-tokens/`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct CreateRegistrationToken {
    /// Name.
    pub name: String,
    /// Groups given to servers registered with it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allowed_groups: Vec<GroupId>,
    /// Absent: never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<DateTime<Utc>>,
}

/// A registration token. `key` is present only in the answer to its creation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct RegistrationToken {
    /// Id.
    pub id: RegistrationTokenId,
    /// Name.
    pub name: String,
    /// Groups given to servers registered with it.
    pub allowed_groups: Vec<GroupId>,
    /// The secret, shown once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Usable.
    pub enabled: bool,
    /// `null`: never.
    pub expires_at: Option<DateTime<Utc>>,
    /// Creation time.
    pub added_at: Option<DateTime<Utc>>,
}

/// `POST /api/servers/registration-methods/{method}/guide/`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct GuideRequest {
    /// `debian`, `rhel`, `darwin`, `windows`.
    pub platform: String,
    /// Absent: the host's name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub server_name: String,
    /// Id of the registration token, never its key.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub registration_token: String,
}

/// Body of `POST /api/servers/servers/{id}/actions/`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct ServerAction {
    /// `reboot_system`, `shutdown_system`, `upgrade_system`, `update_information`,
    /// `restart_agent`, `upgrade_agent`, `shutdown_agent`.
    pub action: String,
    /// Act although people work on the server.
    pub force: bool,
}
