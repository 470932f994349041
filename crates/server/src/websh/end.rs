//! How terminals end.

use protocol::websh::close;

/// Why a session ended, or why a user's connection to it did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The shell ended.
    Shell,
    /// The user left.
    ClientLeft,
    /// The user never came.
    ClientAbsent,
    /// The agent's side broke off and did not come back.
    AgentLeft,
    /// The agent never came.
    AgentAbsent,
    /// The agent refused the order.
    AgentRefused,
    /// Somebody closed it.
    Closed,
    /// The work session, the token or the account behind it ended.
    AuthorityEnded,
    /// It could not be recorded.
    NotRecorded,
    /// This process stops; the session goes on where it can.
    Restart,
}

impl End {
    /// For people.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::Shell => "The shell ended.",
            Self::ClientLeft => "The user left.",
            Self::ClientAbsent => "The user did not connect.",
            Self::AgentLeft => "The connection of the agent ended.",
            Self::AgentAbsent => "The agent did not connect.",
            Self::AgentRefused => "The agent refused to open the terminal.",
            Self::Closed => "It was closed.",
            Self::AuthorityEnded => "The authority behind it ended.",
            Self::NotRecorded => "It could not be recorded.",
            Self::Restart => "The server was restarted.",
        }
    }

    /// What users see last, where the terminal itself does not tell.
    pub(super) fn farewell(self) -> Option<&'static str> {
        match self {
            Self::Shell | Self::ClientLeft | Self::ClientAbsent => None,
            Self::AgentLeft => Some("the connection of the server's agent was lost"),
            Self::AgentAbsent => Some("the server's agent did not connect"),
            Self::AgentRefused => Some("the server's agent refused to open the terminal"),
            Self::Closed => Some("the session was closed"),
            Self::AuthorityEnded => Some("the authority behind this session ended"),
            Self::NotRecorded => Some("the session could not be recorded any more and was ended"),
            Self::Restart => Some("the control plane restarts"),
        }
    }

    /// It ended as it should.
    pub(super) fn is_success(self) -> bool {
        matches!(self, Self::Shell | Self::ClientLeft | Self::Closed)
    }

    /// What users' WebSockets are closed with.
    pub(super) fn close_code(self) -> u16 {
        match self {
            Self::Shell
            | Self::ClientLeft
            | Self::ClientAbsent
            | Self::Closed
            | Self::AuthorityEnded => close::NORMAL,
            Self::AgentLeft | Self::AgentAbsent | Self::AgentRefused | Self::NotRecorded => {
                close::FAILED
            }
            Self::Restart => close::RESTART,
        }
    }

    /// What the agent's WebSocket is closed with: only a restart leaves the shell alive.
    pub(super) fn agent_close_code(self) -> u16 {
        match self {
            Self::Restart => close::RESTART,
            _ => close::NORMAL,
        }
    }
}
