//! Where the agent keeps its files (`agent-control.md` §2.3, §3.1).

use std::path::{Path, PathBuf};

use super::ConfigError;

/// The machine-wide configuration.
const SYSTEM_CONFIG: &str = "/etc/alpamon/alpamon.conf";

/// What the command line overrides.
#[derive(Clone, Debug, Default)]
pub(crate) struct Overrides {
    /// `--config`.
    pub(crate) config: Option<PathBuf>,
    /// `--state-dir`.
    pub(crate) state_dir: Option<PathBuf>,
    /// `--run-dir`.
    pub(crate) run_dir: Option<PathBuf>,
}

/// Who asks, and where that account's own folders are.
#[derive(Clone, Debug, Default)]
pub(crate) struct Owner {
    /// Effective user id 0.
    pub(crate) root: bool,
    /// `HOME`.
    pub(crate) home: Option<PathBuf>,
    /// `XDG_STATE_HOME`.
    pub(crate) state_home: Option<PathBuf>,
    /// `XDG_RUNTIME_DIR`.
    pub(crate) runtime_dir: Option<PathBuf>,
}

impl Owner {
    /// This process.
    #[must_use]
    pub(crate) fn current() -> Self {
        let folder = |name| {
            std::env::var_os(name)
                .map(PathBuf::from)
                .filter(|path| path.is_absolute())
        };
        Self {
            root: nix::unistd::geteuid().is_root(),
            home: folder("HOME"),
            state_home: folder("XDG_STATE_HOME"),
            runtime_dir: folder("XDG_RUNTIME_DIR"),
        }
    }

    fn own_config(&self) -> Option<PathBuf> {
        self.home.as_ref().map(|home| home.join(".alpamon.conf"))
    }
}

/// Where things are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Paths {
    /// Survives a reboot: the spool.
    pub(crate) state_dir: PathBuf,
    /// PID file.
    pub(crate) pid_file: PathBuf,
    /// Where the PAM module and the sudo plugin ask. Only root's agent answers:
    /// whose word lets others become root must be root's.
    pub(crate) auth_socket: Option<PathBuf>,
}

impl Paths {
    /// The folders of a daemon.
    #[must_use]
    pub(crate) fn new(overrides: &Overrides, owner: &Owner) -> Self {
        let home = owner.home.clone().unwrap_or_else(|| PathBuf::from("/"));
        let state_dir = overrides.state_dir.clone().unwrap_or_else(|| {
            if owner.root {
                PathBuf::from("/var/lib/alpamon")
            } else {
                owner
                    .state_home
                    .clone()
                    .unwrap_or_else(|| home.join(".local/state"))
                    .join("alpamon")
            }
        });
        let pid_file = match &overrides.run_dir {
            Some(folder) => folder.join("alpamon.pid"),
            None if owner.root => PathBuf::from("/var/run/alpamon.pid"),
            None => owner
                .runtime_dir
                .as_ref()
                .map_or_else(|| state_dir.join("run"), |folder| folder.join("alpamon"))
                .join("alpamon.pid"),
        };
        let run_dir = overrides.run_dir.as_deref();
        let auth_socket = owner.root.then(|| {
            let folder = run_dir.unwrap_or_else(|| Path::new("/run/alpamon"));
            folder.join("auth.sock")
        });
        Self {
            state_dir,
            pid_file,
            auth_socket,
        }
    }
}

/// The folder of undelivered reports below the state folder. It belongs to one
/// registration.
#[must_use]
pub(crate) fn spool(state_dir: &Path) -> PathBuf {
    state_dir.join("spool")
}

/// The folder of the sockets on which supervisors of running orders are found.
#[must_use]
pub(crate) fn guards(state_dir: &Path) -> PathBuf {
    state_dir.join("guard")
}

/// The configuration to read: the named one, else the first that is not empty.
///
/// # Errors
/// When none is there.
pub(crate) fn find_config(overrides: &Overrides, owner: &Owner) -> Result<PathBuf, ConfigError> {
    let candidates = match &overrides.config {
        Some(path) => vec![path.clone()],
        None => [Some(PathBuf::from(SYSTEM_CONFIG)), owner.own_config()]
            .into_iter()
            .flatten()
            .collect(),
    };
    let looked = candidates
        .iter()
        .map(|path| path.display().to_string())
        .collect::<Vec<_>>()
        .join(", ");
    candidates
        .into_iter()
        .find(|path| has_content(path))
        .ok_or(ConfigError::Missing(looked))
}

/// The configuration that `register` writes.
#[must_use]
pub(crate) fn config_to_write(overrides: &Overrides, owner: &Owner) -> PathBuf {
    overrides
        .config
        .clone()
        .or_else(|| owner.own_config().filter(|_| !owner.root))
        .unwrap_or_else(|| PathBuf::from(SYSTEM_CONFIG))
}

/// Whether the file exists and is not empty. An unreadable one counts, so that
/// the reader reports why.
#[must_use]
pub(crate) fn has_content(path: &Path) -> bool {
    match std::fs::metadata(path) {
        Ok(metadata) => metadata.len() > 0,
        Err(error) => error.kind() != std::io::ErrorKind::NotFound,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user() -> Owner {
        Owner {
            root: false,
            home: Some(PathBuf::from("/home/kim")),
            ..Owner::default()
        }
    }

    #[test]
    fn an_ordinary_user_stays_at_home() {
        let paths = Paths::new(&Overrides::default(), &user());
        assert_eq!(paths.state_dir, Path::new("/home/kim/.local/state/alpamon"));
        assert!(paths.pid_file.starts_with("/home/kim"));
        assert_eq!(paths.auth_socket, None);
        assert_eq!(
            config_to_write(&Overrides::default(), &user()),
            Path::new("/home/kim/.alpamon.conf")
        );
    }

    #[test]
    fn root_uses_the_system_folders() {
        let root = Owner {
            root: true,
            ..user()
        };
        let paths = Paths::new(&Overrides::default(), &root);
        assert_eq!(paths.state_dir, Path::new("/var/lib/alpamon"));
        assert_eq!(paths.pid_file, Path::new("/var/run/alpamon.pid"));
        let socket = paths.auth_socket.as_deref();
        assert_eq!(socket, Some(Path::new("/run/alpamon/auth.sock")));
        let moved = Overrides {
            run_dir: Some(PathBuf::from("/x")),
            ..Overrides::default()
        };
        assert_eq!(
            Paths::new(&moved, &root).pid_file,
            Path::new("/x/alpamon.pid")
        );
    }

    #[test]
    fn a_named_configuration_is_the_only_one() {
        let folder = tempfile::tempdir().unwrap();
        let named = Overrides {
            config: Some(folder.path().join("a.conf")),
            ..Overrides::default()
        };
        assert!(find_config(&named, &user()).is_err());
        std::fs::write(folder.path().join("a.conf"), "x").unwrap();
        assert!(find_config(&named, &user()).is_ok());
    }
}
