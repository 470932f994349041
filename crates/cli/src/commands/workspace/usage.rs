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
    let configured = std::env::var(SERVICE).ok().filter(|url| !url.is_empty());
    let service = billing::service_of(&config.workspace_url, configured.as_deref())?;
    if service.is_some() {
        check_cloud(&config)?;
    }
    // The login is renewed first, and by its own workspace.
    let session = context.connect().await?;
    let name = &session.config.workspace_name;
    let usage = match service {
        Some(service) => {
            let credential = session.config.credential();
            let api = Api::new(&service, &credential, false, USER_AGENT)?;
            billing::usage(&api, name).await
        }
        // A self-hosted workspace tells itself, and its name there may be another.
        None => billing::own_usage(&session.api).await,
    }
    .map_err(|error| match error.status() {
        Some(404) => CliError::refusal("this server does not tell what a workspace uses"),
        _ => error.into(),
    })?;
    match context.format {
        Format::Json => json::print(&usage),
        Format::Table => crate::output::stdout(&json::pretty(&usage, json::WIDE_INDENT)),
    }
    Ok(())
}
