//! `alpacon workspace`: where one is.

use crate::context::Context;
use crate::error::Failure;
use crate::output::message;

pub(super) fn run(context: &Context) -> Result<(), Failure> {
    let config = context.config()?;
    message::info(&format!("workspace {}", config.workspace_name));
    message::info(&format!("address {}", config.workspace_url));
    if config.is_multi_workspace() {
        message::info(&format!("domain {}", config.base_domain));
        message::info(
            "`alpacon workspace ls` lists the workspaces, `alpacon workspace switch` changes to \
             another",
        );
    }
    Ok(())
}
