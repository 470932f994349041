//! From this machine to a host.

use std::fs::File;
use std::io::{Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::{StreamExt as _, stream};

use super::body::{FileContent, FolderContent};
use super::store::Object;
use super::watch::{self, Watch};
use super::writing::Stop;
use super::{
    CreateUpload, Created, Failed, Meter, Options, Remote, Status, TransferError, UPLOADS,
};
use crate::files::{FileError, pack, scan};
use crate::{Api, Error};

/// Uploads of one request: each keeps a file open.
const BATCH: usize = 100;
const PUTS_AT_ONCE: usize = 4;
const QUESTIONS_AT_ONCE: usize = 8;

/// What to copy where.
#[derive(Clone, Debug)]
pub struct Upload {
    /// The host, and as whom.
    pub remote: Remote,
    /// Path there, as typed. With several items it names a directory.
    pub path: String,
    /// At least one.
    pub items: Vec<Item>,
    /// How.
    pub options: Options,
}

/// One file or folder.
#[derive(Clone, Debug)]
pub struct Item {
    /// Its name on the host; of a folder, the name of its archive.
    pub name: String,
    /// Where it is here.
    pub source: Source,
}

/// What there is to copy.
#[derive(Clone, Debug)]
pub enum Source {
    /// A regular file.
    File(PathBuf),
    /// A folder with everything in it, sent as an archive that the host unpacks.
    Folder(PathBuf),
}

impl Item {
    fn is_folder(&self) -> bool {
        matches!(self.source, Source::Folder(_))
    }
}

/// Copies everything. `meter` counts bytes of files.
///
/// # Errors
/// When anything cannot be copied. Of several files the others are copied all the
/// same, except where the server refused them together.
pub async fn upload(api: &Api, upload: &Upload, meter: &Arc<Meter>) -> Result<(), TransferError> {
    if let [item] = upload.items.as_slice() {
        return single(api, upload, &upload.path, item, meter).await;
    }
    let directory = match upload.path.ends_with('/') {
        true => upload.path.clone(),
        false => format!("{}/", upload.path),
    };
    let (folders, files): (Vec<&Item>, Vec<&Item>) =
        upload.items.iter().partition(|item| item.is_folder());
    let mut failed = Vec::new();
    for batch in files.chunks(BATCH) {
        failed.extend(bulk(api, upload, &directory, batch, meter).await?);
    }
    if upload.options.streaming {
        // Together they would have to be packed first.
        for item in folders {
            if let Err(error) = single(api, upload, &directory, item, meter).await {
                failed.push(one_of_several(item, error)?);
            }
        }
    } else {
        for batch in folders.chunks(BATCH) {
            failed.extend(bulk(api, upload, &directory, batch, meter).await?);
        }
    }
    match failed.is_empty() {
        true => Ok(()),
        false => Err(TransferError::Several {
            failed,
            total: upload.items.len(),
        }),
    }
}

/// A refusal by the server concerns all of them.
fn one_of_several(item: &Item, error: TransferError) -> Result<Failed, TransferError> {
    match error {
        TransferError::Api(_) => Err(error),
        error => Ok(Failed {
            name: item.name.clone(),
            error,
        }),
    }
}

async fn single(
    api: &Api,
    upload: &Upload,
    path: &str,
    item: &Item,
    meter: &Arc<Meter>,
) -> Result<(), TransferError> {
    let content = Content::open(item)?;
    let directory = format!("{}/", path.trim_end_matches('/'));
    let path = match item.is_folder() && !path.ends_with('/') {
        true => &directory,
        false => path,
    };
    let body = CreateUpload {
        name: Some(&item.name),
        names: None,
        streaming: upload.options.streaming,
        size: content.size().filter(|_| upload.options.streaming),
        ..request(upload, path, item.is_folder())
    };
    let created = super::create_uploads(api, &body).await?;
    let Some(created) = created.first() else {
        return Err(no_store().into());
    };
    // Only who was ordered at once takes the content while it comes.
    let streaming = upload.options.streaming && !created.command.is_empty();
    let content = match streaming {
        true => content,
        false => content.measured(meter).await?,
    };
    let watch = Watch::new(api, UPLOADS, &created.id, upload.options.streaming)?;
    let put = put(api, created, &content, meter);
    if streaming {
        tokio::select! {
            sent = put => if let Err(error) = sent {
                let status = despite(&watch, error).await?;
                return content.check(&item.name, &status);
            },
            error = watch.failure() => return Err(error),
        }
    } else {
        put.await?;
        super::deliver(api, &[&created.id], false).await?;
    }
    let status = watch.end(watch::limit(1, content.sent_size())).await?;
    content.check(&item.name, &status)
}

/// Errors of this machine need no explanation from the other.
async fn despite(watch: &Watch<'_>, error: TransferError) -> Result<Status, TransferError> {
    match error {
        TransferError::File(_) => Err(error),
        error => watch.despite(error).await,
    }
}

/// Several items of one kind in one request. Gives those that failed.
async fn bulk(
    api: &Api,
    upload: &Upload,
    directory: &str,
    items: &[&Item],
    meter: &Arc<Meter>,
) -> Result<Vec<Failed>, TransferError> {
    let is_folders = items.iter().any(|item| item.is_folder());
    let mut contents = Vec::new();
    for item in items {
        contents.push(Content::open(item)?.measured(meter).await?);
    }
    let body = CreateUpload {
        names: Some(items.iter().map(|item| item.name.as_str()).collect()),
        ..request(upload, directory, is_folders)
    };
    let created = super::create_uploads(api, &body).await?;
    let all: Vec<(&Item, &Created, &Content)> = items
        .iter()
        .zip(&created)
        .zip(&contents)
        .map(|((item, created), content)| (*item, created, content))
        .collect();
    let failed = each(&all, PUTS_AT_ONCE, async |(_, created, content)| {
        put(api, created, content, meter).await
    })
    .await;
    if !failed.is_empty() {
        return Ok(failed);
    }
    let ids: Vec<&str> = created.iter().map(|one| one.id.as_str()).collect();
    super::deliver(api, &ids, true).await?;
    let bytes = contents.iter().map(Content::sent_size).sum();
    let limit = watch::limit(items.len(), bytes);
    let failed = each(&all, QUESTIONS_AT_ONCE, async |(item, created, content)| {
        let watch = Watch::new(api, UPLOADS, &created.id, upload.options.streaming)?;
        content.check(&item.name, &watch.end(limit).await?)
    })
    .await;
    Ok(failed)
}

/// Does `work` for everything, a few at once, and gives what failed.
async fn each<'a>(
    all: &[(&'a Item, &'a Created, &'a Content)],
    at_once: usize,
    work: impl AsyncFn((&'a Item, &'a Created, &'a Content)) -> Result<(), TransferError>,
) -> Vec<Failed> {
    let work = &work;
    let outcomes = stream::iter(all.iter().copied())
        .map(|one| async move { (one.0, work(one).await) })
        .buffered(at_once);
    let failed = outcomes.filter_map(async |(item, outcome)| {
        let error = outcome.err()?;
        let name = item.name.clone();
        Some(Failed { name, error })
    });
    failed.collect().await
}

fn request<'a>(upload: &'a Upload, path: &'a str, allow_unzip: bool) -> CreateUpload<'a> {
    CreateUpload {
        name: None,
        names: None,
        path,
        server: &upload.remote.server,
        username: &upload.remote.username,
        groupname: &upload.remote.groupname,
        allow_overwrite: upload.options.overwrite,
        allow_unzip,
        work_session: upload.remote.work_session.as_deref(),
        streaming: false,
        size: None,
    }
}

async fn put(
    api: &Api,
    created: &Created,
    content: &Content,
    meter: &Arc<Meter>,
) -> Result<(), TransferError> {
    if created.upload_url.is_empty() {
        return Err(no_store().into());
    }
    let object = Object::new(api, &created.upload_url)?;
    let meter = meter.part();
    match content {
        Content::File(file) => object.put_file(file, &meter).await,
        Content::Folder(folder, packed) => object.put_folder(folder, packed, &meter).await,
    }
}

fn no_store() -> Error {
    Error::Decode {
        what: UPLOADS.to_owned(),
        reason: "it does not say where to put the content".to_owned(),
    }
}

/// What is put.
enum Content {
    /// With a known size; it can be sent again from any place.
    File(FileContent),
    /// Packed while it is sent.
    Folder(PathBuf, FolderContent),
}

impl Content {
    fn open(item: &Item) -> Result<Self, TransferError> {
        match &item.source {
            Source::File(path) => {
                let (file, metadata) = scan::open(path)?;
                Ok(Self::File(FileContent::new(file, path, metadata.len())))
            }
            Source::Folder(path) => Ok(Self::Folder(path.clone(), FolderContent::default())),
        }
    }

    /// With a known size: a folder is packed into a file first. A store of the public
    /// protocol needs it.
    async fn measured(self, meter: &Arc<Meter>) -> Result<Self, TransferError> {
        let Self::Folder(folder, _) = self else {
            return Ok(self);
        };
        let stop = Stop::default();
        let (mut stopped, total) = (stop.signal(), meter.clone());
        let path = folder.clone();
        let packed = tokio::task::spawn_blocking(move || {
            let mut file = tempfile::tempfile().map_err(FileError::io(std::env::temp_dir()))?;
            pack::pack(&path, stopped.over(&mut file), &mut |_| ())?;
            let size = file.seek(SeekFrom::End(0)).map_err(FileError::io(&path))?;
            Ok::<(File, u64), FileError>((file, size))
        });
        let (file, size) = packed.await.map_err(|_| FileError::Abandoned)??;
        // What moves now is the archive.
        total.expect(size);
        Ok(Self::File(FileContent::new(file, Path::new(&folder), size)))
    }

    fn size(&self) -> Option<u64> {
        match self {
            Self::File(file) => Some(file.size()),
            Self::Folder(..) => None,
        }
    }

    fn sent_size(&self) -> u64 {
        match self {
            Self::File(file) => file.size(),
            Self::Folder(_, packed) => packed.packed().0,
        }
    }

    /// What arrived, as far as the host tells, must be what was sent.
    fn check(&self, name: &str, status: &Status) -> Result<(), TransferError> {
        let (size, sha256) = match self {
            Self::File(file) => (file.size(), file.sha256()),
            Self::Folder(_, packed) => {
                let (size, sha256) = packed.packed();
                (size, Some(sha256))
            }
        };
        super::check(name, status, size, sha256.as_deref())
    }
}
