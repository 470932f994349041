//! Signed orders: an addition for our own agent (`judgment.md` §6.1).
//!
//! An order travels beside the public fields of a backhaul command, in the
//! member `order`. Its payload is a JSON text, transmitted verbatim, so that
//! nobody has to agree on a canonical form. The signature is Ed25519 over
//! [`SIGNING_CONTEXT`] followed by the payload bytes. The agent acts on the
//! payload alone and ignores the public fields around it.
//!
//! Freshness needs no common clock: the agent draws a random `channel` value
//! for each backhaul connection and sends it in the handshake header
//! [`CHANNEL_HEADER`]; an order is valid only for that channel, once
//! (by `nonce`), within `valid_for_ms` of the agent's receipt.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::guard::Policy;
use crate::id::{CommandId, ServerId, WorkSessionId};

/// Precedes the payload in what is signed, so that a signature made here can
/// mean nothing elsewhere.
pub const SIGNING_CONTEXT: &[u8] = b"alpacon order v1\n";

/// Handshake header of the backhaul: the agent's random value for this
/// connection, 32 lowercase hex digits.
pub const CHANNEL_HEADER: &str = "x-alpamon-channel";

/// Handshake header of the backhaul: comma-separated names of
/// [`crate::auth::extension`]s the agent understands.
pub const EXTENSIONS_HEADER: &str = "x-alpamon-extensions";

/// The `order` member of a backhaul command.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SignedOrder {
    /// JSON text of an [`Order`].
    pub payload: String,
    /// Standard base64 of 64 bytes.
    pub signature: String,
    /// Which key signed.
    pub key_id: String,
}

/// What the agent shall do.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Order {
    /// The server it is meant for.
    pub server: ServerId,
    /// The command.
    pub id: CommandId,
    /// `system` or `internal`.
    pub shell: String,
    /// The line, or the name of the internal command.
    pub line: String,
    /// Where one static simple command is all there is: its words. The agent
    /// executes them directly, and no shell sees the line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub argv: Option<Vec<String>>,
    /// Account.
    pub user: String,
    /// Group.
    pub group: String,
    /// Environment of the command.
    pub env: BTreeMap<String, String>,
    /// JSON text with the arguments of an internal command.
    pub data: String,
    /// The work session, when one is the authority.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<WorkSessionId>,
    /// Milliseconds until the authority ends; the agent kills what still runs
    /// then. Absent: no end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authority_ends_in_ms: Option<u64>,
    /// What the exec guard lets the command's tree run; only for agents that named
    /// [`crate::auth::extension::EXEC_GUARD`]. Absent: no guard.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guard: Option<Box<Policy>>,
    /// The agent's value from [`CHANNEL_HEADER`].
    pub channel: String,
    /// Unique per order.
    pub nonce: String,
    /// When the control plane issued it; information only.
    pub issued_at: Option<DateTime<Utc>>,
    /// Milliseconds from receipt within which it may start.
    pub valid_for_ms: u64,
}

/// The key that a registration answer pins, in its member `order_key`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct OrderKey {
    /// Which key.
    pub key_id: String,
    /// `Ed25519`.
    pub algorithm: String,
    /// 64 lowercase hex digits: safe in an INI value, which base64 is not.
    pub public_key: String,
}

/// The bytes that an order's signature covers.
#[must_use]
pub fn signing_input(payload: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(SIGNING_CONTEXT.len() + payload.len());
    bytes.extend_from_slice(SIGNING_CONTEXT);
    bytes.extend_from_slice(payload.as_bytes());
    bytes
}
