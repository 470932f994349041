//! Finding the program of a command, in the command's own search path.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::environment::Environment;

/// A program and its arguments, ready to be started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Program {
    /// As it was written: the process sees it as its name.
    pub(crate) name: String,
    /// What is executed.
    pub(crate) path: PathBuf,
    /// Without the name.
    pub(crate) arguments: Vec<String>,
}

/// Why there is no program to start.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ProgramError {
    /// No words at all.
    #[error("the command is empty")]
    Empty,
    /// Not in the search path.
    #[error("{0}: command not found")]
    NotFound(String),
    /// Found, but without permission to execute.
    #[error("{0}: permission denied: it is not an executable file")]
    NotExecutable(String),
}

impl Program {
    /// The program that `words` name.
    ///
    /// # Errors
    /// When it cannot be found or executed.
    pub(crate) fn new(words: &[String], environment: &Environment) -> Result<Self, ProgramError> {
        let (name, arguments) = words.split_first().ok_or(ProgramError::Empty)?;
        if name.is_empty() {
            return Err(ProgramError::NotFound("''".into()));
        }
        let path = if name.contains('/') {
            // Relative to the working directory; the kernel decides.
            PathBuf::from(name)
        } else {
            search(name, environment.search_path())?
        };
        Ok(Self {
            name: name.clone(),
            path,
            arguments: arguments.to_vec(),
        })
    }

    /// `/bin/sh -c line`.
    #[must_use]
    pub(crate) fn shell(line: &str) -> Self {
        Self {
            name: "/bin/sh".into(),
            path: "/bin/sh".into(),
            arguments: vec!["-c".into(), line.into()],
        }
    }
}

fn search<'a>(
    name: &str,
    folders: impl Iterator<Item = &'a Path>,
) -> Result<PathBuf, ProgramError> {
    let mut found_file = false;
    for folder in folders {
        let candidate = folder.join(name);
        let Ok(metadata) = std::fs::metadata(&candidate) else {
            continue;
        };
        if !metadata.is_file() {
            continue;
        }
        if metadata.permissions().mode() & 0o111 != 0 {
            return Ok(candidate);
        }
        found_file = true;
    }
    Err(if found_file {
        ProgramError::NotExecutable(name.to_owned())
    } else {
        ProgramError::NotFound(name.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn searches_for_executable_files() {
        let folder = tempfile::tempdir().unwrap();
        let (first, second) = (folder.path().join("1"), folder.path().join("2"));
        std::fs::create_dir_all(first.join("tool")).unwrap();
        std::fs::create_dir(&second).unwrap();
        let find = |name| search(name, [first.as_path(), second.as_path()].into_iter());
        assert_eq!(find("tool"), Err(ProgramError::NotFound("tool".into())));
        let tool = second.join("tool");
        std::fs::write(&tool, "").unwrap();
        assert_eq!(
            find("tool"),
            Err(ProgramError::NotExecutable("tool".into()))
        );
        std::fs::set_permissions(&tool, PermissionsExt::from_mode(0o755)).unwrap();
        assert_eq!(find("tool"), Ok(tool));
    }
}
