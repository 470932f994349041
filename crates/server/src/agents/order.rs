//! Backhaul messages, signed for the agents that verify them.

use std::collections::BTreeMap;

use axum::extract::ws::Utf8Bytes;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chain::SigningKey;
use protocol::agent::{AgentCommand, ServerMessage};
use protocol::command::SHELL_INTERNAL;
use protocol::guard::HoldAnswer;
use protocol::id::{CommandId, WorkSessionId};
use protocol::order::{Order, SignedOrder, signing_input};
use store::entity::command;

use super::Connection;
use crate::crypto::token::{RandomError, random_hex};

/// An order may start within this time of its receipt.
const VALID_FOR_MS: u64 = 60_000;
/// Hex digits of an order's nonce.
const NONCE_LENGTH: usize = 32;

/// A message could not be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MessageError {
    #[error(transparent)]
    Random(#[from] RandomError),
    #[error("a message could not be encoded: {0}")]
    Encode(#[from] serde_json::Error),
}

/// The message that orders a command. `authority_ends_in_ms`: see [`Order`].
pub(crate) fn command_message(
    row: &command::Model,
    env: BTreeMap<String, String>,
    authority_ends_in_ms: Option<u64>,
    connection: &Connection,
    key: &SigningKey,
) -> Result<Utf8Bytes, MessageError> {
    let internal = row.shell == SHELL_INTERNAL;
    let argv = match &row.argv {
        Some(words) => serde_json::from_value(words.clone())?,
        None => None,
    };
    let guard = match &row.guard {
        Some(policy) if connection.guards => Some(serde_json::from_value(policy.clone())?),
        _ => None,
    };
    let order = match &connection.channel {
        Some(channel) => Some(sign(
            &Order {
                server: connection.server,
                id: CommandId(row.id),
                shell: row.shell.clone(),
                line: row.line.clone(),
                argv,
                user: row.username.clone(),
                group: row.groupname.clone(),
                env: env.clone(),
                data: row.data.clone(),
                session: row.work_session_id.map(WorkSessionId),
                authority_ends_in_ms,
                guard,
                channel: channel.clone(),
                nonce: random_hex(NONCE_LENGTH)?,
                issued_at: Some(store::now()),
                valid_for_ms: VALID_FOR_MS,
            },
            key,
        )?),
        None => None,
    };
    encode(&ServerMessage::Command {
        command: Box::new(AgentCommand {
            id: row.id.to_string(),
            shell: row.shell.clone(),
            line: row.line.clone(),
            user: row.username.clone(),
            group: row.groupname.clone(),
            env,
            allow_sh: !internal,
            data: row.data.clone(),
            order,
        }),
    })
}

/// The message that stops a running command. Only for agents that verify
/// orders; the public one has no such message.
pub(crate) fn cancel_message(
    id: CommandId,
    connection: &Connection,
    key: &SigningKey,
) -> Result<Option<Utf8Bytes>, MessageError> {
    let order = about(id, "cancel", String::new(), connection, key)?;
    order
        .map(|order| encode(&ServerMessage::Cancel { id, order }))
        .transpose()
}

/// The message that answers about a program that the exec guard holds.
pub(crate) fn answer_message(
    id: CommandId,
    answer: &HoldAnswer,
    connection: &Connection,
    key: &SigningKey,
) -> Result<Option<Utf8Bytes>, MessageError> {
    let data = serde_json::to_string(answer)?;
    let order = about(id, "answer", data, connection, key)?;
    order
        .map(|order| encode(&ServerMessage::Answer { id, order }))
        .transpose()
}

/// A signed order about a command the agent has; none for agents that verify none.
fn about(
    id: CommandId,
    line: &str,
    data: String,
    connection: &Connection,
    key: &SigningKey,
) -> Result<Option<SignedOrder>, MessageError> {
    let Some(channel) = &connection.channel else {
        return Ok(None);
    };
    let order = Order {
        server: connection.server,
        id,
        shell: SHELL_INTERNAL.to_owned(),
        line: line.to_owned(),
        data,
        channel: channel.clone(),
        nonce: random_hex(NONCE_LENGTH)?,
        issued_at: Some(store::now()),
        valid_for_ms: VALID_FOR_MS,
        ..Order::default()
    };
    sign(&order, key).map(Some)
}

fn sign(order: &Order, key: &SigningKey) -> Result<SignedOrder, MessageError> {
    let payload = serde_json::to_string(order)?;
    let signature = STANDARD.encode(key.sign(&signing_input(&payload)));
    Ok(SignedOrder {
        payload,
        signature,
        key_id: key.id().to_owned(),
    })
}

fn encode(message: &ServerMessage) -> Result<Utf8Bytes, MessageError> {
    Ok(serde_json::to_string(message)?.into())
}
