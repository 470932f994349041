//! `alpacon workspace` (`cli-core.md` §6).

mod ls;
mod settings;
mod show;
mod switch;
mod usage;

use client::Config;
use client::config::AuthMethod;
use client::workspaces::Settings;

use crate::context::Context;
use crate::error::{CliError, Failure};

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    /// List the workspaces that this login reaches.
    #[command(alias = "list")]
    Ls,
    /// Work in another workspace of this login.
    Switch {
        /// Name of the workspace.
        workspace: String,
    },
    /// Show language, time-outs and the like.
    #[command(alias = "prefs")]
    Preferences {
        #[command(subcommand)]
        verb: Option<settings::Verb>,
    },
    /// Show what people may do on servers.
    #[command(alias = "acl")]
    AccessControl {
        #[command(subcommand)]
        verb: Option<settings::Verb>,
    },
    /// Show the rules about the second factor (cloud workspaces).
    #[command(alias = "auth")]
    Authentication {
        #[command(subcommand)]
        verb: Option<settings::Verb>,
    },
    /// Show which second factors are accepted (cloud workspaces).
    #[command(alias = "mfa")]
    MfaMethods,
    /// Show what is used, and in cloud workspaces what it costs.
    Usage,
}

/// Without a verb the current workspace is shown.
pub(crate) async fn run(context: &Context, verb: Option<Verb>) -> Result<(), Failure> {
    match verb {
        None => show::run(context),
        Some(Verb::Ls) => ls::run(context),
        Some(Verb::Switch { workspace }) => switch::run(context, &workspace).await,
        Some(Verb::Preferences { verb }) => {
            settings::run(context, Settings::Preferences, verb).await
        }
        Some(Verb::AccessControl { verb }) => {
            settings::run(context, Settings::AccessControl, verb).await
        }
        Some(Verb::Authentication { verb }) => {
            settings::run(context, Settings::Authentication, verb).await
        }
        Some(Verb::MfaMethods) => settings::mfa_methods(context).await,
        Some(Verb::Usage) => usage::run(context).await,
    }
}

/// Some things are there for browser logins only.
fn check_cloud(config: &Config) -> Result<(), CliError> {
    if config.auth_method() == AuthMethod::BrowserLogin {
        return Ok(());
    }
    Err(CliError::refusal(
        "this is only available in cloud workspaces, after a browser login",
    ))
}
