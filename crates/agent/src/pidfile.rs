//! The PID file: one daemon at a time (`agent-control.md` §2.3).

use std::io;
use std::path::{Path, PathBuf};

use crate::config::file;

/// Why the daemon must not start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PidFileError {
    /// Another one runs.
    #[error("the agent is running already with process id {pid} ({path})")]
    Running {
        /// Which.
        pid: u32,
        /// Says who.
        path: PathBuf,
    },
    /// It cannot be written.
    #[error("cannot write {path}: {source}")]
    Write {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Removes the file when dropped.
#[derive(Debug)]
pub(crate) struct PidFile {
    path: PathBuf,
}

impl PidFile {
    /// Writes this process's id to `path`.
    ///
    /// # Errors
    /// When another agent runs or the file cannot be written.
    pub(crate) fn create(path: &Path) -> Result<Self, PidFileError> {
        let own = std::process::id();
        let other = std::fs::read_to_string(path)
            .ok()
            .and_then(|text| text.trim().parse::<u32>().ok())
            .filter(|pid| *pid != own);
        if let Some(pid) = other.filter(|pid| is_agent(*pid)) {
            return Err(PidFileError::Running {
                pid,
                path: path.to_owned(),
            });
        }
        file::replace(path, format!("{own}\n").as_bytes(), 0o644).map_err(|source| {
            PidFileError::Write {
                path: path.to_owned(),
                source,
            }
        })?;
        Ok(Self {
            path: path.to_owned(),
        })
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        let _removed = std::fs::remove_file(&self.path);
    }
}

/// A process with that id lives and is this program: after a crash the number
/// may belong to anybody.
fn is_agent(pid: u32) -> bool {
    let name = |who: &str| std::fs::read_to_string(format!("/proc/{who}/comm")).ok();
    name(&pid.to_string()).is_some_and(|other| name("self").is_none_or(|own| own == other))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stale_file_is_replaced_and_ours_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run/alpamon.pid");
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, "1\n").unwrap();
        let file = PidFile::create(&path).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text.trim(), std::process::id().to_string());
        drop(file);
        assert!(!path.exists());
    }

    #[test]
    fn a_living_agent_is_respected() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("alpamon.pid");
        // Our own parent's test runner has another name, so only a twin counts.
        assert!(!is_agent(1));
        assert!(is_agent(std::process::id()));
        std::fs::write(&path, "not a number").unwrap();
        assert!(PidFile::create(&path).is_ok());
    }
}
