//! What a `cp` line asks for, checked before anything is connected
//! (`cli-core.md` §10.1–§10.4).

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use client::files::{name, scan};
use client::transfers::{Item, Source, To};

use super::Args;
use crate::error::CliError;
use crate::target::{self, RemotePath};

/// One way or the other.
#[derive(Debug)]
pub(super) enum Plan {
    Up(Up),
    Down(Down),
}

/// From here to a host.
#[derive(Debug)]
pub(super) struct Up {
    pub(super) host: String,
    pub(super) username: String,
    /// Where to, as typed.
    pub(super) path: String,
    /// As typed.
    pub(super) sources: Vec<String>,
    /// Base names.
    pub(super) names: Vec<String>,
    pub(super) items: Vec<Item>,
    /// In all files.
    pub(super) bytes: u64,
}

/// From a host to here.
#[derive(Debug)]
pub(super) struct Down {
    pub(super) host: String,
    pub(super) username: String,
    pub(super) paths: Vec<String>,
    pub(super) to: To,
}

impl Plan {
    /// Account on the host; empty: the caller's own.
    pub(super) fn username(&self) -> &str {
        match self {
            Self::Up(up) => &up.username,
            Self::Down(down) => &down.username,
        }
    }
}

/// Reads the line.
pub(super) fn make(args: &Args) -> Result<Plan, CliError> {
    let sources: Vec<Option<RemotePath>> = args
        .sources
        .iter()
        .map(|word| target::remote(word))
        .collect();
    let destination = target::remote(&args.destination);
    let remote: Vec<&RemotePath> = sources.iter().flatten().collect();
    if !remote.is_empty() && remote.len() < sources.len() {
        return Err(CliError::usage(
            "the sources are partly here and partly on a server; copy them separately",
        ));
    }
    for target in remote.iter().copied().chain(&destination) {
        if target.host.is_empty() || target.path.is_empty() {
            return Err(CliError::usage(format!(
                "{}:{} must name a server and a path, as in web-01:/tmp/",
                target.host, target.path
            )));
        }
    }
    let username = username(args, remote.iter().copied().chain(&destination))?;
    match (remote.as_slice(), destination) {
        ([], Some(to)) => up(args, to, username),
        ([], None) => Err(CliError::usage(
            "one side must be on a server: `alpacon cp FILE SERVER:PATH` or `alpacon cp \
             SERVER:PATH DESTINATION`",
        )),
        (_, Some(_)) => Err(CliError::usage(
            "both sides are on a server; copy to this machine first: `alpacon cp SERVER:PATH \
             DESTINATION`, then `alpacon cp FILE SERVER:PATH`",
        )),
        (from, None) => down(args, from, username),
    }
}

/// `-u`, or the one user named in the targets.
fn username<'a>(
    args: &Args,
    targets: impl Iterator<Item = &'a RemotePath>,
) -> Result<String, CliError> {
    if let Some(username) = args.username.as_ref().filter(|name| !name.is_empty()) {
        return Ok(username.clone());
    }
    let named: BTreeSet<&String> = targets.filter_map(|target| target.user.as_ref()).collect();
    let mut named = named.into_iter();
    match (named.next(), named.next()) {
        (Some(first), Some(second)) => Err(CliError::usage(format!(
            "{first} and {second} are two accounts; copy them separately, or choose one with -u"
        ))),
        (first, _) => Ok(first.cloned().unwrap_or_default()),
    }
}

fn up(args: &Args, to: RemotePath, username: String) -> Result<Plan, CliError> {
    let mut items = Vec::new();
    let mut names = Vec::new();
    let mut bytes: u64 = 0;
    for source in &args.sources {
        let (item, name, size) = item(source, args.recursive)?;
        items.push(item);
        names.push(name);
        bytes = bytes.saturating_add(size);
    }
    require_distinct(&names)?;
    Ok(Plan::Up(Up {
        host: to.host,
        username,
        path: to.path,
        sources: args.sources.clone(),
        names,
        items,
        bytes,
    }))
}

/// One local source, its base name and size.
fn item(source: &str, recursive: bool) -> Result<(Item, String, u64), CliError> {
    let path = PathBuf::from(source);
    let unfit = |error: client::files::FileError| {
        let advice = "check the local path; directories need -r";
        let is_missing = error.to_string().contains("no such file");
        let error = CliError::refusal(error.to_string());
        match is_missing {
            true => error.with_hint(advice),
            false => error,
        }
    };
    if path.is_dir() && recursive {
        let contents = scan::measure(&path).map_err(unfit)?;
        let name = scan::folder_name(&path).map_err(unfit)?;
        let item = Item {
            name: format!("{name}.zip"),
            source: Source::Folder(path),
        };
        return Ok((item, name, contents.bytes));
    }
    let (_, metadata) = scan::open(&path).map_err(unfit)?;
    let name = name::base(source).unwrap_or(source).to_owned();
    let item = Item {
        name: name.clone(),
        source: Source::File(path),
    };
    Ok((item, name, metadata.len()))
}

/// Two of one name would overwrite each other where they arrive.
fn require_distinct(names: &[String]) -> Result<(), CliError> {
    let mut seen = BTreeSet::new();
    match names.iter().find(|name| !seen.insert(*name)) {
        Some(name) => Err(CliError::usage(format!(
            "two sources are called {name}; copy them separately"
        ))),
        None => Ok(()),
    }
}

fn down(args: &Args, from: &[&RemotePath], username: String) -> Result<Plan, CliError> {
    let Some(first) = from.first() else {
        return Err(CliError::usage("no source was named"));
    };
    if let Some(other) = from.iter().find(|target| target.host != first.host) {
        return Err(CliError::usage(format!(
            "{} and {} are two servers; copy from one at a time",
            first.host, other.host
        )));
    }
    let paths: Vec<String> = from.iter().map(|target| target.path.clone()).collect();
    let names: Vec<String> = paths
        .iter()
        .map(|path| name::last(path).to_owned())
        .collect();
    require_distinct(&names)?;
    let destination = Path::new(&args.destination);
    let to = match paths.as_slice() {
        [path] if !args.recursive => To::File(file(path, &args.destination)?),
        _ if destination.exists() && !destination.is_dir() => {
            return Err(CliError::refusal(format!(
                "{} is no directory, and several files need one",
                args.destination
            )));
        }
        _ => To::Beneath(destination.to_owned()),
    };
    Ok(Plan::Down(Down {
        host: first.host.clone(),
        username,
        paths,
        to,
    }))
}

/// Where one file goes: into a directory under its own name, or to the name given.
fn file(remote: &str, destination: &str) -> Result<PathBuf, CliError> {
    let path = Path::new(destination);
    if !destination.ends_with('/') && !path.is_dir() {
        return Ok(path.to_owned());
    }
    match name::base(remote) {
        Some(name) => Ok(path.join(name)),
        None => Err(CliError::usage(format!(
            "{remote} does not end in the name of a file; pass -r to copy a directory"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    fn plan(words: &[&str]) -> Result<Plan, CliError> {
        let words = ["cp"].iter().chain(words);
        make(&Line::try_parse_from(words).unwrap().args)
    }

    fn refused(words: &[&str]) -> String {
        plan(words).unwrap_err().message
    }

    fn to_file(words: &[&str]) -> PathBuf {
        match plan(words).unwrap() {
            Plan::Down(Down {
                to: To::File(path), ..
            }) => path,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn directions_are_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a");
        std::fs::write(&file, "12345").unwrap();
        let file = file.to_str().unwrap();
        let Plan::Up(up) = plan(&[file, "root@web-1:/tmp/"]).unwrap() else {
            panic!()
        };
        assert_eq!((up.host.as_str(), up.username.as_str()), ("web-1", "root"));
        assert_eq!((up.path.as_str(), up.bytes), ("/tmp/", 5));
        assert_eq!(up.names, ["a"]);
        let Plan::Down(down) = plan(&["-u", "x", "root@web-1:/a", "web-1:/b", "out"]).unwrap()
        else {
            panic!()
        };
        assert_eq!((down.username.as_str(), down.paths.len()), ("x", 2));
    }

    #[test]
    fn every_wrong_shape_says_what_is_wrong() {
        assert!(refused(&["Cargo.toml", "web-1:/a", "/tmp"]).contains("partly"));
        assert!(refused(&["Cargo.toml", "/tmp"]).contains("one side"));
        assert!(refused(&["a:/x", "b:/y"]).contains("both sides"));
        for word in [":x", "web-1:", "u@:x"] {
            assert!(refused(&[word, "/tmp"]).contains("must name"), "{word}");
            assert!(
                refused(&["Cargo.toml", word]).contains("must name"),
                "{word}"
            );
        }
        assert!(refused(&["a:/x", "b:/y", "/tmp"]).contains("two servers"));
        assert!(refused(&["p@a:/x", "q@a:/y", "/tmp"]).contains("two accounts"));
        assert!(refused(&["a:/x/f", "a:/y/f", "/tmp"]).contains("called f"));
        assert!(refused(&["src", "a:/x"]).contains("pass -r"));
        assert!(refused(&["missing", "a:/x"]).contains("no such file"));
        assert!(refused(&["a:/x/", "/tmp"]).contains("does not end"));
        assert!(refused(&["a:/x/..", "/tmp/"]).contains("does not end"));
        assert!(refused(&["-r", "a:/x", "Cargo.toml"]).contains("no directory"));
    }

    #[test]
    fn a_file_goes_into_a_directory_or_to_a_name() {
        let folder = tempfile::tempdir().unwrap();
        let here = folder.path().to_str().unwrap();
        assert_eq!(to_file(&["a:/x/f", here]), folder.path().join("f"));
        assert_eq!(to_file(&["a:f", "new/"]), Path::new("new/f"));
        assert_eq!(to_file(&["a:/x/f", "other"]), Path::new("other"));
        // A name cannot leave the directory, whatever it is.
        assert_eq!(to_file(&["a:/x/-rf", here]), folder.path().join("-rf"));
    }
}
