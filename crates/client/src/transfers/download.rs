//! From a host to this machine.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::store::Object;
use super::watch::{self, Watch};
use super::writing::{Stop, Writing};
use super::{CreateDownload, Created, DOWNLOADS, Meter, Options, Paths, Remote, TransferError};
use crate::Api;
use crate::files::replace::Replacement;
use crate::files::unpack::{self, Existing};
use crate::files::{FileError, name};
use protocol::transfer::resource;
use transport::save::Saved as Content;

/// What to copy where.
#[derive(Clone, Debug)]
pub struct Download {
    /// The host, and as whom.
    pub remote: Remote,
    /// Paths there, as typed; at least one.
    pub paths: Vec<String>,
    /// Where it goes here.
    pub to: To,
    /// How.
    pub options: Options,
}

/// Where a download goes.
#[derive(Clone, Debug)]
pub enum To {
    /// One file, to this path.
    File(PathBuf),
    /// Folders or several things, beneath this directory, which is made if need be.
    Beneath(PathBuf),
}

/// What was saved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Saved {
    /// Files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// One file was replaced whose mode lets others read it, and kept that mode.
    pub readable_by_others: bool,
}

/// Copies everything. What is there stays until all of the content is there and is
/// what the host sent.
///
/// # Errors
/// When it cannot be copied; nothing was replaced then, except where unpacking broke
/// off: what was unpacked before stays.
pub async fn download(
    api: &Api,
    download: &Download,
    meter: &Arc<Meter>,
) -> Result<Saved, TransferError> {
    match &download.to {
        To::File(path) => file(api, download, path, meter).await,
        To::Beneath(directory) => beneath(api, download, directory, meter).await,
    }
}

async fn file(
    api: &Api,
    download: &Download,
    path: &Path,
    meter: &Arc<Meter>,
) -> Result<Saved, TransferError> {
    if let Some(parent) = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
    {
        std::fs::create_dir_all(parent).map_err(FileError::io(parent))?;
    }
    let new = Replacement::at(path, download.options.overwrite)?;
    let created = create(api, download).await?;
    let file = new.file().try_clone().map_err(FileError::io(path))?;
    let written = fetch(api, download, &created, file, path, meter).await?;
    let readable_by_others = new.kept_mode().is_some_and(|mode| mode & 0o044 != 0);
    new.commit()?;
    Ok(Saved {
        files: 1,
        bytes: written.size,
        readable_by_others,
    })
}

async fn beneath(
    api: &Api,
    download: &Download,
    directory: &Path,
    meter: &Arc<Meter>,
) -> Result<Saved, TransferError> {
    // Without a name, so that nothing is left behind whatever happens.
    let place = existing(directory);
    let archive = tempfile::tempfile_in(place).map_err(FileError::io(place))?;
    let created = create(api, download).await?;
    let file = archive.try_clone().map_err(FileError::io(place))?;
    fetch(api, download, &created, file, directory, meter).await?;
    std::fs::create_dir_all(directory).map_err(FileError::io(directory))?;
    let existing = match download.options.overwrite {
        true => Existing::Overwrite,
        false => Existing::Keep,
    };
    let stop = Stop::default();
    let (stopped, target) = (stop.signal(), directory.to_owned());
    let unpacking = tokio::task::spawn_blocking(move || {
        unpack::unpack(archive, &target, existing, &|| stopped.is_set())
    });
    let unpacked = unpacking.await.map_err(|_| FileError::Abandoned)??;
    Ok(Saved {
        files: unpacked.files,
        bytes: unpacked.bytes,
        readable_by_others: false,
    })
}

/// The nearest directory above `path` that exists: on the same disk, most likely.
fn existing(path: &Path) -> &Path {
    path.ancestors()
        .find(|path| path.is_dir())
        .unwrap_or(Path::new("."))
}

async fn create(api: &Api, download: &Download) -> Result<Created, TransferError> {
    let remote = &download.remote;
    let request = CreateDownload {
        path: Paths::Several(&download.paths),
        name: None,
        server: &remote.server,
        username: &remote.username,
        groupname: &remote.groupname,
        resource_type: None,
        work_session: remote.work_session.as_deref(),
    };
    let request = match download.paths.as_slice() {
        [path] => CreateDownload {
            path: Paths::One(path),
            name: Some(name::last(path)),
            resource_type: Some(match download.to {
                To::File(_) => resource::FILE,
                To::Beneath(_) => resource::FOLDER,
            }),
            ..request
        },
        _ => request,
    };
    Ok(super::create_download(api, &request).await?)
}

/// Brings the content into `file` and makes sure that it is what the host sent.
async fn fetch(
    api: &Api,
    download: &Download,
    created: &Created,
    file: File,
    shown: &Path,
    meter: &Arc<Meter>,
) -> Result<Content, TransferError> {
    let object = Object::new(api, &created.download_url)?;
    // A store beside the server gives nothing before it has everything.
    let streaming = download.options.streaming && object.is_of(api);
    let watch = Watch::new(api, DOWNLOADS, &created.id, download.options.streaming)?;
    let mut writing = Writing::into(file, shown);
    let meter = meter.clone();
    if streaming {
        // The content follows while the host sends it; so may its failure.
        tokio::select! {
            got = object.get(&mut writing, &meter, None) => if let Err(error) = got {
                return Err(explained(&watch, error).await);
            },
            error = watch.failure() => return Err(error),
        }
    } else {
        watch::command(api, &created.command, download.options.timeout).await?;
        object.get_in_parts(&mut writing, &meter).await?;
    }
    let written = writing.finish().await?;
    let limit = watch::limit(download.paths.len(), written.size);
    let status = watch.end(limit).await?;
    super::check(
        &crate::files::shown(shown),
        &status,
        written.size,
        Some(&written.sha256),
    )?;
    Ok(written)
}

/// Errors of this machine need no explanation from the other. Half the content is not
/// enough, also where the host did its part.
async fn explained(watch: &Watch<'_>, error: TransferError) -> TransferError {
    match error {
        TransferError::File(_) => error,
        TransferError::Store(reason) => {
            match watch.despite(TransferError::Store(reason.clone())).await {
                Ok(_) => TransferError::Store(reason),
                Err(told) => told,
            }
        }
        error => error,
    }
}
