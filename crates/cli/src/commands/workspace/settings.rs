//! `alpacon workspace preferences|access-control|authentication [update]` and
//! `mfa-methods`.

use client::workspaces::{self, Settings};

use super::check_cloud;
use crate::commands::document;
use crate::context::Context;
use crate::error::Failure;
use crate::output::detail;

#[derive(Clone, Copy, Debug, clap::Subcommand)]
pub(crate) enum Verb {
    /// Edit them in $EDITOR.
    Update,
}

pub(super) async fn run(
    context: &Context,
    which: Settings,
    verb: Option<Verb>,
) -> Result<(), Failure> {
    if verb.is_some() {
        document::check_terminal()?;
    }
    if which == Settings::Authentication {
        check_cloud(&context.config()?)?;
    }
    let mut session = context.connect().await?;
    let before = workspaces::settings(&session.api, which).await?;
    match verb {
        None => detail::print(&before, context.format),
        Some(Verb::Update) => {
            document::edit(
                context,
                &mut session,
                name(which),
                &before,
                async |api, edited| workspaces::update_settings(api, which, edited).await,
            )
            .await?;
        }
    }
    Ok(())
}

pub(super) async fn mfa_methods(context: &Context) -> Result<(), Failure> {
    check_cloud(&context.config()?)?;
    let session = context.connect().await?;
    let body = workspaces::mfa_methods(&session.api).await?;
    detail::print(&body, context.format);
    Ok(())
}

fn name(which: Settings) -> &'static str {
    match which {
        Settings::Preferences => "preferences",
        Settings::AccessControl => "access control",
        Settings::Authentication => "authentication",
    }
}
