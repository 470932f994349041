//! `alpacon cp` (`cli-core.md` §10).

mod plan;

use std::sync::Arc;

use client::Api;
use client::transfers::{self, Download, Item, Meter, Remote, Source, To, Upload};

use crate::commands::exec::session_choice;
use crate::commands::transfer::{self, Direction, Subject};
use crate::context::{Context, Session};
use crate::error::Failure;
use crate::output::message;
use crate::output::progress::Progress;

use plan::{Down, Plan, Up};

pub(crate) const HELP: &str = "\
SERVER:PATH is on a server; everything else is here. A name with a colon is
reached as ./NAME. Existing files are replaced as a whole or not at all.

Examples:
  alpacon cp ./file.txt web-01:/tmp/
  alpacon cp a.txt b.txt deploy@web-01:/srv/app/
  alpacon cp -r ./site web-01:/var/www/
  alpacon cp web-01:/var/log/syslog .
  alpacon cp -r root@web-01:/etc/nginx ./backup";

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Copy directories with everything in them.
    #[arg(short, long)]
    recursive: bool,
    /// Do not replace files that exist.
    #[arg(short, long)]
    no_overwrite: bool,
    /// Read or write as this account of the server.
    #[arg(short, long)]
    username: Option<String>,
    /// Read or write with this group.
    #[arg(short, long)]
    groupname: Option<String>,
    /// Use this work session.
    #[arg(long, value_name = "ID")]
    work_session: Option<String>,
    /// What to copy, all of it here or all of it on one server.
    #[arg(required = true, value_name = "SOURCE")]
    sources: Vec<String>,
    /// Where to.
    #[arg(value_name = "DESTINATION")]
    destination: String,
}

pub(crate) async fn run(context: &Context, args: Args) -> Result<(), Failure> {
    let plan = plan::make(&args)?;
    let mut session = context.connect().await?;
    let copy = copy(&mut session, &args, plan);
    transfer::interruptible(Box::pin(copy)).await
}

async fn copy(session: &mut Session, args: &Args, plan: Plan) -> Result<(), Failure> {
    let work_session = session_choice::choose(args.work_session.as_deref(), &session.config);
    let remote = Remote {
        server: String::new(),
        username: plan.username().to_owned(),
        groupname: args.groupname.clone().unwrap_or_default(),
        work_session: work_session.clone(),
    };
    let subject = |host: &str, direction| Subject {
        host: host.to_owned(),
        work_session: work_session.clone(),
        direction,
    };
    let options = transfer::options(session, !args.no_overwrite);
    match plan {
        Plan::Up(up) => {
            let subject = subject(&up.host, Direction::ToHost);
            let upload = Upload {
                remote,
                path: up.path.clone(),
                items: up.items.clone(),
                options,
            };
            transfer::curing(session, &subject, async |api| send(api, &up, &upload).await).await?;
            let to = format!("{}:{}", up.host, up.path);
            done("uploaded", &up.sources, &to);
        }
        Plan::Down(down) => {
            let subject = subject(&down.host, Direction::FromHost);
            let download = Download {
                remote,
                paths: down.paths.clone(),
                to: down.to.clone(),
                options,
            };
            let saved = transfer::curing(session, &subject, async |api| {
                receive(api, &down, &download).await
            })
            .await?;
            if let (To::File(path), true) = (&down.to, saved.readable_by_others) {
                message::warning(&format!(
                    "{} keeps its mode, which lets others read it",
                    transfer::shown(path)
                ));
            }
            done("downloaded", &down.paths, &args.destination);
        }
    }
    Ok(())
}

async fn send(api: &Api, up: &Up, upload: &Upload) -> Result<(), transfers::TransferError> {
    let upload = Upload {
        remote: transfer::reached(api, &up.host, &upload.remote).await?,
        ..upload.clone()
    };
    let meter = Arc::new(Meter::default());
    meter.expect(up.bytes);
    let _progress = Progress::show(&up.label(), meter.clone());
    transfers::upload(api, &upload, &meter).await
}

async fn receive(
    api: &Api,
    down: &Down,
    download: &Download,
) -> Result<transfers::Saved, transfers::TransferError> {
    let download = Download {
        remote: transfer::reached(api, &down.host, &download.remote).await?,
        ..download.clone()
    };
    let meter = Arc::new(Meter::default());
    let _progress = Progress::show(&down.label(), meter.clone());
    transfers::download(api, &download, &meter).await
}

fn done(what: &str, sources: &[String], destination: &str) {
    let sources: Vec<String> = sources.iter().map(transfer::shown).collect();
    message::success(&format!(
        "{what} [{}] to {}",
        sources.join(" "),
        transfer::shown(destination)
    ));
}

/// `Uploading NAME...`, `Downloading N files...`.
fn label(verb: &str, names: &[&str], noun: &str) -> String {
    match names {
        [name] => format!("{verb} {}...", transfer::shown(name)),
        names => format!("{verb} {} {noun}...", names.len()),
    }
}

impl Up {
    fn label(&self) -> String {
        let names: Vec<&str> = self.names.iter().map(String::as_str).collect();
        let is_folder = |item: &Item| matches!(item.source, Source::Folder(_));
        let noun = match self.items.iter().all(is_folder) {
            true => "folders",
            false => "files",
        };
        label("Uploading", &names, noun)
    }
}

impl Down {
    fn label(&self) -> String {
        let names: Vec<&str> = self
            .paths
            .iter()
            .map(|path| client::files::name::last(path))
            .collect();
        label("Downloading", &names, "files")
    }
}
