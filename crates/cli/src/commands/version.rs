//! `alpacon version`. Without network, unless the build names a place that knows the
//! newest version.

use client::{Api, Credential, release};
use serde_json::json;

use crate::context::USER_AGENT;
use crate::error::Failure;
use crate::output::{Format, json as writer, message};

const VERSION: &str = env!("CARGO_PKG_VERSION");
/// Set when the program is built; answers like GitHub's "latest release".
const UPDATE_URL: Option<&str> = option_env!("ALPACON_UPDATE_URL");

/// Tells the version. People read it on stderr, like every message.
pub(crate) fn run(format: Format) -> Result<(), Failure> {
    match format {
        Format::Json => writer::print(&json!({ "version": VERSION })),
        Format::Table => message::info(&format!("alpacon {VERSION}")),
    }
    match UPDATE_URL {
        Some(url) if !url.is_empty() && format == Format::Table => {
            super::block_on(check_for_update(url))
        }
        _ => Ok(()),
    }
}

/// Whatever goes wrong is only a warning.
async fn check_for_update(url: &str) -> Result<(), Failure> {
    let api = Api::new(url, &Credential::None, false, USER_AGENT)?;
    match release::latest(&api, url).await {
        Ok(newest) if newest.version() == VERSION => message::info("up to date"),
        Ok(newest) => message::warning(&format!(
            "version {} is available, this is {VERSION}: {}",
            newest.version(),
            newest.html_url
        )),
        Err(error) => message::warning(&format!("cannot check for updates: {error}")),
    }
    Ok(())
}
