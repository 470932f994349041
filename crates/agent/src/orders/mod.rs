//! What the server orders, made safe to act on: signed orders verified, repeated
//! ones recognised.

mod dedupe;
mod verify;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use protocol::agent::AgentCommand;
use protocol::guard::Policy;
use protocol::order::Order;

pub(crate) use self::dedupe::Recent;
pub(crate) use self::verify::{Channel, Rejection, Verifier};

/// Longest id we accept; it becomes a part of URLs and logs.
const MAX_ID: usize = 64;

/// A command the agent is willing to carry out.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Job {
    /// Command id.
    pub(crate) id: String,
    /// `system` or `internal`.
    pub(crate) shell: String,
    /// The line, or the internal command's name first.
    pub(crate) line: String,
    /// The words to execute without any shell.
    pub(crate) argv: Option<Vec<String>>,
    /// Run the line through `/bin/sh -c`.
    pub(crate) through_shell: bool,
    /// Account; empty: the agent's default.
    pub(crate) user: String,
    /// Group; empty: the account's.
    pub(crate) group: String,
    /// Environment overrides.
    pub(crate) env: BTreeMap<String, String>,
    /// JSON text of an internal command's arguments.
    pub(crate) data: String,
    /// What its tree may run; absent: nobody guards it.
    pub(crate) guard: Option<Box<Policy>>,
    /// May not start later.
    pub(crate) start_before: Option<Instant>,
    /// Is killed then.
    pub(crate) authority_ends: Option<Instant>,
}

impl Job {
    /// From a verified order received at `received`.
    #[must_use]
    pub(crate) fn from_order(order: Order, received: Instant) -> Self {
        let after = |ms| received.checked_add(Duration::from_millis(ms));
        Self {
            id: order.id.to_string(),
            shell: order.shell,
            line: order.line,
            through_shell: order.argv.is_none(),
            argv: order.argv,
            user: order.user,
            group: order.group,
            env: order.env,
            data: order.data,
            guard: order.guard,
            start_before: after(order.valid_for_ms),
            authority_ends: order.authority_ends_in_ms.and_then(after),
        }
    }

    /// From the public fields, for an agent without a pinned key.
    #[must_use]
    pub(crate) fn from_public(command: AgentCommand) -> Self {
        Self {
            id: command.id,
            shell: command.shell,
            line: command.line,
            argv: None,
            through_shell: command.allow_sh,
            user: command.user,
            group: command.group,
            env: command.env,
            data: command.data,
            guard: None,
            start_before: None,
            authority_ends: None,
        }
    }
}

/// Whether a command id is safe to appear in a URL path.
#[must_use]
pub(crate) fn is_command_id(id: &str) -> bool {
    (1..=MAX_ID).contains(&id.len())
        && id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_cannot_leave_their_place_in_a_path() {
        assert!(is_command_id("0195-aB_9"));
        for id in ["", "../x", "a/b", "a b", "é", &"a".repeat(65)] {
            assert!(!is_command_id(id), "{id:?}");
        }
    }

    #[test]
    fn an_order_without_words_needs_a_shell() {
        let now = Instant::now();
        assert!(Job::from_order(Order::default(), now).through_shell);
        let direct = Order {
            argv: Some(vec!["true".into()]),
            ..Order::default()
        };
        assert!(!Job::from_order(direct, now).through_shell);
    }
}
