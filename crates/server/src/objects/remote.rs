//! Content in an S3-compatible store, which clients and agents reach themselves by
//! the store's own presigned URLs.

use std::time::Duration;

use aws_lc_rs::digest::{Context, SHA256};
use chrono::{DateTime, Utc};
use futures_util::StreamExt as _;
use http::Method;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::path::Path;
use object_store::signer::Signer as _;
use object_store::{ClientOptions, ObjectStoreExt as _};
use protocol::id::{TransferId, WorkspaceId};

use super::link::Access;
use super::local::{HEAD, Stored};
use crate::config::ObjectsConfig;

/// One request to the store may take this long to begin.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
/// The store accepts no longer lives of URLs.
const MAX_LIFE: Duration = Duration::from_secs(7 * 24 * 3600);

/// Why the store did not do something.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RemoteError {
    #[error("the object store: {0}")]
    Store(#[from] object_store::Error),
    #[error("the content is larger than {0} bytes")]
    TooLarge(u64),
    #[error("the content is not in the store")]
    Missing,
    #[error("{0}")]
    NotAdmitted(String),
}

/// A bucket.
#[derive(Debug)]
pub(crate) struct RemoteStore {
    bucket: AmazonS3,
    prefix: String,
}

impl RemoteStore {
    /// # Errors
    /// When the configuration cannot be used.
    pub(crate) fn open(config: &ObjectsConfig, bucket: &str) -> Result<Self, RemoteError> {
        let options = ClientOptions::new()
            .with_allow_http(config.allow_http)
            .with_connect_timeout(CONNECT_TIMEOUT)
            // Content may take long; what stalls is noticed by its reader.
            .with_timeout_disabled();
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(bucket)
            .with_region(&config.region)
            .with_client_options(options)
            .with_virtual_hosted_style_request(false);
        if let Some(endpoint) = &config.endpoint {
            builder = builder.with_endpoint(endpoint);
        }
        if let Some(id) = &config.access_key_id {
            builder = builder.with_access_key_id(id);
        }
        if let Some(secret) = &config.secret_access_key {
            builder = builder.with_secret_access_key(secret);
        }
        Ok(Self {
            bucket: builder.build()?,
            prefix: config.prefix.clone(),
        })
    }

    fn path(&self, workspace: WorkspaceId, id: TransferId) -> Path {
        Path::from(format!("{}{workspace}/{id}", self.prefix))
    }

    /// A presigned URL. What it lets in is measured before it is delivered: the size of
    /// what is put cannot be part of the signature.
    ///
    /// # Errors
    /// When it cannot be signed.
    pub(crate) async fn link(
        &self,
        workspace: WorkspaceId,
        id: TransferId,
        access: Access,
        expires: DateTime<Utc>,
    ) -> Result<String, RemoteError> {
        let life = (expires - Utc::now()).to_std().unwrap_or_default();
        let method = match access {
            Access::Read => Method::GET,
            Access::Write => Method::PUT,
        };
        let path = self.path(workspace, id);
        let life = life.min(MAX_LIFE);
        Ok(self.bucket.signed_url(method, &path, life).await?.into())
    }

    /// Reads the content through, to know what it is. `admit` says by its first bytes
    /// whether it is let through.
    ///
    /// # Errors
    /// When it is not there, larger than `limit`, or not let through.
    pub(crate) async fn measure(
        &self,
        workspace: WorkspaceId,
        id: TransferId,
        limit: u64,
        admit: impl Fn(&[u8]) -> Result<(), String>,
    ) -> Result<Stored, RemoteError> {
        let path = self.path(workspace, id);
        let found = match self.bucket.get(&path).await {
            Err(object_store::Error::NotFound { .. }) => return Err(RemoteError::Missing),
            found => found?,
        };
        if found.meta.size > limit {
            return Err(RemoteError::TooLarge(limit));
        }
        let mut digest = Context::new(&SHA256);
        let mut size: u64 = 0;
        let mut head = Vec::with_capacity(HEAD);
        let mut content = found.into_stream();
        while let Some(bytes) = content.next().await {
            let bytes = bytes?;
            size += bytes.len() as u64;
            if size > limit {
                return Err(RemoteError::TooLarge(limit));
            }
            digest.update(&bytes);
            let missing = HEAD.saturating_sub(head.len()).min(bytes.len());
            head.extend(bytes.get(..missing).unwrap_or_default());
        }
        admit(&head).map_err(RemoteError::NotAdmitted)?;
        Ok(Stored {
            size,
            sha256: chain::hex_encode(digest.finish().as_ref()),
        })
    }

    /// Removes content; what is not there is no error.
    ///
    /// # Errors
    /// When the store refuses.
    pub(crate) async fn remove(
        &self,
        workspace: WorkspaceId,
        id: TransferId,
    ) -> Result<(), RemoteError> {
        match self.bucket.delete(&self.path(workspace, id)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}
