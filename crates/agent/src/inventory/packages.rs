//! Facts that other programs have to be asked for, remembered for some hours.

use std::process::Stdio;
use std::time::{Duration, Instant};

use tokio::process::Command;
use tokio::sync::Mutex;

/// A program has this long to answer.
const TIMEOUT: Duration = Duration::from_secs(3);
/// Answers are good for this long.
const MEMORY: Duration = Duration::from_secs(3 * 3600);
/// Where the SSH daemon may be, besides the search path.
const SSHD: [&str; 3] = ["/usr/sbin/sshd", "/usr/local/sbin/sshd", "sshd"];

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// Version of the package `alpamon-pam`; empty when not installed.
    pub(super) pam_version: String,
    /// `yes` or `no`; `None` when there is no telling.
    pub(super) sshd_use_pam: Option<String>,
}

/// The memory.
#[derive(Debug, Default)]
pub(super) struct Facts {
    found: Mutex<Option<(Instant, Found)>>,
}

impl Facts {
    /// The facts, asked for anew when they are old.
    pub(super) async fn get(&self) -> Found {
        let mut held = self.found.lock().await;
        if let Some((when, found)) = held.as_ref()
            && when.elapsed() < MEMORY
        {
            return found.clone();
        }
        let (pam_version, sshd_use_pam) = tokio::join!(pam_version(), sshd_use_pam());
        let found = Found {
            pam_version,
            sshd_use_pam,
        };
        *held = Some((Instant::now(), found.clone()));
        found
    }
}

async fn pam_version() -> String {
    let dpkg = ["-W", "-f=${db:Status-Status} ${Version}", "alpamon-pam"];
    if let Some(text) = ask("dpkg-query", &dpkg).await {
        return text
            .strip_prefix("installed ")
            .unwrap_or_default()
            .trim()
            .to_owned();
    }
    ask(
        "rpm",
        &["-q", "--qf", "%{VERSION}-%{RELEASE}", "alpamon-pam"],
    )
    .await
    .unwrap_or_default()
    .trim()
    .to_owned()
}

async fn sshd_use_pam() -> Option<String> {
    for program in SSHD {
        if let Some(text) = ask(program, &["-T"]).await {
            return use_pam(&text);
        }
    }
    None
}

fn use_pam(configuration: &str) -> Option<String> {
    configuration
        .lines()
        .filter_map(|line| line.trim().split_once(' '))
        .find(|(name, _)| name.eq_ignore_ascii_case("usepam"))
        .map(|(_, value)| value.trim().to_lowercase())
        .filter(|value| value == "yes" || value == "no")
}

/// What a program prints, if it exists, succeeds and is quick.
async fn ask(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(TIMEOUT, output).await.ok()?.ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_effective_configuration() {
        assert_eq!(use_pam("port 22\nusepam yes\n").as_deref(), Some("yes"));
        assert_eq!(use_pam("usepam maybe\n"), None);
        assert_eq!(use_pam("port 22\n"), None);
    }

    #[tokio::test]
    async fn a_missing_program_says_nothing() {
        assert_eq!(ask("/does/not/exist", &[]).await, None);
    }
}
