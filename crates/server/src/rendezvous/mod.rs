//! Channels that a client and an agent both dial into, at addresses that carry their
//! own credentials, good once and for a minute: tunnels and file browsers.
//!
//! Opening one makes its [`Bond`], [`expect`]s both sides and orders the agent to come
//! ([`open`]); whoever comes is let in by the token of the address ([`admit()`]), and
//! waited for by the task of the channel ([`wait`]). The [`Hub`] knows all channels
//! of a kind. Ended authority ends them within a second, of every kind ([`clock`]).

mod admit;
mod clock;
mod hub;
mod open;
mod wait;

use std::fmt;
use std::hash::Hash;
use std::str::FromStr;

use uuid::Uuid;

pub(crate) use admit::{admit, check_agent, path};
pub(crate) use clock::{end_of_session, end_of_token, end_of_user, run as run_clock};
pub(crate) use hub::{Arrivals, Bond, Hub, Live, Side};
pub(crate) use open::{Expected, connected, expect, order, send_order};
pub(crate) use wait::{agent, client};

use crate::app::App;
use crate::gate::Operation;

/// A kind of channel.
pub(crate) trait Kind: Sized + 'static {
    type Id: Copy + Eq + Hash + fmt::Display + From<Uuid> + FromStr + Send + Sync + 'static;
    /// Why one ended.
    type End: Ending;
    /// What a side is once it has come.
    type Arrival: Send + 'static;

    /// For people: one, and several.
    const NAME: &'static str;
    const NAMES: &'static str;
    /// What the gate allowed.
    const OPERATION: Operation;
    /// In the addresses of its sides.
    const ROUTE: &'static str;
    /// Of one user or token at once, and of all.
    const MAX_OF_ONE: usize;
    const MAX_OF_ALL: usize;

    fn hub(app: &App) -> &Hub<Self>;
}

/// Why channels of all kinds may end.
pub(crate) trait Ending: Copy + Send + Sync + 'static {
    const CLIENT_ABSENT: Self;
    const AGENT_ABSENT: Self;
    /// The agent has reported that it does not come.
    const AGENT_REFUSED: Self;
    /// The work session, the token or the account behind it ended.
    const AUTHORITY_ENDED: Self;
    /// This process stops.
    const RESTART: Self;
}
