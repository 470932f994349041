//! `alpacon workspace switch WORKSPACE`.

use client::Config;
use client::workspaces::{self, Workspace};

use crate::commands::login;
use crate::context::Context;
use crate::error::{CliError, Failure};
use crate::output::message;

pub(super) async fn run(context: &Context, name: &str) -> Result<(), Failure> {
    let before = context.config()?;
    if !before.is_multi_workspace() {
        return Err(CliError::refusal(
            "this login reaches one workspace; log in to the other with `alpacon login`",
        )
        .into());
    }
    if before.workspace_name == name {
        message::info(&format!("{name} is the current workspace"));
        return Ok(());
    }
    let after = moved(&before, name)?;
    context.store.save(&after)?;
    // An expired login is renewed for the new workspace. Where that fails, nothing
    // shall have changed.
    if let Err(failure) = context.connect().await {
        context.store.save(&before)?;
        return Err(failure);
    }
    message::success(&format!("switched to {name} at {}", after.workspace_url));
    Ok(())
}

/// Where the credential is sent from now on. The server that made the login says so, or
/// the parts make it up; either way it is below the domain of that server.
fn address(workspace: &Workspace, base_domain: &str) -> Result<String, CliError> {
    let Workspace { name, region, url } = workspace;
    if !url.is_empty() {
        return match login::is_below(url, base_domain) {
            true => Ok(url.trim_end_matches('/').to_owned()),
            false => Err(CliError::refusal(format!(
                "{url:?} is not in the domain {base_domain}; log in there with `alpacon login`"
            ))),
        };
    }
    if login::is_dns_label(name) && login::is_dns_label(region) {
        return Ok(format!("https://{name}.{region}.{base_domain}"));
    }
    Err(CliError::refusal(format!(
        "{name:?} in {region:?} cannot be an address"
    )))
}

/// The same login, pointing at another workspace.
fn moved(before: &Config, name: &str) -> Result<Config, Failure> {
    let workspace = workspaces::in_access_token(&before.access_token)?
        .into_iter()
        .find(|workspace| workspace.name == name)
        .ok_or_else(|| {
            CliError::refusal(format!(
                "this login does not reach a workspace {name:?}; see `alpacon workspace ls`"
            ))
        })?;
    Ok(Config {
        workspace_url: address(&workspace, &before.base_domain)?,
        workspace_name: workspace.name,
        // Those of the other server are learned at the next login.
        server_extensions: Vec::new(),
        ..before.clone()
    })
}
