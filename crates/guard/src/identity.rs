//! Which command a loaded program is. A name counts only where the trusted file of
//! that name is the file that was loaded, by device and inode: a path alone can
//! follow a rename, a link or a bind mount.

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::digest::FileId;
use crate::image::Loaded;

/// Longest first line of a script that the kernel looks at.
const FIRST_LINE: u64 = 256;

/// A loaded program with the names by which rules may know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    /// Paths under which it is known, the likeliest first; never empty.
    pub(crate) paths: Vec<String>,
    /// Number of leading arguments that stand for the program: one for a binary,
    /// more for a script or behind the loader.
    pub(crate) skip: usize,
}

/// Who a loaded program is, or why nobody can say.
///
/// # Errors
/// A reason for the user.
pub(crate) fn identify(loaded: &Loaded, folders: &[String]) -> Result<Identity, String> {
    let Some(file) = loaded.file else {
        return Err("the program's file cannot be read".to_owned());
    };
    if is_loader(loaded) {
        return behind_loader(loaded, folders);
    }
    if let Some(script) = script(loaded, file, folders) {
        return Ok(script);
    }
    let called = loaded
        .called()
        .ok_or_else(|| "the program has no name that is text".to_owned())?;
    let mut paths = trusted(called, file, folders);
    // The name that is shown: as it was typed, else as the kernel has it.
    let kernels = loaded.path();
    paths.sort_by_key(|path| (path != called, Some(path.as_str()) != kernels));
    if called.starts_with('/') && leads_to(called, file) {
        push(&mut paths, called);
    }
    if let Some(path) = kernels
        && base(path) == base(called)
    {
        push(&mut paths, path);
    }
    if paths.is_empty() {
        return Err(match kernels {
            None => "its file is deleted or only in memory".to_owned(),
            Some(_) => format!("it is not the file that its name `{called}` says"),
        });
    }
    Ok(Identity { paths, skip: 1 })
}

/// The last component of a path.
pub(crate) fn base(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Paths in trusted folders that have the base name of `name` and are `file`.
fn trusted(name: &str, file: FileId, folders: &[String]) -> Vec<String> {
    let base = base(name);
    if base.is_empty() || base == "." || base == ".." {
        return Vec::new();
    }
    folders
        .iter()
        .map(|folder| format!("{}/{base}", folder.trim_end_matches('/')))
        .filter(|path| leads_to(path, file))
        .collect()
}

fn push(paths: &mut Vec<String>, path: &str) {
    if !paths.iter().any(|known| known == path) {
        paths.push(path.to_owned());
    }
}

/// A file that everybody may write is nobody's.
fn leads_to(path: &str, file: FileId) -> bool {
    fs::metadata(path).is_ok_and(|found| FileId::of(&found) == file && found.mode() & 0o002 == 0)
}

fn is_loader(loaded: &Loaded) -> bool {
    loaded
        .exe
        .as_deref()
        .and_then(Path::to_str)
        .is_some_and(|path| {
            let name = base(path);
            name.starts_with("ld-linux")
                || name.starts_with("ld-musl")
                || name.starts_with("ld.so")
                || (name.starts_with("ld-") && name.contains(".so"))
        })
}

/// `ld.so [options] program …` runs that program, by its path and after this stop;
/// only a path that nobody below root can redirect says which file that will be.
fn behind_loader(loaded: &Loaded, folders: &[String]) -> Result<Identity, String> {
    for (index, word) in loaded.argv.iter().enumerate().skip(1) {
        let word = std::str::from_utf8(word)
            .map_err(|_| "the loader's arguments are not text".to_owned())?;
        match word {
            "--inhibit-cache" => {}
            _ if word.starts_with('-') => {
                return Err(format!("the loader's option `{word}` changes what runs"));
            }
            _ if stands_in(word, folders) => {
                return Ok(Identity {
                    paths: vec![word.to_owned()],
                    skip: index + 1,
                });
            }
            _ => {
                return Err(format!(
                    "the loader would run `{word}`, which is not trusted"
                ));
            }
        }
    }
    Err("the loader names no program".to_owned())
}

/// Whether `path` is, letter by letter, a file of a trusted folder.
fn stands_in(path: &str, folders: &[String]) -> bool {
    path.rsplit_once('/').is_some_and(|(folder, name)| {
        !matches!(name, "" | "." | "..")
            && folders
                .iter()
                .any(|known| known.trim_end_matches('/') == folder)
    }) && fs::metadata(path).is_ok_and(|found| found.is_file() && found.mode() & 0o002 == 0)
}

/// The script that the kernel has turned into `interpreter [argument] script …`,
/// if the interpreter is the trusted file that the script names.
fn script(loaded: &Loaded, file: FileId, folders: &[String]) -> Option<Identity> {
    let words: Vec<&str> = (loaded.argv.iter().take(3))
        .map(|word| std::str::from_utf8(word).unwrap_or(""))
        .collect();
    let interpreter = *words.first()?;
    if !stands_in(interpreter, folders) || !leads_to(interpreter, file) {
        return None;
    }
    (1..words.len()).find_map(|index| {
        let path = *words.get(index)?;
        let argument = if index == 1 {
            None
        } else {
            words.get(1).copied()
        };
        if !is_plain(path, folders)
            || shebang(path)? != (interpreter.to_owned(), argument.map(str::to_owned))
        {
            return None;
        }
        Some(Identity {
            paths: vec![path.to_owned()],
            skip: index + 1,
        })
    })
}

/// A path that leads where it says: the interpreter opens the script a second time,
/// by its path. Outside trusted folders, who can write the script or its folder can
/// still change it between this stop and that opening; a rule that names such a
/// script trusts its owner.
fn is_plain(path: &str, folders: &[String]) -> bool {
    stands_in(path, folders)
        || path.starts_with('/') && fs::canonicalize(path).is_ok_and(|real| real == Path::new(path))
}

/// Interpreter and argument in the first line of a file.
fn shebang(path: &str) -> Option<(String, Option<String>)> {
    let mut bytes = Vec::new();
    File::open(path)
        .ok()?
        .take(FIRST_LINE)
        .read_to_end(&mut bytes)
        .ok()?;
    let line = bytes
        .strip_prefix(b"#!")?
        .split(|byte| *byte == b'\n')
        .next()?;
    let line = std::str::from_utf8(line).ok()?.trim_matches([' ', '\t']);
    match line.split_once([' ', '\t']) {
        Some((interpreter, argument)) => Some((
            interpreter.to_owned(),
            Some(argument.trim_matches([' ', '\t']).to_owned()),
        )),
        None => Some((line.to_owned(), None)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folders() -> Vec<String> {
        judge::TRUSTED_FOLDERS.map(str::to_owned).to_vec()
    }

    fn loaded(exe: &str, argv: &[&str]) -> Loaded {
        Loaded {
            exe: Some(fs::canonicalize(exe).unwrap_or_else(|_| exe.into())),
            file: fs::metadata(exe).ok().map(|found| FileId::of(&found)),
            argv: argv.iter().map(|word| word.as_bytes().to_vec()).collect(),
            ..Loaded::default()
        }
    }

    #[test]
    fn a_name_needs_its_file() {
        let good = identify(&loaded("/usr/bin/env", &["env"]), &folders()).unwrap();
        assert!(good.paths.iter().any(|path| path == "/usr/bin/env"));
        let wrong = identify(&loaded("/usr/bin/env", &["ls"]), &folders());
        assert!(wrong.unwrap_err().contains("`ls`"));
        let gone = identify(&loaded("/memfd:x (deleted)", &["ls"]), &folders());
        assert!(gone.is_err());
    }

    #[test]
    fn a_copy_is_not_trusted() {
        let folder = tempfile::tempdir().unwrap();
        let copy = folder.path().join("env");
        fs::copy("/usr/bin/env", &copy).unwrap();
        let copy = copy.to_str().unwrap();
        let identity = identify(&loaded(copy, &["env"]), &folders()).unwrap();
        assert_eq!(
            identity.paths,
            [fs::canonicalize(copy).unwrap().to_str().unwrap()]
        );
    }

    #[test]
    fn the_loader_is_what_it_runs() {
        let found = |words: &[&str]| {
            let mut argv = vec!["/lib64/ld-linux-x86-64.so.2"];
            argv.extend(words);
            let mut program = loaded("/usr/bin/env", &argv);
            program.exe = Some("/lib/ld-linux-x86-64.so.2".into());
            identify(&program, &folders())
        };
        let good = found(&["/usr/bin/env", "x"]).unwrap();
        assert_eq!(
            (good.paths, good.skip),
            (vec!["/usr/bin/env".to_owned()], 2)
        );
        assert!(found(&["--preload", "/tmp/x.so", "/usr/bin/env"]).is_err());
        assert!(found(&["./env"]).is_err());
        assert!(found(&["/usr/bin/../../tmp/env"]).is_err());
        assert!(found(&[]).is_err());
    }

    #[test]
    fn a_script_is_itself() {
        let folder = tempfile::tempdir().unwrap();
        let path = fs::canonicalize(folder.path()).unwrap().join("tool");
        fs::write(&path, "#!/bin/sh -e\ntrue\n").unwrap();
        let path = path.to_str().unwrap();
        let run = |argv: &[&str]| identify(&loaded("/bin/sh", argv), &folders()).unwrap();
        let script = run(&["/bin/sh", "-e", path, "x"]);
        assert_eq!((script.paths, script.skip), (vec![path.to_owned()], 3));
        // Other options than those of its first line make it a shell.
        assert_eq!(run(&["/bin/sh", path]).skip, 1);
    }
}
