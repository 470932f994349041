//! What sets tunnels apart from other channels.

use protocol::id::TunnelId;

use super::end::End;
use super::leg::Arrival;
use crate::app::App;
use crate::gate::Operation;
use crate::rendezvous::{Ending, Hub, Kind};

/// Tunnels, as a kind of channel.
pub(crate) struct Tunnels;

impl Kind for Tunnels {
    type Id = TunnelId;
    type End = End;
    type Arrival = Arrival;

    const NAME: &'static str = "tunnel";
    const NAMES: &'static str = "tunnels";
    const OPERATION: Operation = Operation::Tunnel;
    const ROUTE: &'static str = "tunnels";
    const MAX_OF_ONE: usize = 64;
    const MAX_OF_ALL: usize = 4096;

    fn hub(app: &App) -> &Hub<Self> {
        &app.tunnels
    }
}

impl Ending for End {
    const CLIENT_ABSENT: Self = Self::ClientAbsent;
    const AGENT_ABSENT: Self = Self::AgentAbsent;
    const AGENT_REFUSED: Self = Self::AgentRefused;
    const AUTHORITY_ENDED: Self = Self::AuthorityEnded;
    const RESTART: Self = Self::Restart;
}
