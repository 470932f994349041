//! Login and the caller's own identity (`rest-identity.md` §5–§9).

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::id::{ApplicationId, LoginId, UserId};

/// `GET /api/auth/env/?client=cli`: how a client may log in here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct AuthEnvironment {
    /// The login method and, for OAuth, its parameters.
    pub auth0: AuthMethod,
    /// The workspace's language.
    pub language: String,
    /// Additions to the public protocol that this server offers, see
    /// [`extension`]. Older servers leave it out.
    pub extensions: Vec<String>,
}

/// Names of additions to the public protocol.
pub mod extension {
    /// Command submission may stream its own output, see
    /// [`crate::command::StreamEvent`].
    pub const EXEC_STREAM: &str = "exec-stream/1";
    /// The agent may send its reports in batches, see
    /// [`crate::agent::Report`].
    pub const REPORT_BATCH: &str = "report-batch/1";
    /// The agent verifies signed orders, see [`crate::order`].
    pub const SIGNED_ORDERS: &str = "signed-orders/1";
    /// The agent runs orders under the exec guard, see
    /// [`crate::order::Order::guard`].
    pub const EXEC_GUARD: &str = "exec-guard/1";
    /// Tunnels speak smux version 2, with resets: see [`crate::tunnel`].
    pub const TUNNEL_MUX: &str = "tunnel-mux/2";
    /// A terminal's WebSocket carries frames, see [`crate::terminal`].
    pub const TERMINAL_RESUME: &str = "terminal-resume/1";
    /// Transfers may stream, wait and resume, see [`crate::transfer`].
    pub const TRANSFER_STREAM: &str = "transfer-stream/1";
}

/// The `auth0` member of [`AuthEnvironment`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct AuthMethod {
    /// `auth0` selects the OAuth device flow, anything else username and password.
    pub method: String,
    /// OAuth client id.
    pub client_id: String,
    /// Host, optionally with port, of the OAuth server.
    pub domain: String,
    /// Audience of the device-code request.
    pub audience: String,
    /// Stable name of the workspace.
    pub schema_name: String,
    /// Id of the workspace.
    pub workspace_id: String,
}

/// `POST /api/auth/login/`.
#[derive(Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct LoginRequest {
    /// The address the user typed; ignored by the server.
    pub workspace_url: String,
    /// Account name.
    pub username: String,
    /// Password.
    pub password: String,
    /// Ours: the code of a second factor, where the account has one; may be empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub otp: String,
}

impl std::fmt::Debug for LoginRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LoginRequest")
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}

/// Answer of `POST /api/auth/login/`.
#[derive(Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct LoginResponse {
    /// Session token, sent as `Authorization: token="…"`.
    pub token: String,
    /// RFC 3339; may be empty.
    pub expires_at: String,
}

/// `GET /api/auth/whoami/`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Whoami {
    /// `user` or `application`; never empty.
    pub principal_type: String,
    /// How the request was authenticated.
    pub auth: WhoamiAuth,
    /// Present for service tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub application: Option<WhoamiApplication>,
    /// Present for users.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<WhoamiUser>,
    /// Ours: whether operations on servers need a work session for this login.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub work_session_required: Option<bool>,
}

/// The `auth` member of [`Whoami`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct WhoamiAuth {
    /// `jwt`, `password`, `api_token`, `service_token`.
    pub method: String,
    /// Scopes of a token; `["*"]` for logins.
    pub scopes: Vec<String>,
}

/// The `application` member of [`Whoami`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct WhoamiApplication {
    /// Id.
    pub id: ApplicationId,
    /// Name.
    pub name: String,
    /// `ci_cd`, `monitoring`, `automation`, `integration`.
    pub service_type: String,
    /// Service account name.
    pub username: String,
}

/// The `user` member of [`Whoami`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct WhoamiUser {
    /// Id.
    pub id: UserId,
    /// Account name.
    pub username: String,
    /// Mail address.
    pub email: String,
    /// `superuser`, `staff` or `user`.
    pub role: String,
}

/// `GET /api/iam/users/-` and `GET /api/iam/users/-/`; also a row of the user list.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct User {
    /// Id.
    pub id: UserId,
    /// System account name; may be empty until chosen.
    pub username: String,
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
    /// Groups the user is in.
    pub num_groups: u64,
    /// Numeric id on hosts.
    pub uid: i64,
    /// Login shell on hosts.
    pub shell: String,
    /// Home directory on hosts.
    pub home_directory: String,
    /// May log in.
    pub is_active: bool,
    /// Staff privileges.
    pub is_staff: bool,
    /// All privileges.
    pub is_superuser: bool,
    /// Managed by a directory.
    pub is_ldap_user: bool,
    /// Creation time.
    pub date_joined: Option<DateTime<Utc>>,
}

/// A row of `GET /api/auth/sessions/`: a login of the caller. Ours.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct LoginSession {
    /// Id.
    pub id: LoginId,
    /// The login that asks.
    pub is_current: bool,
    /// `password`, `browser` or `oauth`.
    pub method: String,
    /// The OAuth client.
    pub client: String,
    /// The installation that the client names.
    pub device: String,
    /// What the program or browser says it is.
    pub user_agent: String,
    /// Where it was last seen.
    pub remote_ip: String,
    /// Start.
    pub added_at: Option<DateTime<Utc>>,
    /// When it last got something new.
    pub seen_at: Option<DateTime<Utc>>,
    /// End.
    pub expires_at: Option<DateTime<Utc>>,
}

/// `POST /api/auth/sessions/end/`. Ours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct EndSessions {
    /// End the login that asks, too.
    pub include_current: bool,
}
