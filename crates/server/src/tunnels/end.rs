//! How tunnels end.

use protocol::tunnel::close;

/// Why a tunnel ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The client left.
    ClientLeft,
    /// The client never came.
    ClientAbsent,
    /// The client broke the protocol, or went silent.
    ClientFailed,
    /// The agent's side broke off.
    AgentLeft,
    /// The agent never came.
    AgentAbsent,
    /// The agent refused the order.
    AgentRefused,
    /// Somebody closed it.
    Closed,
    /// The work session, the token or the account behind it ended.
    AuthorityEnded,
    /// This process stops.
    Restart,
}

impl End {
    /// For people.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::ClientLeft => "The client left.",
            Self::ClientAbsent => "The client did not connect.",
            Self::ClientFailed => "The client's connection failed.",
            Self::AgentLeft => "The connection of the agent ended.",
            Self::AgentAbsent => "The agent did not connect.",
            Self::AgentRefused => "The agent refused to open the tunnel.",
            Self::Closed => "It was closed.",
            Self::AuthorityEnded => "The authority behind it ended.",
            Self::Restart => "The server was restarted.",
        }
    }

    /// What the WebSockets are closed with.
    pub(crate) fn close_code(self) -> u16 {
        match self {
            Self::ClientLeft | Self::ClientAbsent | Self::Closed => close::NORMAL,
            Self::ClientFailed | Self::AuthorityEnded => close::POLICY,
            Self::AgentLeft | Self::AgentAbsent | Self::AgentRefused => close::PEER,
            Self::Restart => close::RESTART,
        }
    }
}
