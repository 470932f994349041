//! Where transferred content lies: a folder of this machine, reached by signed
//! links.

mod flow;
mod link;
mod local;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use protocol::id::{TransferId, WorkspaceId};

pub(crate) use flow::{End, Flow, Progress};
pub(crate) use link::{Access, LinkKey, Signed};
pub(crate) use local::{LocalStore, ReceiveError, Span};

use self::flow::Flows;

/// The store of a node.
pub(crate) struct Objects {
    key: LinkKey,
    flows: Flows,
    pub(crate) local: LocalStore,
}

impl Objects {
    /// # Errors
    /// When the folder cannot be made.
    pub(crate) fn open(key: LinkKey, folder: PathBuf) -> io::Result<Self> {
        Ok(Self {
            key,
            flows: Flows::default(),
            local: LocalStore::open(folder)?,
        })
    }

    /// An absolute link to content.
    pub(crate) fn link(
        &self,
        base: &str,
        workspace: WorkspaceId,
        id: TransferId,
        access: Access,
        expires: DateTime<Utc>,
    ) -> String {
        self.key.sign(base, workspace, id, access, expires)
    }

    /// What a link allows now.
    pub(crate) fn verify(
        &self,
        workspace: WorkspaceId,
        id: TransferId,
        signed: &Signed,
    ) -> Option<Access> {
        self.key.verify(workspace, id, signed, Utc::now())
    }

    /// The flow of an object.
    pub(crate) fn flow(&self, id: TransferId, stored: bool) -> Arc<Flow> {
        self.flows.get(id, || self.local.known(id, stored))
    }

    /// Ends whatever is on its way.
    pub(crate) fn end(&self, id: TransferId, reason: &str) {
        self.flows.end(id, reason);
    }
}
