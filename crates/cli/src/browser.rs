//! Opening a page for the user (`cli-core.md` §2.7). Never an error: the address is
//! always printed too.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// A page opened this recently is not opened again.
const DEBOUNCE: Duration = Duration::from_secs(30);

/// Opens `url` unless the user or the surroundings forbid it.
pub(crate) fn open(url: &str, state_folder: &Path) {
    let is_web = url.starts_with("https://") || url.starts_with("http://");
    let variable = |name: &str| std::env::var_os(name);
    if !is_web || is_forbidden(variable, cfg!(target_os = "linux")) {
        return;
    }
    let lock = state_folder.join(".browser_lock");
    if is_recent(&lock) || std::fs::write(&lock, b"").is_err() {
        return;
    }
    let launcher = if cfg!(target_os = "macos") {
        "open"
    } else {
        "xdg-open"
    };
    let started = Command::new(launcher)
        .arg(url)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    // After a failure the next attempt may find a launcher that works.
    let forget = move || {
        let _gone: std::io::Result<()> = std::fs::remove_file(&lock);
    };
    match started {
        // Launchers may stay until the browser ends; the command does not wait for them.
        Ok(mut child) => {
            std::thread::spawn(move || {
                if !child.wait().is_ok_and(|status| status.success()) {
                    forget();
                }
            });
        }
        Err(_) => forget(),
    }
}

fn is_forbidden(
    variable: impl Fn(&str) -> Option<std::ffi::OsString>,
    needs_display: bool,
) -> bool {
    let off = |value: &OsStr| value == "0" || value.eq_ignore_ascii_case("false");
    let has_display = ["DISPLAY", "WAYLAND_DISPLAY"]
        .iter()
        .any(|name| variable(name).is_some_and(|value| !value.is_empty()));
    variable("ALPACON_NO_BROWSER").is_some_and(|value| !off(&value))
        || variable("SSH_CONNECTION").is_some()
        || variable("SSH_TTY").is_some()
        || (needs_display && !has_display)
}

fn is_recent(lock: &Path) -> bool {
    std::fs::metadata(lock)
        .and_then(|metadata| metadata.modified())
        .is_ok_and(|time| time.elapsed().is_ok_and(|age| age < DEBOUNCE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn surroundings_without_a_browser_are_recognised() {
        let with = |pairs: &'static [(&str, &str)]| {
            move |name: &str| {
                pairs
                    .iter()
                    .find(|(key, _)| *key == name)
                    .map(|(_, value)| (*value).into())
            }
        };
        assert!(is_forbidden(with(&[]), true));
        assert!(!is_forbidden(with(&[]), false));
        assert!(!is_forbidden(with(&[("DISPLAY", ":0")]), true));
        assert!(is_forbidden(
            with(&[("DISPLAY", ":0"), ("SSH_TTY", "")]),
            true
        ));
        assert!(is_forbidden(with(&[("ALPACON_NO_BROWSER", "")]), false));
        assert!(!is_forbidden(
            with(&[("ALPACON_NO_BROWSER", "False")]),
            false
        ));
    }
}
