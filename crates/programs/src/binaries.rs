//! Where the built programs are.

use std::path::{Path, PathBuf};

use crate::ProgramError;

/// A folder that holds `alpacon-server`, `alpamon` and `alpacon`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binaries {
    folder: PathBuf,
}

impl Binaries {
    /// The programs in `folder`.
    ///
    /// # Errors
    /// When one of them is missing.
    pub fn in_folder(folder: &Path) -> Result<Self, ProgramError> {
        let found = Self {
            folder: folder.to_owned(),
        };
        for program in [found.server(), found.agent(), found.cli()] {
            if !program.is_file() {
                return Err(ProgramError::NotBuilt(program));
            }
        }
        Ok(found)
    }

    /// The programs of the build that made the running test or program:
    /// `target/<profile>`, also when the caller lies in `target/<profile>/deps`.
    ///
    /// # Errors
    /// When one of them is missing.
    pub fn beside_this_executable() -> Result<Self, ProgramError> {
        let executable =
            std::env::current_exe().map_err(ProgramError::io("find the running executable"))?;
        let folder = executable.parent().unwrap_or(Path::new("."));
        let folder = if folder.ends_with("deps") {
            folder.parent().unwrap_or(folder)
        } else {
            folder
        };
        Self::in_folder(folder)
    }

    /// The folder, to be put on `PATH`.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The control plane.
    #[must_use]
    pub fn server(&self) -> PathBuf {
        self.folder.join("alpacon-server")
    }

    /// The agent.
    #[must_use]
    pub fn agent(&self) -> PathBuf {
        self.folder.join("alpamon")
    }

    /// The command-line client.
    #[must_use]
    pub fn cli(&self) -> PathBuf {
        self.folder.join("alpacon")
    }
}

#[cfg(test)]
mod tests {
    use super::Binaries;
    use crate::ProgramError;

    #[test]
    fn a_missing_program_is_named_with_the_remedy() {
        let missing = Binaries::in_folder("/nonexistent".as_ref()).unwrap_err();
        assert!(matches!(missing, ProgramError::NotBuilt(_)));
        assert_eq!(
            missing.to_string(),
            "/nonexistent/alpacon-server does not exist; \
             build it with `cargo build --workspace --bins`"
        );
    }
}
