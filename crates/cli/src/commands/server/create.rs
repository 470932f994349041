//! `alpacon server create`: a guide for registering a host (`cli-admin.md` §2.7).

use client::registration_tokens::{self, GuideRequest, Method, RegistrationToken};

use super::{guide, token};
use crate::context::{Context, Session};
use crate::error::{CliError, Failure};
use crate::output::{self, message, sanitize};
use crate::prompt;

const PLATFORMS: [&str; 4] = ["debian", "rhel", "darwin", "windows"];

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// How the host is set up.
    #[arg(short, long, value_parser = ["token-install", "ansible"])]
    method: Option<String>,
    /// Platform of the host.
    #[arg(short, long, value_parser = PLATFORMS)]
    platform: Option<String>,
    /// Server name; the host's own name when left out.
    #[arg(short, long)]
    name: Option<String>,
    /// Use the registration token with this name.
    #[arg(short, long, conflicts_with = "new_token")]
    token: Option<String>,
    /// Create a registration token with this name.
    #[arg(long)]
    new_token: Option<String>,
    /// Print the guide as JSON.
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), Failure> {
    let interactive = prompt::is_interactive();
    if !interactive {
        if args.platform.is_none() {
            let values = PLATFORMS.join(", ");
            return Err(CliError::usage(format!("--platform is required: {values}")).into());
        }
        if args.token.is_none() && args.new_token.is_none() {
            return Err(CliError::usage("--token or --new-token is required").into());
        }
    }
    let session = context.connect().await?;
    let method = match args.method.as_deref() {
        Some("ansible") => Method::Ansible,
        None if interactive => ask_method()?,
        _ => Method::TokenInstall,
    };
    let platform = match args.platform {
        Some(platform) => platform,
        None => ask_platform()?,
    };
    let has_token = args.token.is_some() || args.new_token.is_some();
    let name = match args.name {
        Some(name) => name,
        None if has_token || !interactive => String::new(),
        None => prompt::line("Server name (optional, the host's name when empty): ")?,
    };
    let token = match (args.token, args.new_token) {
        (Some(token), _) => registration_tokens::by_name(&session.api, &token).await?,
        (None, Some(name)) => new_token(&session, &name, &[]).await?,
        (None, None) => ask_token(&session).await?,
    };
    let request = GuideRequest {
        platform: &platform,
        server_name: name.trim(),
        registration_token: &token.id,
    };
    guide::show(&session.api, method, &request, args.json).await
}

fn ask_method() -> Result<Method, CliError> {
    output::stderr("How is the host set up?\n  [1] token-install\n  [2] ansible\n");
    loop {
        match prompt::line("Method [1]: ")?.as_str() {
            "" | "1" | "token-install" => return Ok(Method::TokenInstall),
            "2" | "ansible" => return Ok(Method::Ansible),
            _ => message::warning("answer 1 or 2"),
        }
    }
}

fn ask_platform() -> Result<String, CliError> {
    let question = format!("Platform ({}): ", PLATFORMS.join(", "));
    loop {
        let answer = prompt::line(&question)?.to_ascii_lowercase();
        if PLATFORMS.contains(&answer.as_str()) {
            return Ok(answer);
        }
        message::warning("choose one of the four");
    }
}

async fn ask_token(session: &Session) -> Result<RegistrationToken, Failure> {
    let mut tokens = registration_tokens::list(&session.api).await?;
    if tokens.is_empty() {
        message::info("there is no registration token yet; one is created");
        return ask_new_token(session).await;
    }
    output::stderr("Registration token:\n");
    for (index, token) in tokens.iter().enumerate() {
        output::stderr(&format!(
            "  [{}] {}\n",
            index + 1,
            sanitize::cell(&token.name)
        ));
    }
    output::stderr("  [+] create a new one\n");
    loop {
        let answer = prompt::line("Token: ")?;
        if answer == "+" {
            return ask_new_token(session).await;
        }
        let index = answer.parse::<usize>().ok().and_then(|n| n.checked_sub(1));
        match index.filter(|index| *index < tokens.len()) {
            Some(index) => return Ok(tokens.swap_remove(index)),
            None => message::warning("answer with a number of the list or +"),
        }
    }
}

async fn ask_new_token(session: &Session) -> Result<RegistrationToken, Failure> {
    let name = prompt::required("Name of the new token: ")?;
    let groups = prompt::list("Authorized groups, names or ids (optional): ")?;
    new_token(session, &name, &groups).await
}

async fn new_token(
    session: &Session,
    name: &str,
    groups: &[String],
) -> Result<RegistrationToken, Failure> {
    let groups = token::group_ids(&session.api, groups).await?;
    let created = registration_tokens::create(&session.api, name, &groups, None).await?;
    token::announce_key(&created);
    Ok(created)
}
