//! File transfers (`rest-operations.md` §7). The calls are here; `upload` and
//! `download` see whole transfers through, `store` moves the bytes.

mod body;
mod download;
mod error;
mod parts;
mod store;
mod upload;
mod watch;
mod writing;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{Api, Error, path};

pub use download::{Download, Saved, To, download};
pub use error::{Failed, TransferError};
pub use upload::{Item, Source, Upload, upload};

const UPLOADS: &str = "/api/webftp/uploads/";
const DOWNLOADS: &str = "/api/webftp/downloads/";

/// Where on a host, and as whom.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Remote {
    /// Server id.
    pub server: String,
    /// Account; empty: the caller's own.
    pub username: String,
    /// Group; empty: the account's own.
    pub groupname: String,
    /// The selected work session.
    pub work_session: Option<String>,
}

/// How to go about it.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// The server knows [`protocol::auth::extension::TRANSFER_STREAM`].
    pub streaming: bool,
    /// Longest silence of the host about a running download.
    pub timeout: Duration,
    /// Replace what is there.
    pub overwrite: bool,
}

/// How far a transfer is. Read it from another thread.
#[derive(Debug, Default)]
pub struct Meter {
    done: AtomicU64,
    total: AtomicU64,
    /// Where this is one of several things counted together.
    whole: Option<Arc<Self>>,
}

impl Meter {
    /// A meter for one of several things; what it counts is counted here too.
    pub(crate) fn part(self: &Arc<Self>) -> Arc<Self> {
        Arc::new(Self {
            whole: Some(self.clone()),
            ..Self::default()
        })
    }

    /// Bytes moved so far.
    #[must_use]
    pub fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    /// Bytes to move; 0 while nobody knows.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.total.load(Ordering::Relaxed)
    }

    /// Says how much there is to do.
    pub fn expect(&self, bytes: u64) {
        self.total.store(bytes, Ordering::Relaxed);
    }

    pub(crate) fn advance(&self, bytes: u64) {
        self.done.fetch_add(bytes, Ordering::Relaxed);
        if let Some(whole) = &self.whole {
            whole.advance(bytes);
        }
    }

    /// Takes back what has to be moved again.
    pub(crate) fn retreat(&self, bytes: u64) {
        // Only ever less than was added.
        self.done.fetch_sub(bytes, Ordering::Relaxed);
        if let Some(whole) = &self.whole {
            whole.retreat(bytes);
        }
    }
}

/// `POST /api/webftp/uploads/` and, with `names`, `…/bulk/`.
#[derive(Debug, Serialize)]
struct CreateUpload<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    names: Option<Vec<&'a str>>,
    path: &'a str,
    server: &'a str,
    username: &'a str,
    groupname: &'a str,
    allow_overwrite: bool,
    allow_unzip: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    work_session: Option<&'a str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    streaming: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
}

/// `POST /api/webftp/downloads/` and, with several paths, `…/bulk/`.
#[derive(Debug, Serialize)]
struct CreateDownload<'a> {
    path: Paths<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    server: &'a str,
    username: &'a str,
    groupname: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    work_session: Option<&'a str>,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Paths<'a> {
    One(&'a str),
    Several(&'a [String]),
}

/// What the server says about a new transfer.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
struct Created {
    id: String,
    /// A credential: never shown.
    upload_url: String,
    /// A credential: never shown.
    download_url: String,
    command: String,
}

/// How a transfer ended.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Status {
    success: Option<bool>,
    message: String,
    size: Option<u64>,
    sha256: Option<String>,
    path: Option<String>,
}

impl Created {
    fn checked(self, what: &str) -> Result<Self, Error> {
        if !self.id.is_empty() {
            return Ok(self);
        }
        Err(Error::Decode {
            what: what.to_owned(),
            reason: "it names no transfer".to_owned(),
        })
    }
}

async fn create_uploads(api: &Api, body: &CreateUpload<'_>) -> Result<Vec<Created>, Error> {
    let Some(names) = &body.names else {
        let created: Created = api.post(UPLOADS, body).await?;
        return Ok(vec![created.checked(UPLOADS)?]);
    };
    let path = path::join(UPLOADS, &["bulk"])?;
    let created: Vec<Created> = api.post(&path, body).await?;
    if created.len() != names.len() {
        return Err(Error::Decode {
            what: path,
            reason: format!("{} answers for {} files", created.len(), names.len()),
        });
    }
    created.into_iter().map(|one| one.checked(&path)).collect()
}

/// Says that the content has arrived and is to be delivered.
async fn deliver(api: &Api, ids: &[&str], is_bulk: bool) -> Result<(), Error> {
    if let ([id], false) = (ids, is_bulk) {
        return api
            .get_ignoring(&path::join(UPLOADS, &[id, "upload"])?)
            .await;
    }
    let path = path::join(UPLOADS, &["bulk-upload"])?;
    api.post_ignoring(&path, &serde_json::json!({ "ids": ids }))
        .await
}

async fn create_download(api: &Api, body: &CreateDownload<'_>) -> Result<Created, Error> {
    let path = match body.path {
        Paths::One(_) => DOWNLOADS.to_owned(),
        Paths::Several(_) => path::join(DOWNLOADS, &["bulk"])?,
    };
    let created: Created = api.post(&path, body).await?;
    let created = created.checked(&path)?;
    if created.download_url.is_empty() {
        return Err(Error::Decode {
            what: path,
            reason: "it does not say where to read the content".to_owned(),
        });
    }
    Ok(created)
}

/// What arrived, as far as the other side tells, must be what was sent.
fn check(
    name: &str,
    status: &Status,
    size: u64,
    sha256: Option<&str>,
) -> Result<(), TransferError> {
    let same_size = status.size.is_none_or(|told| told == size);
    let same_content = match (&status.sha256, sha256) {
        (Some(told), Some(own)) => told.eq_ignore_ascii_case(own),
        _ => true,
    };
    if same_size && same_content {
        return Ok(());
    }
    Err(TransferError::Integrity(name.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_count_in_the_whole() {
        let whole = Arc::new(Meter::default());
        let (a, b) = (whole.part(), whole.part());
        a.advance(5);
        b.advance(7);
        a.retreat(2);
        assert_eq!((a.done(), b.done(), whole.done()), (3, 7, 10));
    }

    #[test]
    fn what_the_host_tells_is_compared() {
        let status = |size, sha256: Option<&str>| Status {
            size,
            sha256: sha256.map(ToOwned::to_owned),
            ..Status::default()
        };
        assert!(check("x", &status(None, None), 3, Some("ab")).is_ok());
        assert!(check("x", &status(Some(3), Some("AB")), 3, Some("ab")).is_ok());
        assert!(check("x", &status(Some(4), None), 3, Some("ab")).is_err());
        assert!(check("x", &status(Some(3), Some("cd")), 3, Some("ab")).is_err());
    }

    #[test]
    fn requests_have_the_public_members_and_no_others() {
        let body = CreateUpload {
            name: Some("x"),
            names: None,
            path: "/tmp/",
            server: "s1",
            username: "",
            groupname: "",
            allow_overwrite: true,
            allow_unzip: false,
            work_session: None,
            streaming: false,
            size: None,
        };
        assert_eq!(
            serde_json::to_value(&body).unwrap(),
            serde_json::json!({
                "name": "x", "path": "/tmp/", "server": "s1", "username": "", "groupname": "",
                "allow_overwrite": true, "allow_unzip": false,
            })
        );
        let body = CreateDownload {
            path: Paths::Several(&["/a".to_owned(), "/b".to_owned()]),
            name: None,
            server: "s1",
            username: "",
            groupname: "",
            resource_type: None,
            work_session: Some("ws"),
        };
        assert_eq!(
            serde_json::to_value(&body).unwrap(),
            serde_json::json!({
                "path": ["/a", "/b"], "server": "s1", "username": "", "groupname": "",
                "work_session": "ws",
            })
        );
    }
}
