//! What sets file browsers apart from other channels.

use axum::extract::ws::WebSocket;
use protocol::id::FileSessionId;

use super::end::End;
use crate::app::App;
use crate::gate::Operation;
use crate::rendezvous::{Ending, Hub, Kind};

/// File browsers, as a kind of channel.
pub(crate) struct FileBrowsers;

impl Kind for FileBrowsers {
    type Id = FileSessionId;
    type End = End;
    type Arrival = WebSocket;

    const NAME: &'static str = "file browser";
    const NAMES: &'static str = "file browsers";
    const OPERATION: Operation = Operation::Webftp;
    const ROUTE: &'static str = "webftp";
    const MAX_OF_ONE: usize = 16;
    const MAX_OF_ALL: usize = 1024;

    fn hub(app: &App) -> &Hub<Self> {
        &app.file_browsers
    }
}

impl Ending for End {
    const CLIENT_ABSENT: Self = Self::ClientAbsent;
    const AGENT_ABSENT: Self = Self::AgentAbsent;
    const AGENT_REFUSED: Self = Self::AgentRefused;
    const AUTHORITY_ENDED: Self = Self::AuthorityEnded;
    const RESTART: Self = Self::Restart;
}
