//! `alpacon websh` (`cli-core.md` §9).

mod escape;
mod manage;
mod raw;
mod raw_mode;
mod terminal;

use client::servers;
use client::websh::{self, Share};

use crate::commands::challenge;
use crate::commands::exec::{self, session_choice};
use crate::context::{Context, Session};
use crate::error::{CliError, Failure};
use crate::gate::Denial;
use crate::output::{message, sanitize, time};
use crate::shell;

use terminal::Mode;

pub(crate) use raw::{Words, route};

/// The scope that the gate asks for.
const SCOPE: &str = "websh";
/// Where set to `true`, passwords are not shown.
const HIDE: &str = "ALPACON_HIDE_CREDENTIALS";

pub(crate) const USAGE: &str = "alpacon websh [FLAGS] [USER@]SERVER [FLAGS] [COMMAND...]";

pub(crate) const HELP: &str = "\
Without a command a terminal is opened; with one it is run as by exec. ~. at the
beginning of a line leaves the terminal, ~~ is one tilde.

Examples:
  alpacon websh web-01
  alpacon websh root@web-01
  alpacon websh --share --read-only web-01
  alpacon websh web-01 uptime
  alpacon websh watch SESSION_ID";

/// Declared for help and completion only: see [`raw`] for how the words are read.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Option<manage::Verb>,
    /// Work as this account.
    #[arg(short, long)]
    username: Option<String>,
    /// Work with this group.
    #[arg(short, long)]
    groupname: Option<String>,
    /// With a command: pass a variable, --env=KEY takes its value from this shell.
    #[arg(long, require_equals = true, value_name = "KEY[=VALUE]")]
    env: Vec<String>,
    /// Let others join by a link.
    #[arg(short, long)]
    share: bool,
    /// Who joins may only look.
    #[arg(long, value_name = "BOOL", num_args = 0..=1)]
    read_only: Option<String>,
    /// Use this work session.
    #[arg(long, value_name = "ID")]
    work_session: Option<String>,
    /// Where.
    #[arg(value_name = "[USER@]SERVER")]
    server: Option<String>,
    /// What to run instead of a terminal.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<String>,
}

/// `websh ls` and the others.
pub(crate) async fn run_subcommand(context: &Context, args: Args) -> Result<(), Failure> {
    match args.verb {
        Some(verb) => Box::pin(manage::run(context, verb)).await,
        None => Err(CliError::usage(format!("no server was named\nUsage: {USAGE}")).into()),
    }
}

/// A terminal, or a command.
pub(crate) async fn run(words: Words) -> Result<(), Failure> {
    if !words.request.line.is_empty() {
        return Box::pin(exec::run(words.request)).await;
    }
    if !words.request.env.is_empty() {
        message::warning("--env has no effect on a terminal");
    }
    let (rows, cols) = raw_mode::size()?;
    let context = Context::new(words.request.format)?;
    let mut session = context.connect().await?;
    let work_session = Some(words.request.work_session.as_str()).filter(|id| !id.is_empty());
    let mut request = websh::Request {
        rows,
        cols,
        server: String::new(),
        username: words.request.username.clone(),
        groupname: words.request.groupname.clone(),
        work_session: session_choice::choose(work_session, &session.config),
    };
    let server = words.request.server.as_str();
    let mut opened = open(&session, server, &mut request).await;
    if let Err(error) = opened {
        if !challenge::can_cure(&error) {
            return Err(refusal(&session, server, &request, error));
        }
        challenge::cure(&mut session, Some(server), error).await?;
        opened = open(&session, server, &mut request).await;
    }
    let granted = opened.map_err(|error| refusal(&session, server, &request, error))?;
    if words.share {
        let share = websh::share(&session.api, &granted.id, words.read_only).await?;
        tell(&share);
    }
    let link = websh::connect(&session.api, &granted).await?;
    terminal::run(&session.api, Some(&granted.id), link, Mode::Interactive).await
}

async fn open(
    session: &Session,
    server: &str,
    request: &mut websh::Request,
) -> Result<websh::Granted, client::Error> {
    if request.server.is_empty() {
        request.server = servers::id_by_name(&session.api, server).await?;
    }
    websh::open(&session.api, request).await
}

/// How others join.
fn tell(share: &Share) {
    let is_hidden = std::env::var(HIDE).is_ok_and(|value| value == "true");
    let password = match is_hidden {
        true => "********",
        false => share.password.as_str(),
    };
    let (url, password) = (sanitize::cell(&share.shared_url), sanitize::cell(password));
    message::info(&format!(
        "others join with: alpacon websh join --url={} --password={}",
        shell::quote(&url),
        shell::quote(&password)
    ));
    message::plain(&format!("  share URL   {url}"));
    message::plain(&format!("  password    {password}"));
    message::plain(&format!("  read-only   {}", share.read_only));
    message::plain(&format!(
        "  expires     {}",
        time::relative(share.expiration)
    ));
}

/// The refusal in its proper form.
fn refusal(
    session: &Session,
    server: &str,
    request: &websh::Request,
    error: client::Error,
) -> Failure {
    if Denial::covers(error.code()) {
        return Denial {
            code: error.code().unwrap_or_default().to_owned(),
            scope: SCOPE,
            server: Some(server.to_owned()),
            auth: session.config.auth_method(),
            session: request.work_session.clone(),
        }
        .into();
    }
    CliError::from(error).into()
}
