//! `upload`, `download` and `rm` (`agent-channels.md` §4), `openftp` (§3).

use std::path::{Component, Path, PathBuf};

use serde::Deserialize;

use super::{Answer, Internal, arguments};
use crate::executor::StopSignals;

/// Where scripts are staged.
const SCRIPT_FOLDER: &str = "/tmp";
const SCRIPT_PREFIX: &str = ".alpacon-exec-";
const SCRIPT_SUFFIX: &str = ".sh";

/// `upload` or `download`.
pub(super) async fn run(internal: &Internal, name: &str, data: &str) -> Answer {
    if name == "upload" {
        return match arguments(data) {
            Ok(order) => internal.files.send(order).await,
            Err(answer) => answer,
        };
    }
    match arguments(data) {
        Ok(order) => internal.files.receive(order).await,
        Err(answer) => answer,
    }
}

/// `openftp`.
pub(super) async fn browse(internal: &Internal, data: &str, stop: &StopSignals) -> Answer {
    match arguments(data) {
        Ok(order) => internal.files.browse(order, stop).await,
        Err(answer) => answer,
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Remove {
    path: String,
}

/// Removes a staged script, and nothing else.
pub(super) fn remove_script(data: &str) -> Answer {
    let remove: Remove = match arguments(data) {
        Ok(remove) => remove,
        Err(answer) => return answer,
    };
    let Some(path) = script(&remove.path) else {
        return Answer::failed("only staged scripts may be removed");
    };
    match std::fs::remove_file(&path) {
        Ok(()) => Answer::done(""),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Answer::done(""),
        Err(error) => Answer::failed(format!("{}: {error}", path.display())),
    }
}

/// The path of a staged script, if `path` is one after cleaning.
fn script(path: &str) -> Option<PathBuf> {
    let mut cleaned = PathBuf::from("/");
    for component in Path::new(path.strip_prefix('/')?).components() {
        match component {
            Component::Normal(part) => cleaned.push(part),
            Component::ParentDir => {
                cleaned.pop();
            }
            Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
        }
    }
    let name = cleaned.file_name()?.to_str()?;
    let digits = name
        .strip_prefix(SCRIPT_PREFIX)?
        .strip_suffix(SCRIPT_SUFFIX)?;
    let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let fits = !digits.is_empty()
        && digits.bytes().all(is_hex)
        && cleaned.parent() == Some(Path::new(SCRIPT_FOLDER));
    fits.then_some(cleaned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_staged_scripts_are_removed() {
        for path in [
            "/tmp/.alpacon-exec-0af.sh",
            "/tmp/x/../.alpacon-exec-0af.sh",
        ] {
            let cleaned = script(path).unwrap();
            assert_eq!(cleaned, Path::new("/tmp/.alpacon-exec-0af.sh"));
        }
        for path in [
            "",
            "/tmp/x",
            "tmp/.alpacon-exec-0a.sh",
            "/tmp/.alpacon-exec-.sh",
            "/tmp/.alpacon-exec-0A.sh",
            "/tmp/.alpacon-exec-0a.sh/../../etc/passwd",
            "/tmp/d/.alpacon-exec-0a.sh",
            "/etc/.alpacon-exec-0a.sh",
            "/tmp/.alpacon-exec-0a.sh.x",
        ] {
            assert!(script(path).is_none(), "{path}");
        }
    }
}
