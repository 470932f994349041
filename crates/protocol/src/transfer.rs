//! File transfers: what clients post (`rest-operations.md` §7), what the agent is
//! ordered and reports (`agent-channels.md` §4), and the transfer log.
//!
//! The bytes never travel through the JSON API: they are put to and read from
//! signed URLs of a store, each for one object and one method.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::id::{ServerId, TransferId, WorkSessionId};
use crate::server::ServerSummary;

/// Header of the answer to `HEAD` on an upload URL, ours: bytes that have arrived.
pub const UPLOAD_OFFSET_HEADER: &str = "upload-offset";

/// `upload` and `download`, as the user sees it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// To the host.
    #[default]
    Upload,
    /// From the host.
    Download,
}

impl Direction {
    /// Its name on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Upload => "upload",
            Self::Download => "download",
        }
    }
}

/// `POST /api/webftp/uploads/`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct CreateUpload {
    /// Base name of the local file.
    pub name: String,
    /// Where to, as typed; a trailing `/` means a directory.
    pub path: String,
    /// Server id.
    pub server: ServerId,
    /// Account; empty: the caller's own.
    pub username: String,
    /// Group; empty: the account's own.
    pub groupname: String,
    /// Replace what is there.
    pub allow_overwrite: bool,
    /// Unpack a zip beside itself and remove it.
    pub allow_unzip: bool,
    /// The selected work session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub work_session: Option<WorkSessionId>,
    /// Ours: order the agent at once, to take the bytes while they arrive.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub streaming: bool,
    /// Ours: bytes that will be put, where the client knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<i64>,
}

/// `POST /api/webftp/uploads/bulk/`: [`CreateUpload`] for several names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct CreateUploads {
    /// Base names of the local files.
    pub names: Vec<String>,
    /// Where to: a directory.
    pub path: String,
    /// Server id.
    pub server: ServerId,
    /// Account; empty: the caller's own.
    pub username: String,
    /// Group; empty: the account's own.
    pub groupname: String,
    /// Replace what is there.
    pub allow_overwrite: bool,
    /// Unpack zips beside themselves and remove them.
    pub allow_unzip: bool,
    /// The selected work session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub work_session: Option<WorkSessionId>,
}

/// `POST /api/webftp/uploads/bulk-upload/`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct TransferIds {
    /// Uploads of one bulk request, at least one.
    pub ids: Vec<TransferId>,
}

/// An upload.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Upload {
    /// Id.
    pub id: TransferId,
    /// Base name.
    pub name: String,
    /// Where to, as typed.
    pub path: String,
    /// Bytes; 0 until they have arrived.
    pub size: i64,
    /// Server.
    pub server: ServerSummary,
    /// Name of who asked.
    pub user: String,
    /// Account on the host.
    pub username: String,
    /// Group on the host.
    pub groupname: String,
    /// RFC 3339; the content is gone then.
    pub expires_at: String,
    /// Absolute, signed, for one `PUT` of the content. Only for who created it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upload_url: Option<String>,
    /// Id of the command that delivers it; empty before.
    pub command: String,
}

/// Without the URL, which is a credential.
impl std::fmt::Debug for Upload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Upload")
            .field("id", &self.id)
            .field("name", &self.name)
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

/// `POST /api/webftp/downloads/`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct CreateDownload {
    /// What, as typed.
    pub path: String,
    /// Base name of the path.
    pub name: String,
    /// Server id.
    pub server: ServerId,
    /// Account; empty: the caller's own.
    pub username: String,
    /// Group; empty: the account's own.
    pub groupname: String,
    /// [`resource::FILE`] or [`resource::FOLDER`].
    pub resource_type: String,
    /// The selected work session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub work_session: Option<WorkSessionId>,
}

/// `POST /api/webftp/downloads/bulk/`: several paths in one zip.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct CreateDownloads {
    /// What, as typed.
    pub path: Vec<String>,
    /// Server id.
    pub server: ServerId,
    /// Account; empty: the caller's own.
    pub username: String,
    /// Group; empty: the account's own.
    pub groupname: String,
    /// The selected work session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub work_session: Option<WorkSessionId>,
}

/// Values of [`CreateDownload::resource_type`].
pub mod resource {
    /// The bytes of one file.
    pub const FILE: &str = "file";
    /// A zip of a directory.
    pub const FOLDER: &str = "folder";
}

/// A download.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Download {
    /// Id.
    pub id: TransferId,
    /// Base name of what the URL gives.
    pub name: String,
    /// What, as typed: a text, or an array of texts for a bulk download.
    pub path: Value,
    /// Bytes; 0 until they are known.
    pub size: i64,
    /// Server.
    pub server: ServerSummary,
    /// Name of who asked.
    pub user: String,
    /// Account on the host.
    pub username: String,
    /// Group on the host.
    pub groupname: String,
    /// RFC 3339; the content is gone then.
    pub expires_at: String,
    /// Absolute, signed, for reading the content. Only for who created it. Ours: it
    /// may be read at once, and then follows the content as it arrives.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub download_url: Option<String>,
    /// Id of the command that fetches it.
    pub command: String,
}

/// Without the URL, which is a credential.
impl std::fmt::Debug for Download {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Download")
            .field("id", &self.id)
            .field("name", &self.name)
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

/// `GET /api/webftp/{uploads,downloads}/{id}/status/`. Ours: `?wait=SECONDS` (at
/// most 30) answers when the transfer ended, or then.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct TransferStatus {
    /// `null` while it runs.
    pub success: Option<bool>,
    /// For people; why, where it failed.
    pub message: String,
    /// Ours: bytes of the content.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<i64>,
    /// Ours: SHA-256 of the content, 64 lowercase hex digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Ours: where an upload went, canonical.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}

/// `POST <url>stat/`: how a transfer went, said by the agent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct TransferReport {
    /// Outcome.
    pub success: bool,
    /// For people.
    pub message: String,
    /// `upload` or `download`, as the user sees it.
    #[serde(rename = "type")]
    pub direction: String,
    /// Ours: bytes of the content.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<i64>,
    /// Ours: SHA-256 of the content, 64 lowercase hex digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Ours: the canonical path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}

/// Allow-lists of globs over canonical paths: each list must allow a path. Ours.
pub type PathRules = Vec<Vec<String>>;

/// Arguments of the internal command `upload`: the agent sends to the store.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SendOrder {
    /// Account to read as.
    pub username: String,
    /// Its group.
    pub groupname: String,
    /// At least one.
    pub paths: Vec<String>,
    /// Absolute URL to send to.
    pub content: String,
    /// Raw `PUT` instead of a multipart `POST`.
    pub use_blob: bool,
    /// Path of the transfer's resource, with a trailing `/`.
    pub url: String,
    /// Where `~` and relative paths start, if the account does not tell.
    pub home_directory: String,
    /// Ours: the store takes a body without a length, and resumes.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub streaming: bool,
    /// Ours: what the authority allows; absent: everything.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rules: PathRules,
    /// Ours: a file is wanted, or a folder; empty: whatever it is.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub resource_type: String,
    /// Ours: most bytes to send; absent: no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_bytes: Option<i64>,
}

/// Arguments of the internal command `download`: the agent fetches from the store.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ReceiveOrder {
    /// Account; in the batch form that of the first file.
    pub username: String,
    /// Where `~` and relative paths start, if the account does not tell. Ours for
    /// this command.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub home_directory: String,
    /// The batch form.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<ReceiveFile>,
    /// The single form.
    #[serde(flatten)]
    pub file: ReceiveFile,
}

/// One file of a [`ReceiveOrder`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ReceiveFile {
    /// Its group.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub groupname: String,
    /// `url`, `text` or `base64`.
    #[serde(rename = "type", skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// URL, text or base64.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub content: String,
    /// Absolute path of the file to be written.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub path: String,
    /// Replace what is there.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub allow_overwrite: bool,
    /// Unpack a zip beside itself and remove it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub allow_unzip: bool,
    /// Path of the transfer's resource, with a trailing `/`; empty: no report.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub url: String,
    /// Ours: where `path` turns out to be a directory, the file's name in it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Ours: what the authority allows; absent: everything.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rules: PathRules,
}

/// A row of `GET /api/history/webftp-logs/`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct TransferLog {
    /// Transfer id.
    pub id: TransferId,
    /// When.
    pub added_at: Option<DateTime<Utc>>,
    /// Base name.
    pub file_name: String,
    /// `upload` or `download`.
    pub action: String,
    /// Bytes.
    pub size: i64,
    /// `null` while it runs.
    pub success: Option<bool>,
    /// Name of who asked.
    pub user: String,
    /// Server name.
    pub server: String,
    /// From where.
    pub remote_ip: String,
    /// Why it failed.
    pub message: String,
    /// Ours: path on the host.
    pub path: String,
    /// Ours: account on the host.
    pub username: String,
    /// Ours: SHA-256 of the content.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
}
