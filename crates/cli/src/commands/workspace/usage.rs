//! `alpacon workspace usage`.

use client::{Api, billing};

use super::check_cloud;
use crate::context::{Context, USER_AGENT};
use crate::error::{CliError, Failure};
use crate::output::{Format, json};

/// Address of another billing service.
const SERVICE: &str = "ALPACON_BILLING_URL";

pub(super) async fn run(context: &Context) -> Result<(), Failure> {
    let config = context.config()?;
    check_cloud(&config)?;
    let configured = std::env::var(SERVICE).ok().filter(|url| !url.is_empty());
    let Some(service) = billing::service_of(&config.workspace_url, configured.as_deref())? else {
        return Err(CliError::refusal(
            "usage is not available: this workspace is self-hosted and bills nobody",
        )
        .into());
    };
    // The login is renewed first, and by its own workspace.
    let session = context.connect().await?;
    let credential = session.config.credential();
    let api = Api::new(&service, &credential, false, USER_AGENT)?;
    let usage = billing::usage(&api, &session.config.workspace_name).await?;
    match context.format {
        Format::Json => json::print(&usage),
        Format::Table => crate::output::stdout(&json::pretty(&usage, json::WIDE_INDENT)),
    }
    Ok(())
}
