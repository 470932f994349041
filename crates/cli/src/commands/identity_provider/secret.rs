//! Client secrets: from a file or a prompt, never from the command line.

use std::path::Path;

use crate::error::{CliError, Failure};
use crate::prompt;

/// The secret in `file` (one line), or what is typed.
pub(super) fn read(file: Option<&Path>) -> Result<String, Failure> {
    let secret = match file {
        Some(path) => std::fs::read_to_string(path).map_err(|error| {
            CliError::refusal(format!("cannot read {}: {error}", path.display()))
        })?,
        None if prompt::is_interactive() => prompt::password("Client secret: ")?,
        None => {
            return Err(CliError::usage(
                "give the client secret in a file: --client-secret-file FILE",
            )
            .into());
        }
    };
    let secret = secret.trim();
    if secret.is_empty() || secret.contains(['\n', '\r']) {
        return Err(CliError::refusal("the client secret must be one line").into());
    }
    Ok(secret.to_owned())
}
