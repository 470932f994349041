//! `alpacon edit` (`cli-core.md` §11).

mod diff;
mod editor;
mod working_copy;

use std::path::Path;
use std::sync::Arc;

use client::files::{digest, name};
use client::transfers::{self, Download, Item, Meter, Remote, Source, To, Upload};
use tokio::signal::unix::{SignalKind, signal};

use crate::commands::exec::session_choice;
use crate::commands::transfer::{self, Direction, Subject};
use crate::context::{Context, Session};
use crate::error::{CliError, Failure};
use crate::output::progress::Progress;
use crate::output::{self, message};
use crate::prompt;
use crate::target::{self, RemotePath};

use editor::Editor;
use working_copy::WorkingCopy;

/// Larger files are only edited on demand, in bytes.
const LARGE: u64 = 10 * 1024 * 1024;

pub(crate) const HELP: &str = "\
The file must exist. It is replaced as a whole when the editor ends and something
was changed. The editor is the first of --editor, ALPACON_EDITOR, VISUAL, EDITOR, vi;
words of it are split without a shell.

Examples:
  alpacon edit web-01:/etc/nginx/nginx.conf
  alpacon edit --editor \"code --wait\" root@web-01:/etc/hosts
  alpacon edit --confirm web-01:app.toml";

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Editor to run.
    #[arg(long, value_name = "COMMAND")]
    editor: Option<String>,
    /// Do not ask before files of more than 10 MB.
    #[arg(long)]
    force: bool,
    /// Show what was changed before it is uploaded.
    #[arg(long)]
    diff: bool,
    /// Show what was changed and ask before it is uploaded.
    #[arg(long)]
    confirm: bool,
    /// Read and write as this account of the server.
    #[arg(short, long)]
    username: Option<String>,
    /// Read and write with this group.
    #[arg(short, long)]
    groupname: Option<String>,
    /// Use this work session.
    #[arg(long, value_name = "ID")]
    work_session: Option<String>,
    /// What to edit.
    #[arg(value_name = "[USER@]SERVER:PATH")]
    target: String,
}

/// A file of a host, and how to reach it.
struct File {
    target: RemotePath,
    /// Base name.
    name: String,
    remote: Remote,
}

pub(crate) async fn run(context: &Context, args: Args) -> Result<(), Failure> {
    let (target, name) = parse(&args.target)?;
    let editor = Editor::choose(args.editor.as_deref())?;
    if args.confirm && !prompt::is_interactive() {
        return Err(CliError::usage("--confirm needs a terminal").into());
    }
    let mut session = context.connect().await?;
    let username = args.username.clone().filter(|name| !name.is_empty());
    let file = File {
        name,
        remote: Remote {
            server: String::new(),
            username: username.or_else(|| target.user.clone()).unwrap_or_default(),
            groupname: args.groupname.clone().unwrap_or_default(),
            work_session: session_choice::choose(args.work_session.as_deref(), &session.config),
        },
        target,
    };
    let folder = session.store.folder().to_owned();
    let mut copy = WorkingCopy::create(&folder, &file.target.host, &file.target.path, &file.name)
        .map_err(|error| CliError::refusal(error.to_string()))?;
    edit(&mut session, &args, &editor, &file, &mut copy).await
}

/// The target and the base name of its path.
fn parse(word: &str) -> Result<(RemotePath, String), CliError> {
    let target = target::remote(word)
        .filter(|target| !target.host.is_empty() && !target.path.is_empty())
        .ok_or_else(|| {
            CliError::usage(format!(
                "{word} must name a server and a file, as in web-01:/etc/hosts"
            ))
        })?;
    let name = name::base(&target.path)
        .filter(|name| !name.contains('\\'))
        .ok_or_else(|| {
            CliError::usage(format!(
                "{} does not end in the name of a file",
                target.path
            ))
        })?
        .to_owned();
    Ok((target, name))
}

async fn edit(
    session: &mut Session,
    args: &Args,
    editor: &Editor,
    file: &File,
    copy: &mut WorkingCopy,
) -> Result<(), Failure> {
    transfer::interruptible(Box::pin(fetch(session, file, copy.path()))).await?;
    let local =
        |error: client::files::FileError| Failure::from(CliError::refusal(error.to_string()));
    let size = copy.size().map_err(local)?;
    agree_to_size(size, args.force)?;
    let before = copy.sha256().map_err(local)?;
    let original = (args.diff || args.confirm)
        .then(|| diff::Side::read(copy.path()))
        .flatten();
    let edited = let_edit(editor, copy.path());
    let changed = copy.sha256().map_err(local)? != before;
    if changed {
        copy.keep();
    }
    if let Err(error) = edited {
        if changed {
            announce(copy);
        }
        return Err(error.into());
    }
    if !changed {
        message::info("no changes");
        return Ok(());
    }
    if args.diff || args.confirm {
        show(original.as_ref(), copy.path(), &file.target);
    }
    if args.confirm && !agrees(copy) {
        return Ok(());
    }
    let sent = transfer::interruptible(Box::pin(send(session, file, copy.path()))).await;
    if let Err(failure) = sent {
        announce(copy);
        return Err(failure);
    }
    copy.discard();
    message::success(&format!("saved {}", shown(&file.target)));
    Ok(())
}

fn agree_to_size(size: u64, force: bool) -> Result<(), Failure> {
    if size <= LARGE || force {
        return Ok(());
    }
    let megabytes = size.div_ceil(1024 * 1024);
    let refusal = CliError::refusal(format!(
        "the file has {megabytes} MB; pass --force to edit it all the same"
    ));
    if !prompt::is_interactive() {
        return Err(refusal.into());
    }
    let question = format!("The file has {megabytes} MB. Edit it all the same?");
    match prompt::yes_or_no(&question) {
        Ok(true) => Ok(()),
        _ => Err(refusal.into()),
    }
}

/// While the editor runs, Ctrl-C is its own.
fn let_edit(editor: &Editor, path: &Path) -> Result<(), CliError> {
    let _ours = signal(SignalKind::interrupt()).ok();
    editor.run(path)
}

fn show(original: Option<&diff::Side>, edited: &Path, target: &RemotePath) {
    let edited = diff::Side::read(edited);
    match (original, edited) {
        (Some(before), Some(after)) => {
            output::stderr(&diff::unified(before, &after, &shown(target)));
        }
        _ => message::info("the file is too large or no text, so the changes are not shown"),
    }
}

/// The changed copy stays if not.
fn agrees(copy: &WorkingCopy) -> bool {
    // The end of input is a no.
    let agreed = prompt::yes_or_no("Upload these changes?").unwrap_or(false);
    if !agreed {
        message::info("nothing was uploaded");
        announce(copy);
    }
    agreed
}

fn announce(copy: &WorkingCopy) {
    message::warning(&format!(
        "your changes are kept in {}",
        transfer::shown(copy.path())
    ));
}

fn shown(target: &RemotePath) -> String {
    transfer::shown(format!("{}:{}", target.host, target.path))
}

fn subject(file: &File, direction: Direction) -> Subject {
    Subject {
        host: file.target.host.clone(),
        work_session: file.remote.work_session.clone(),
        direction,
    }
}

async fn fetch(session: &mut Session, file: &File, to: &Path) -> Result<(), Failure> {
    let options = transfer::options(session, true);
    let subject = subject(file, Direction::FromHost);
    transfer::curing(session, &subject, async |api| {
        let download = Download {
            remote: transfer::reached(api, &file.target.host, &file.remote).await?,
            paths: vec![file.target.path.clone()],
            to: To::File(to.to_owned()),
            options,
        };
        let meter = Arc::new(Meter::default());
        let _progress = Progress::show(&label("Downloading", &file.name), meter.clone());
        transfers::download(api, &download, &meter).await
    })
    .await?;
    Ok(())
}

async fn send(session: &mut Session, file: &File, from: &Path) -> Result<(), Failure> {
    let options = transfer::options(session, true);
    let subject = subject(file, Direction::ToHost);
    let path = &file.target.path;
    let directory = path.get(..path.len() - file.name.len()).unwrap_or_default();
    transfer::curing(session, &subject, async |api| {
        let upload = Upload {
            remote: transfer::reached(api, &file.target.host, &file.remote).await?,
            path: directory.to_owned(),
            items: vec![Item {
                name: file.name.clone(),
                source: Source::File(from.to_owned()),
            }],
            options,
        };
        let meter = Arc::new(Meter::default());
        let _progress = Progress::show(&label("Uploading", &file.name), meter.clone());
        transfers::upload(api, &upload, &meter).await
    })
    .await
}

fn label(verb: &str, name: &str) -> String {
    format!("{verb} {}...", transfer::shown(name))
}

/// The first 16 digits of the digest of what is edited: two files of one name do not
/// meet.
fn key(server: &str, path: &str) -> String {
    let mut digest = digest::of(format!("{server}:{path}").as_bytes());
    digest.truncate(16);
    digest
}
