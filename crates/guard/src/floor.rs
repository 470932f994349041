//! File and port rules held by the kernel: Landlock (`judgment.md` §6.4).

use std::os::fd::OwnedFd;
use std::path::Path;

use landlock::{
    ABI, AccessFs, AccessNet, CompatLevel, Compatible, NetPort, Ruleset, RulesetAttr,
    RulesetCreatedAttr, RulesetError, path_beneath_rules,
};
use protocol::guard::Policy;

/// What every program may write: it leads nowhere, or back to its own terminal.
const ALWAYS: [&str; 7] = [
    "/dev/null",
    "/dev/zero",
    "/dev/full",
    "/dev/tty",
    "/dev/ptmx",
    "/dev/pts",
    "/dev/shm",
];

/// Rules ready to be put on a process. `None`: there are none, or this kernel cannot
/// hold all of them; half a floor would be a claim that nobody can check.
pub(crate) fn ruleset(policy: &Policy) -> Option<OwnedFd> {
    if policy.files.is_none() && policy.ports.is_none() {
        return None;
    }
    build(policy).ok().flatten()
}

fn build(policy: &Policy) -> Result<Option<OwnedFd>, RulesetError> {
    let mut ruleset = Ruleset::default().set_compatibility(CompatLevel::HardRequirement);
    let writes = AccessFs::from_write(ABI::V3);
    if policy.files.is_some() {
        ruleset = ruleset.handle_access(writes)?;
    }
    if policy.ports.is_some() {
        ruleset = ruleset.handle_access(AccessNet::ConnectTcp)?;
    }
    let mut created = ruleset.create()?;
    if let Some(files) = &policy.files {
        let paths = files.iter().filter_map(|rule| reach(rule)).chain(ALWAYS);
        created = created.add_rules(path_beneath_rules(paths, writes))?;
    }
    for port in policy.ports.iter().flatten() {
        created = created.add_rule(NetPort::new(*port, AccessNet::ConnectTcp))?;
    }
    Ok(created.into())
}

/// The file or folder below which everything that a glob matches lies. The kernel
/// knows no globs and no files that are yet to be made, so the floor is coarser than
/// the rule.
fn reach(rule: &str) -> Option<&str> {
    let literal = match rule.find('*') {
        Some(0) => "/",
        Some(at) => rule.get(..at)?,
        None if Path::new(rule).exists() => return Some(rule),
        None => rule,
    };
    let folder = literal.rsplit_once('/')?.0;
    let folder = if folder.is_empty() { "/" } else { folder };
    Path::new(folder).is_absolute().then_some(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_reaches_the_folder_that_holds_all_it_matches() {
        assert_eq!(reach("/srv/app/*"), Some("/srv/app"));
        assert_eq!(reach("/srv/app/x*.log"), Some("/srv/app"));
        assert_eq!(reach("/etc/hosts"), Some("/etc/hosts"));
        assert_eq!(reach("/*"), Some("/"));
        assert_eq!(reach("*"), Some("/"));
        assert_eq!(reach("relative/*"), None);
        assert_eq!(reach("/etc/not-made-yet"), Some("/etc"));
    }

    #[test]
    fn without_rules_there_is_nothing_to_hold() {
        assert!(ruleset(&Policy::default()).is_none());
    }
}
