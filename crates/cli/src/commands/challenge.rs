//! Two refusals that the caller can cure at once: a missing second factor and a
//! missing username (`cli-core.md` §2.1–§2.2). Each is cured once per command.

use std::time::Duration;

use client::{Api, mfa, oauth, servers, users};
use protocol::code;

use crate::browser;
use crate::commands::username;
use crate::context::Session;
use crate::error::{CliError, Failure};
use crate::output::color::{self, Color};
use crate::output::spinner::Spinner;
use crate::output::{self, message, sanitize};
use crate::prompt;

const MFA_TICK: Duration = Duration::from_secs(1);
const MFA_LIMIT: Duration = Duration::from_secs(3 * 60);

/// Whether [`cure`] can do something about `error`.
pub(crate) fn can_cure(error: &client::Error) -> bool {
    matches!(
        error.code(),
        Some(code::AUTH_MFA_REQUIRED | code::USER_USERNAME_REQUIRED)
    )
}

/// Cures `error` where possible. `Ok`: do the operation once more.
pub(crate) async fn cure(
    session: &mut Session,
    server: Option<&str>,
    error: client::Error,
) -> Result<(), Failure> {
    match error.code() {
        Some(code::AUTH_MFA_REQUIRED) => second_factor(session, server).await,
        Some(code::USER_USERNAME_REQUIRED) => choose_username(session).await,
        _ => Err(error.into()),
    }
}

/// Does `operation`. Where the server wants a cure first, once more after it.
pub(crate) async fn curing<T>(
    session: &mut Session,
    operation: impl AsyncFn(&Api) -> Result<T, client::Error>,
) -> Result<T, Failure> {
    match operation(&session.api).await {
        Err(error) if can_cure(&error) => {
            cure(session, None, error).await?;
            Ok(operation(&session.api).await?)
        }
        result => Ok(result?),
    }
}

async fn second_factor(session: &mut Session, server: Option<&str>) -> Result<(), Failure> {
    let server = match server {
        Some(name) => Some(servers::id_by_name(&session.api, name).await?),
        None => None,
    };
    let workspace = &session.config.workspace_name;
    let link = mfa::link(&session.api, server.as_deref(), workspace).await?;
    output::stderr(&format!(
        "\nThis operation needs a second factor (MFA). Complete it here:\n{}\n\n",
        color::paint(&sanitize::cell(&link), Color::Blue)
    ));
    browser::open(&link, session.store.folder());
    let done = {
        let _spinner = Spinner::start("Waiting for MFA...");
        mfa::wait(&session.api, MFA_TICK, MFA_LIMIT).await
    };
    if !done {
        return Err(CliError::refusal("MFA was not completed in time").into());
    }
    // A new token shows the server that it was done.
    oauth::refresh(&session.api, &session.store, &mut session.config).await?;
    message::success("MFA completed");
    Ok(())
}

async fn choose_username(session: &Session) -> Result<(), Failure> {
    if !prompt::is_interactive() {
        return Err(CliError::refusal(
            "your system username is not set; run `alpacon username set <name>` (lower-case \
             letters, digits, - and _)",
        )
        .into());
    }
    message::info("Choose the system username that you will have on servers.");
    loop {
        let name = prompt::required("Username: ")?;
        match users::set_username(&session.api, &name).await {
            Ok(_) => return Ok(()),
            Err(error) if username::is_already_set(&error) => return Ok(()),
            Err(error) if username::may_ask_again(&error) => {
                message::warning(&username::explained(error).message);
            }
            Err(error) => return Err(username::explained(error).into()),
        }
    }
}
