//! `alpacon login` (`cli-core.md` §5.1).

mod ci;
mod expired_password;
mod target;

use client::config::AuthMethod as Stored;
use client::{Api, Config, Credential, Error, auth, device_id, oauth, secrets, users};
use protocol::auth::{AuthEnvironment, LoginRequest};
use protocol::code;

use crate::browser;
use crate::context::{Context, USER_AGENT};
use crate::error::{CliError, Failure};
use crate::output::color::{self, Color};
use crate::output::spinner::Spinner;
use crate::output::{self, message, sanitize};
use crate::prompt;

use target::Target;
pub(crate) use target::{is_below, is_dns_label};

/// Each code counts once: after a changed password it takes the next one.
const CODE_PROMPT: &str = "Code of your authenticator app (a new one): ";

pub(crate) const EXAMPLES: &str = "\
Examples:
  alpacon login                                          # browser login, asks for the target
  alpacon login --workspace my-ws --region us1           # cloud workspace
  alpacon login alpacon.example.com                      # self-hosted
  alpacon login alpacon.example.com -u admin             # password login
  alpacon login alpacon.example.com -t <TOKEN>           # API token, for automation
  alpacon login alpacon.example.com --ci                 # in a CI job, without a secret";

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Address of a self-hosted workspace.
    host: Option<String>,
    /// Account name; selects the password login.
    #[arg(short, long, allow_hyphen_values = true)]
    username: Option<String>,
    /// Password; asked for when left out.
    #[arg(short, long, allow_hyphen_values = true)]
    password: Option<String>,
    /// Personal API token or service token.
    #[arg(short, long, allow_hyphen_values = true, conflicts_with_all = ["username", "password"])]
    token: Option<String>,
    /// In a CI job: with the token that GitHub Actions or GitLab CI signs for the job, or
    /// the one in ALPACON_ID_TOKEN.
    #[arg(long, conflicts_with_all = ["username", "password", "token"])]
    ci: bool,
    /// Trust rule to use, where several let the job in.
    #[arg(long, value_name = "RULE", requires = "ci")]
    rule: Option<String>,
    /// Audience to ask GitHub for; left out: the address of the workspace.
    #[arg(long, requires = "ci")]
    audience: Option<String>,
    /// Name of a cloud workspace.
    #[arg(long)]
    workspace: Option<String>,
    /// Region of a cloud workspace, for example us1 or ap1.
    #[arg(long)]
    region: Option<String>,
    /// Do not check certificates, now and later.
    #[arg(long)]
    insecure: bool,
    /// Do not open a browser.
    #[arg(long)]
    no_browser: bool,
    /// Where the login is kept: in the configuration file, in the keyring of the desktop
    /// (Secret Service), or in the keyring of the Linux kernel, from which it is gone after
    /// a restart. The choice stays until another one.
    #[arg(long, value_name = "STORE", value_parser = [
        secrets::FILE, secrets::SECRET_SERVICE, secrets::KEYRING,
    ])]
    credential_store: Option<String>,
}

/// Secrets stay out of debug output.
impl std::fmt::Debug for Args {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Args")
            .field("host", &self.host)
            .finish_non_exhaustive()
    }
}

pub(crate) async fn run(context: &Context, args: Args) -> Result<(), Failure> {
    let given = target::from_arguments(
        args.host.as_deref(),
        args.workspace.as_deref(),
        args.region.as_deref(),
    )?;
    if let Some(token) = &args.token
        && token.trim().is_empty()
    {
        return Err(CliError::usage("--token is empty").into());
    }
    if given.is_none() && !prompt::is_interactive() {
        return Err(CliError::usage(
            "a target is required when there is no terminal: give HOST, or --workspace and \
             --region",
        )
        .into());
    }
    // A file that cannot be read is replaced, not repaired. No secret of it is needed, and
    // where a keyring is out of reach the choice of it still holds.
    let before = context.store.load_bare().ok().flatten().unwrap_or_default();
    let old_store = before.credential_store.clone();
    let target = match given {
        Some(target) => target,
        None => target::ask(&before)?,
    };
    let api = Api::new(&target.url, &Credential::None, args.insecure, USER_AGENT)?;
    let environment = environment(&api, &target).await?;
    message::info(&format!("logging in to {}", target.url));
    if let (Some(_), Some((workspace, region))) = (&args.host, target.cloud_parts()) {
        message::warning(&format!(
            "a cloud address as HOST is deprecated; use --workspace {workspace} --region {region}"
        ));
    }

    let mut config = Config {
        workspace_url: target.url.clone(),
        workspace_name: target.name.clone(),
        base_domain: target.base_domain.clone(),
        insecure: args.insecure,
        server_extensions: environment.extensions.clone(),
        credential_store: args
            .credential_store
            .clone()
            .unwrap_or(before.credential_store),
        other: before.other,
        ..Config::default()
    };
    authenticate(context, &args, &api, &environment, &mut config).await?;
    api.set_credential(&config.credential())?;
    verify(&api, &config).await?;
    context.store.save(&config)?;
    if config.credential_store != old_store {
        context.store.forget_secrets(&old_store);
    }
    message::success(&format!("logged in to {}", config.workspace_name));
    Ok(())
}

async fn environment(api: &Api, target: &Target) -> Result<AuthEnvironment, Failure> {
    auth::environment(api).await.map_err(|error| {
        let message = match error.status() {
            Some(404) => format!(
                "no workspace at {}: check the name and the region",
                target.url
            ),
            _ => format!("cannot reach the workspace at {}: {error}", target.url),
        };
        CliError::refusal(message).into()
    })
}

/// Fills the credential into `config`. A password login is done whenever one was
/// asked for, whatever the server prefers.
async fn authenticate(
    context: &Context,
    args: &Args,
    api: &Api,
    environment: &AuthEnvironment,
    config: &mut Config,
) -> Result<(), Failure> {
    let wants_password = args.username.is_some() || args.password.is_some();
    if let Some(token) = &args.token {
        token.trim().clone_into(&mut config.token);
        api.set_credential(&config.credential())?;
        return auth::check_token(api).await.map_err(|error| {
            CliError::from(error)
                .while_doing("the token was refused")
                .into()
        });
    }
    if args.ci {
        return ci::log_in(api, config, args.rule.as_deref(), args.audience.as_deref()).await;
    }
    if environment.auth0.method == oauth::METHOD && !wants_password {
        return device_login(context, args, api, environment, config).await;
    }
    password_login(args, api, config).await
}

async fn password_login(args: &Args, api: &Api, config: &mut Config) -> Result<(), Failure> {
    let username = match &args.username {
        Some(username) => username.clone(),
        None => prompt::required("Username: ")?,
    };
    let password = match &args.password {
        Some(password) => password.clone(),
        None => prompt::password("Password: ")?,
    };
    let mut is_changed = false;
    let mut login = LoginRequest {
        workspace_url: config.workspace_url.clone(),
        username,
        password,
        otp: String::new(),
    };
    let answer = loop {
        let answer = auth::password_login(api, &login).await;
        match answer.as_ref().err().and_then(Error::code) {
            Some(code::USER_PASSWORD_CHANGE_REQUIRED) if !is_changed => {
                login = expired_password::replace(api, &login).await?;
                is_changed = true;
            }
            Some(code::AUTH_MFA_REQUIRED) if login.otp.is_empty() && prompt::is_interactive() => {
                login.otp = prompt::required(CODE_PROMPT)?;
            }
            _ => break answer,
        }
    };
    let answer = answer.map_err(refused)?;
    if answer.token.is_empty() {
        return Err(CliError::refusal("login failed: the server sent no token").into());
    }
    config.token = answer.token;
    config.expires_at = answer.expires_at;
    Ok(())
}

fn refused(error: Error) -> CliError {
    match (&error, error.status()) {
        (_, Some(404)) => {
            CliError::refusal("this server has no password login; use a browser or a token")
        }
        (Error::Api(refusal), _) if refusal.detail.is_some() => {
            CliError::from(error).while_doing("login failed")
        }
        (_, Some(400..500)) => {
            CliError::refusal("login failed: check the username and the password")
        }
        _ => CliError::from(error).while_doing("login failed"),
    }
}

async fn device_login(
    context: &Context,
    args: &Args,
    api: &Api,
    environment: &AuthEnvironment,
    config: &mut Config,
) -> Result<(), Failure> {
    let method = &environment.auth0;
    let device = device_id::load_or_create(&context.store).ok();
    let code = oauth::start(api, method, &config.workspace_name, device.as_deref()).await?;
    let address = &code.verification_uri_complete;
    output::stderr(&format!(
        "Open this page to log in:\n{}\nand compare the code: {}\n",
        color::paint(&sanitize::cell(address), Color::Blue),
        color::paint(&sanitize::cell(&code.user_code), Color::Green),
    ));
    if !args.no_browser {
        browser::open(address, context.store.folder());
    }
    let tokens = {
        let _spinner = Spinner::start("Waiting for the login in the browser...");
        oauth::wait(api, method, &code).await?
    };
    config.access_token_expires_at = tokens.expires_at();
    config.access_token = tokens.access_token;
    config.refresh_token = tokens.refresh_token;
    Ok(())
}

/// The old configuration stays where this fails.
async fn verify(api: &Api, config: &Config) -> Result<(), Failure> {
    let failed = |reason: String| {
        CliError::refusal(format!("the login could not be verified: {reason}")).into()
    };
    match auth::whoami(api).await {
        Ok(principal) if principal.principal_type.is_empty() => Err(failed(
            "the server does not say who it belongs to".to_owned(),
        )),
        Ok(principal) => {
            if let Some(application) = principal.application.filter(|app| !app.name.is_empty()) {
                message::info(&format!("application {}", application.name));
            }
            Ok(())
        }
        Err(error) if error.status() == Some(404) => legacy_check(api, config).await,
        Err(error) => Err(failed(error.to_string())),
    }
}

/// Servers that do not know `whoami`.
async fn legacy_check(api: &Api, config: &Config) -> Result<(), Failure> {
    let is_token = config.expires_at.is_empty() && config.access_token.is_empty();
    if config.auth_method() == Stored::ServiceToken {
        message::info("service token; this server cannot tell its application");
        return Ok(());
    }
    match users::privileges(api).await {
        Err(error) if is_token => {
            message::info(&format!("the account could not be read: {error}"));
            Ok(())
        }
        result => Ok(result.map(|_| ())?),
    }
}
