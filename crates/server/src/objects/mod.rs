//! Where transferred content lies: a folder of this machine, reached by our own
//! signed links, or an S3-compatible store, reached by its own.

mod flow;
mod link;
mod local;
mod remote;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use protocol::id::{TransferId, WorkspaceId};

pub(crate) use flow::{Digested, End, Flow, Progress};
pub(crate) use link::{Access, LinkKey, Signed};
pub(crate) use local::{HEAD, LocalStore, ReceiveError, Span, Stored};
pub(crate) use remote::{RemoteError, RemoteStore};

use self::flow::Flows;

/// The store of a node.
pub(crate) struct Objects {
    key: LinkKey,
    flows: Flows,
    pub(crate) local: LocalStore,
    /// Where it is there, all content is in it.
    pub(crate) remote: Option<RemoteStore>,
}

/// What is linked to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Linked {
    pub(crate) workspace: WorkspaceId,
    pub(crate) id: TransferId,
    pub(crate) access: Access,
    pub(crate) expires: DateTime<Utc>,
}

/// Content could not be removed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RemoveError {
    #[error(transparent)]
    Local(#[from] io::Error),
    #[error(transparent)]
    Remote(#[from] RemoteError),
}

impl Objects {
    /// # Errors
    /// When the folder cannot be made.
    pub(crate) fn open(
        key: LinkKey,
        folder: PathBuf,
        remote: Option<RemoteStore>,
    ) -> io::Result<Self> {
        Ok(Self {
            key,
            flows: Flows::default(),
            local: LocalStore::open(folder)?,
            remote,
        })
    }

    /// Whether readers can follow writers, and both can go on after a break.
    pub(crate) fn streams(&self) -> bool {
        self.remote.is_none()
    }

    /// An absolute link to content; `base` is our own address for who gets it.
    ///
    /// # Errors
    /// When the remote store cannot sign.
    pub(crate) async fn link(&self, base: &str, to: Linked) -> Result<String, RemoteError> {
        match &self.remote {
            Some(remote) => {
                remote
                    .link(to.workspace, to.id, to.access, to.expires)
                    .await
            }
            None => Ok(self
                .key
                .sign(base, to.workspace, to.id, to.access, to.expires)),
        }
    }

    /// What a link of ours allows now.
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

    /// Cuts off whoever writes or reads, now and in the middle of it.
    pub(crate) fn revoke(&self, id: TransferId, reason: &str) {
        self.flows.revoke(id, reason);
    }

    /// Removes content; what is not there is no error.
    ///
    /// # Errors
    /// When it is there and stays.
    pub(crate) async fn remove(
        &self,
        workspace: WorkspaceId,
        id: TransferId,
    ) -> Result<(), RemoveError> {
        self.end(id, "The transfer has ended.");
        if let Some(remote) = &self.remote {
            remote.remove(workspace, id).await?;
        }
        Ok(self.local.remove(id)?)
    }
}
