//! `alpacon workspace switch WORKSPACE`.

use client::{Config, workspaces};

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
    // Both become part of the address that the credential is sent to.
    let (name, region) = (workspace.name, workspace.region);
    if !login::is_dns_label(&name) || !login::is_dns_label(&region) {
        return Err(
            CliError::refusal(format!("{name:?} in {region:?} cannot be an address")).into(),
        );
    }
    Ok(Config {
        workspace_url: format!("https://{name}.{region}.{}", before.base_domain),
        workspace_name: name,
        // Those of the other server are learned at the next login.
        server_extensions: Vec::new(),
        ..before.clone()
    })
}
