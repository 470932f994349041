//! Tunnels: what clients post (`rest-operations.md` §9), what agents are ordered
//! (`agent-channels.md` §5.1), and how each stream begins (`realtime-client.md` §5.7).

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::iam::UserSummary;
use crate::id::{ServerId, TunnelConnectionId, TunnelId, WorkSessionId};
use crate::server::ServerSummary;

/// Handshake header of a tunnel's WebSocket, ours: comma-separated names of the
/// [`crate::auth::extension`]s that the dialling side uses on it. It names only what
/// it was offered.
pub const EXTENSIONS_HEADER: &str = "x-alpacon-extensions";
/// The agent's command that opens a tunnel.
pub const OPEN: &str = "opentunnel";
/// The agent's command that closes one.
pub const CLOSE: &str = "closetunnel";
/// Longest first line of a stream, its line feed included, in bytes.
pub const MAX_PREAMBLE: usize = 1024;
/// Bytes on a stream before either side heard of the other's window
/// ([`crate::auth::extension::TUNNEL_MUX`]).
pub const INITIAL_WINDOW: u32 = 64 * 1024;

/// Close codes of a tunnel's WebSockets.
pub mod close {
    /// It was closed as asked for.
    pub const NORMAL: u16 = 4000;
    /// Nobody may use it any more.
    pub const POLICY: u16 = 1008;
    /// The other side is gone, or never came.
    pub const PEER: u16 = 1011;
    /// The control plane restarts; a new tunnel may be opened at once.
    pub const RESTART: u16 = 1012;
}

/// `POST /api/websh/tunnels/`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct CreateTunnel {
    /// Server id.
    pub server: ServerId,
    /// 1 to 65,535.
    pub target_port: i64,
    /// Account; empty: the caller's own.
    pub username: String,
    /// Group; empty: the account's own.
    pub groupname: String,
    /// `cli`, `web` or `proxy`; empty reads as `cli`.
    pub client_type: String,
    /// The selected work session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub work_session: Option<WorkSessionId>,
}

/// A tunnel.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Tunnel {
    /// Id.
    pub id: TunnelId,
    /// The same; public clients model it.
    pub userchannel_id: TunnelId,
    /// Where to connect: once, within a minute. Only in the answer that made it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub websocket_url: String,
    /// Target host.
    pub server: ServerSummary,
    /// Target port on its loopback address.
    pub target_port: i64,
    /// `cli`, `web`, `proxy`.
    pub client_type: String,
    /// Account.
    pub username: String,
    /// Group.
    pub groupname: String,
    /// The work session it was opened in.
    pub work_session: Option<WorkSessionId>,
    /// Who opened it.
    pub requested_by: Option<UserSummary>,
    /// When it was opened.
    pub added_at: Option<DateTime<Utc>>,
    /// `null`: still open.
    pub closed_at: Option<DateTime<Utc>>,
    /// Why it was closed, for people.
    pub close_reason: Option<String>,
    /// Connections so far.
    pub connections: i64,
    /// Bytes towards the target.
    pub bytes_sent: i64,
    /// Bytes from the target.
    pub bytes_received: i64,
    /// Ours: [`crate::auth::extension`]s that may be used on its WebSocket.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub extensions: Vec<String>,
}

/// One connection through a tunnel.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct TunnelConnection {
    /// Id.
    pub id: TunnelConnectionId,
    /// Port it asked for.
    pub port: i64,
    /// Local port of the program that connected, as the client says.
    pub source_port: Option<i64>,
    /// When it began.
    pub opened_at: Option<DateTime<Utc>>,
    /// `null`: still open.
    pub closed_at: Option<DateTime<Utc>>,
    /// Bytes towards the target.
    pub bytes_sent: i64,
    /// Bytes from the target.
    pub bytes_received: i64,
    /// `open`, `closed`, `reset`, `refused`.
    pub outcome: String,
}

/// Arguments of [`OPEN`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct OpenTunnel {
    /// The tunnel.
    pub session_id: String,
    /// Where to connect, absolute.
    pub url: String,
    /// `cli` or `web`; absent reads as `cli`.
    pub client_type: String,
    /// Port on the loopback address.
    pub target_port: u16,
    /// Account, for the record.
    pub username: String,
    /// Group, for the record.
    pub groupname: String,
    /// Ours: [`crate::auth::extension`]s that may be used on the WebSocket.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub extensions: Vec<String>,
}

/// Arguments of [`CLOSE`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CloseTunnel {
    /// The tunnel.
    pub session_id: String,
}

/// The first line of a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Preamble {
    /// Decimal port; empty: the tunnel's own.
    pub remote_port: String,
    /// Only the server sends it, and only on tunnels to editors.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub health_check: bool,
    /// Ours: local port of the program that connected, for the record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_port: Option<u16>,
}

/// Why a first line is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PreambleError {
    /// No line feed within [`MAX_PREAMBLE`] bytes.
    #[error("the first line is longer than {MAX_PREAMBLE} bytes")]
    TooLong,
    /// Not the JSON object that it must be.
    #[error("the first line is not understood")]
    Malformed,
    /// No port from 1 to 65,535.
    #[error("the first line names no port")]
    Port,
}

impl Preamble {
    /// The first line of `bytes` and its length, line feed included; `None` when it
    /// has not arrived yet.
    ///
    /// # Errors
    /// When it will not be one, whatever arrives.
    pub fn read(bytes: &[u8]) -> Result<Option<(Self, usize)>, PreambleError> {
        let head = bytes.get(..MAX_PREAMBLE).unwrap_or(bytes);
        let Some(end) = head.iter().position(|byte| *byte == b'\n') else {
            return match bytes.len() < MAX_PREAMBLE {
                true => Ok(None),
                false => Err(PreambleError::TooLong),
            };
        };
        let line = head.get(..end).unwrap_or_default();
        // Members may be null, which reads as absent.
        let members: serde_json::Map<String, serde_json::Value> =
            serde_json::from_slice(line).map_err(|_| PreambleError::Malformed)?;
        let members = members.into_iter().filter(|(_, value)| !value.is_null());
        let preamble = serde_json::from_value(serde_json::Value::Object(members.collect()))
            .map_err(|_| PreambleError::Malformed)?;
        Ok(Some((preamble, end + 1)))
    }

    /// The line, its line feed included.
    #[must_use]
    pub fn line(&self) -> Vec<u8> {
        // The type holds nothing that JSON cannot express.
        let mut line = serde_json::to_vec(self).unwrap_or_default();
        line.push(b'\n');
        line
    }

    /// The port asked for; `default` where none is named.
    ///
    /// # Errors
    /// When what is named is no port.
    pub fn port(&self, default: u16) -> Result<u16, PreambleError> {
        match self.remote_port.as_str() {
            "" => Ok(default),
            // `parse` alone takes a plus sign.
            text if text.bytes().all(|byte| byte.is_ascii_digit()) => text
                .parse()
                .ok()
                .filter(|port| *port > 0)
                .ok_or(PreambleError::Port),
            _ => Err(PreambleError::Port),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_first_line_is_read_and_what_follows_stays() {
        let bytes = b"{\"remote_port\":\"8082\"}\nGET /";
        let (preamble, length) = Preamble::read(bytes).unwrap().unwrap();
        assert_eq!(preamble.port(1), Ok(8082));
        assert_eq!(&bytes[length..], b"GET /");
        assert_eq!(preamble.line(), &bytes[..length]);
        assert_eq!(Preamble::read(&bytes[..10]), Ok(None));
        let empty = Preamble::read(b"{\"x\":1,\"remote_port\":null}\n");
        assert_eq!(empty.unwrap().unwrap().0.port(22), Ok(22));
    }

    #[test]
    fn what_is_no_first_line_is_refused() {
        let long = vec![b' '; MAX_PREAMBLE];
        assert_eq!(Preamble::read(&long), Err(PreambleError::TooLong));
        assert_eq!(Preamble::read(&long[1..]), Ok(None));
        for line in [
            "\n",
            "[]\n",
            "{\"remote_port\":22}\n",
            "GET / HTTP/1.1\n",
            "{\n",
        ] {
            assert_eq!(
                Preamble::read(line.as_bytes()),
                Err(PreambleError::Malformed),
                "{line}"
            );
        }
        for port in ["0", "65536", "-1", "+22", "22 ", "0x16", "２２", "22\0"] {
            let preamble = Preamble {
                remote_port: port.to_owned(),
                ..Preamble::default()
            };
            assert_eq!(preamble.port(22), Err(PreambleError::Port), "{port}");
        }
    }
}
