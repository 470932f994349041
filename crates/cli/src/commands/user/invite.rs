//! `alpacon user invite [EMAIL]`.

use client::config::AuthMethod;
use client::users;

use crate::commands::{challenge, privilege};
use crate::context::Context;
use crate::error::{CliError, Failure};
use crate::output::message;
use crate::prompt;

pub(super) async fn run(context: &Context, email: Option<String>) -> Result<(), Failure> {
    if email.is_none() && !prompt::is_interactive() {
        return Err(CliError::usage("EMAIL is required when there is no terminal").into());
    }
    if let Some(email) = &email {
        check(email)?;
    }
    if context.config()?.auth_method() != AuthMethod::BrowserLogin {
        return Err(CliError::refusal(
            "invitations need a browser login; create an account with `alpacon user create`",
        )
        .into());
    }
    let mut session = context.connect().await?;
    privilege::staff(&session, "invite users").await?;
    let email = match email {
        Some(email) => email,
        None => prompt::required("Mail address: ")?,
    };
    check(&email)?;
    challenge::curing(&mut session, async |api| {
        users::invite(api, email.trim()).await
    })
    .await?;
    message::success(&format!("{email} is invited"));
    Ok(())
}

fn check(email: &str) -> Result<(), CliError> {
    if email.contains('@') {
        return Ok(());
    }
    Err(CliError::usage(format!("{email:?} is no mail address")))
}
