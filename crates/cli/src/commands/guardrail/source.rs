//! Policy texts from files and from stdin.

use std::io::Read as _;
use std::path::Path;

use crate::error::CliError;

/// More than any server takes.
const MAX_FILE: u64 = 1 << 20;

/// The text of a file; of stdin where it is `-`.
pub(crate) fn read(path: &Path) -> Result<String, CliError> {
    let shown = path.display();
    let failed = |error: std::io::Error| CliError::refusal(format!("cannot read {shown}: {error}"));
    let mut text = Vec::new();
    let read = if path == Path::new("-") {
        std::io::stdin().take(MAX_FILE + 1).read_to_end(&mut text)
    } else {
        let file = std::fs::File::open(path).map_err(failed)?;
        file.take(MAX_FILE + 1).read_to_end(&mut text)
    };
    let length = read.map_err(failed)?;
    if u64::try_from(length).unwrap_or(u64::MAX) > MAX_FILE {
        return Err(CliError::refusal(format!(
            "{shown} is too long for a guardrail"
        )));
    }
    String::from_utf8(text).map_err(|_| CliError::refusal(format!("{shown} is not UTF-8 text")))
}
