//! How file browsers end.

use protocol::tunnel::close;

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    ClientLeft,
    ClientAbsent,
    ClientIdle,
    ClientFailed,
    AgentLeft,
    AgentAbsent,
    AgentRefused,
    AgentFailed,
    AuthorityEnded,
    NotRecorded,
    Restart,
}

impl End {
    /// For people.
    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::ClientLeft => "The client left.",
            Self::ClientAbsent => "The client did not connect.",
            Self::ClientIdle => "The client asked for nothing any more.",
            Self::ClientFailed => "The client broke the protocol.",
            Self::AgentLeft => "The connection of the agent ended.",
            Self::AgentAbsent => "The agent did not connect.",
            Self::AgentRefused => "The agent refused to open the file browser.",
            Self::AgentFailed => "The agent broke the protocol, or did not answer.",
            Self::AuthorityEnded => "The authority behind it ended.",
            Self::NotRecorded => "A request could not be recorded.",
            Self::Restart => "The server was restarted.",
        }
    }

    /// What the WebSockets are closed with.
    pub(super) fn close_code(self) -> u16 {
        match self {
            Self::ClientLeft | Self::ClientAbsent | Self::ClientIdle => close::NORMAL,
            Self::ClientFailed | Self::AuthorityEnded => close::POLICY,
            Self::AgentLeft
            | Self::AgentAbsent
            | Self::AgentRefused
            | Self::AgentFailed
            | Self::NotRecorded => close::PEER,
            Self::Restart => close::RESTART,
        }
    }
}
