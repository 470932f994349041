//! The file browser's channel (`agent-channels.md` §3): a session, the order that
//! opens the agent's side, and the dialogue, one answer to each request, in order.

use serde::{Deserialize, Serialize};

use crate::id::{FileSessionId, ServerId, WorkSessionId};
use crate::server::ServerSummary;
use crate::transfer::PathRules;

/// The agent's command that opens its side.
pub const OPEN: &str = "openftp";
/// Deepest listing.
pub const MAX_DEPTH: i64 = 3;

/// Names of requests.
pub mod command {
    /// What is in a directory.
    pub const LIST: &str = "list";
    /// Make a directory.
    pub const MKD: &str = "mkd";
    /// Change the working directory.
    pub const CWD: &str = "cwd";
    /// Tell the working directory.
    pub const PWD: &str = "pwd";
    /// Remove a file, or an empty directory.
    pub const DELE: &str = "dele";
    /// Remove a directory.
    pub const RMD: &str = "rmd";
    /// Rename.
    pub const MV: &str = "mv";
    /// Copy.
    pub const CP: &str = "cp";
    /// Change permissions.
    pub const CHMOD: &str = "chmod";
    /// Change owner and group.
    pub const CHOWN: &str = "chown";
}

/// Result codes (`agent-channels.md` §3.6).
pub mod result {
    /// It worked.
    pub const OK: i64 = 250;
    /// Not permitted.
    pub const DENIED: i64 = 450;
    /// What was asked for makes no sense.
    pub const INVALID: i64 = 452;
    /// It cannot be done.
    pub const FAILED: i64 = 550;
    /// Something is there already, or inside.
    pub const EXISTS: i64 = 552;
    /// A directory into itself.
    pub const RECURSION: i64 = 553;
}

/// `POST /api/webftp/sessions/`, ours.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct CreateWebftpSession {
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

/// A session of the file browser, ours.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct WebftpSession {
    /// Its id.
    pub id: FileSessionId,
    /// Server.
    pub server: ServerSummary,
    /// Account on the host.
    pub username: String,
    /// Group on the host.
    pub groupname: String,
    /// Absolute; good once, for a minute.
    pub websocket_url: String,
}

/// Without the URL, which is a credential.
impl std::fmt::Debug for WebftpSession {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WebftpSession")
            .field("id", &self.id)
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}

/// Arguments of the internal command `openftp`.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct OpenWebftp {
    /// Names the worker.
    pub session_id: String,
    /// Absolute WebSocket URL.
    pub url: String,
    /// Account.
    pub username: String,
    /// Its group.
    pub groupname: String,
    /// Where it starts, if the account does not tell.
    pub home_directory: String,
    /// Ours: what may be read; absent: everything.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub read_rules: PathRules,
    /// Ours: what may be changed; absent: everything.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub write_rules: PathRules,
}

/// Without the URL, which is a credential.
impl std::fmt::Debug for OpenWebftp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OpenWebftp")
            .field("session_id", &self.session_id)
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}

/// One request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Request {
    /// One of [`command`].
    pub command: String,
    /// What it is about.
    pub data: Arguments,
}

/// What a request is about; each command uses some of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Arguments {
    /// Of everything but `mv`, `cp` and `pwd`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub path: String,
    /// Levels of a listing, at most [`MAX_DEPTH`].
    #[serde(skip_serializing_if = "is_zero")]
    pub depth: i64,
    /// Names that start with a dot, too.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub show_hidden: bool,
    /// With everything inside.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub recursive: bool,
    /// From where.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub src: String,
    /// To where: the path itself, not a directory around it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub dst: String,
    /// Replace what is there, instead of choosing another name.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub allow_overwrite: bool,
    /// Octal digits.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub mode: String,
    /// New owner; empty: unchanged.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub username: String,
    /// New group; empty: unchanged.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub groupname: String,
}

/// The answer to one request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Response {
    /// As asked.
    pub command: String,
    /// Outcome; of a listing also [`Entry::code`].
    pub success: bool,
    /// One of [`result`].
    pub code: i64,
    /// What there is to say.
    pub data: Entry,
}

/// An entry of a directory, or what else there is to say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Entry {
    /// Base name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// `folder`, `file` or `symlink`.
    #[serde(rename = "type", skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// Absolute.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub path: String,
    /// Where something went.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub dst: String,
    /// One of [`result`].
    #[serde(skip_serializing_if = "is_zero")]
    pub code: i64,
    /// Bytes.
    #[serde(skip_serializing_if = "is_zero")]
    pub size: i64,
    /// Of a folder that was looked into.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub children: Vec<Self>,
    /// RFC 3339.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub mod_time: String,
    /// For people.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// As `ls` shows them.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub permission_str: String,
    /// Without a leading zero.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub permission_octal: String,
    /// Name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub owner: String,
    /// Name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub group: String,
    /// Of a symbolic link.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub target: String,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_zero(number: &i64) -> bool {
    *number == 0
}

/// The code of a failed request, found in the words of its message
/// (`agent-channels.md` §3.6).
#[must_use]
pub fn code_of(name: &str, message: &str) -> i64 {
    use self::command::{CP, DELE, MKD, MV, RMD};
    let says = |words: &str| message.contains(words);
    if says("permission denied") || says("operation not permitted") {
        return result::DENIED;
    }
    if says("causing infinite recursion") && name == CP {
        return result::RECURSION;
    }
    if says("depth limit") && name == command::LIST {
        return result::INVALID;
    }
    if says("invalid argument") && [MKD, DELE, RMD, MV, CP].contains(&name) {
        return result::INVALID;
    }
    let exists = says("file exists") && [MKD, MV, CP].contains(&name);
    if exists || (says("directory not empty") && name == RMD) {
        return result::EXISTS;
    }
    result::FAILED
}

/// A path of a request made absolute and clean, by its text alone: relative ones, and
/// a leading `~`, start in the working directory `cwd`.
#[must_use]
pub fn resolve(path: &str, cwd: &str) -> String {
    let (start, rest) = match path.strip_prefix('~') {
        Some(rest) => (cwd, rest),
        None if path.starts_with('/') => ("", path),
        None => (cwd, path),
    };
    let mut parts: Vec<&str> = Vec::new();
    for part in start.split('/').chain(rest.split('/')) {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_start_in_the_working_directory() {
        // (path, cwd, absolute)
        let table = [
            ("/var//log/", "/home/a", "/var/log"),
            ("x", "/home/a", "/home/a/x"),
            ("", "/home/a", "/home/a"),
            ("~", "/srv", "/srv"),
            ("~/x", "/srv", "/srv/x"),
            ("../../..", "/home/a", "/"),
            ("/home/deploy/../root", "/", "/home/root"),
            (".", "/", "/"),
        ];
        for (path, cwd, absolute) in table {
            assert_eq!(resolve(path, cwd), absolute, "{path:?} in {cwd:?}");
        }
    }

    #[test]
    fn failures_have_the_codes_of_the_contract() {
        // (command, message, code)
        let table = [
            ("list", "x: permission denied", 450),
            ("chown", "x: operation not permitted", 450),
            ("list", "depth limit exceeded", 452),
            ("mkd", "invalid argument", 452),
            ("list", "invalid argument", 550),
            ("cwd", "x: no such file or directory", 550),
            ("mkd", "x: file exists", 552),
            ("dele", "x: file exists", 550),
            ("rmd", "x: directory not empty", 552),
            ("cp", "causing infinite recursion", 553),
            ("nonsense", "unknown", 550),
        ];
        for (command, message, code) in table {
            assert_eq!(code_of(command, message), code, "{command}: {message}");
        }
    }

    #[test]
    fn what_is_empty_is_left_out() {
        let response = Response {
            command: "mkd".to_owned(),
            success: true,
            code: result::OK,
            data: Entry {
                message: "made".to_owned(),
                ..Entry::default()
            },
        };
        assert_eq!(
            serde_json::to_string(&response).unwrap(),
            r#"{"command":"mkd","success":true,"code":250,"data":{"message":"made"}}"#
        );
        let request: Request = serde_json::from_str(r#"{"command":"pwd"}"#).unwrap();
        assert_eq!(request.command, command::PWD);
    }
}
