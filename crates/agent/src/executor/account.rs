//! Which account a command runs as (`agent-control.md` §12.1). Names are resolved
//! by the system's name services, so that directory users work.

use std::ffi::CString;
use std::path::PathBuf;

use nix::unistd::{Gid, Group, User, getgrouplist};

use crate::sys::Credentials;

/// The account the agent itself runs as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Own {
    /// Root can become anybody.
    pub(crate) root: bool,
    /// Its name.
    pub(crate) name: String,
}

impl Own {
    /// This process. An account without a name is called by its number.
    #[must_use]
    pub(crate) fn current() -> Self {
        let uid = nix::unistd::geteuid();
        let name = User::from_uid(uid)
            .ok()
            .flatten()
            .map_or_else(|| uid.to_string(), |user| user.name);
        Self {
            root: uid.is_root(),
            name,
        }
    }
}

/// A resolved account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Account {
    /// Name for the environment.
    pub(crate) name: String,
    /// Home directory, if the account is known.
    pub(crate) home: Option<PathBuf>,
    /// To change to; `None`: stay as the agent is.
    pub(crate) credentials: Option<Credentials>,
}

/// Why an account cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AccountError {
    /// No such user.
    #[error("there is no user {0} on this machine")]
    UnknownUser(String),
    /// No such group.
    #[error("there is no group {0} on this machine")]
    UnknownGroup(String),
    /// The group is not among the user's.
    #[error("user {user} is not a member of group {group}")]
    NotMember {
        /// Who.
        user: String,
        /// Of what.
        group: String,
    },
    /// Without root there is no changing of accounts.
    #[error(
        "this agent runs as {own} and cannot run work as {wanted}; \
         use {own}, or install the agent as root"
    )]
    NotPrivileged {
        /// The agent's account.
        own: String,
        /// The order's.
        wanted: String,
    },
    /// The name services failed.
    #[error("cannot look up {name}: {source}")]
    Lookup {
        /// What.
        name: String,
        /// Why.
        source: nix::Error,
    },
}

/// Finds the account for `user` and `group`, either of which may be empty.
/// Blocks for as long as the name services do.
///
/// # Errors
/// When the account does not exist or may not be used.
pub(crate) fn resolve(user: &str, group: &str, own: &Own) -> Result<Account, AccountError> {
    if !own.root {
        if !user.is_empty() && user != own.name {
            return Err(AccountError::NotPrivileged {
                own: own.name.clone(),
                wanted: user.to_owned(),
            });
        }
        let known = find_user(&own.name)?;
        return Ok(Account {
            name: own.name.clone(),
            home: known.map(|user| user.dir),
            credentials: None,
        });
    }
    let name = if user.is_empty() { "root" } else { user };
    let found = find_user(name)?.ok_or_else(|| AccountError::UnknownUser(name.to_owned()));
    if name == "root" {
        return Ok(Account {
            name: name.to_owned(),
            home: found.ok().map(|user| user.dir),
            credentials: None,
        });
    }
    let found = found?;
    let memberships = memberships(&found)?;
    let gid = primary_group(&found, group, &memberships)?;
    let mut groups = vec![gid];
    groups.extend(memberships.into_iter().filter(|other| *other != gid));
    Ok(Account {
        name: name.to_owned(),
        credentials: Some(Credentials {
            uid: found.uid,
            gid,
            groups,
        }),
        home: Some(found.dir),
    })
}

/// An empty group, and one that merely repeats the user's name without existing,
/// stands for the user's own.
fn primary_group(user: &User, group: &str, memberships: &[Gid]) -> Result<Gid, AccountError> {
    if group.is_empty() {
        return Ok(user.gid);
    }
    let Some(found) = find_group(group)? else {
        if group == user.name {
            return Ok(user.gid);
        }
        return Err(AccountError::UnknownGroup(group.to_owned()));
    };
    if memberships.contains(&found.gid) {
        return Ok(found.gid);
    }
    Err(AccountError::NotMember {
        user: user.name.clone(),
        group: group.to_owned(),
    })
}

fn memberships(user: &User) -> Result<Vec<Gid>, AccountError> {
    let name = CString::new(user.name.as_str())
        .map_err(|_| AccountError::UnknownUser(user.name.clone()))?;
    getgrouplist(&name, user.gid).map_err(|source| AccountError::Lookup {
        name: format!("the groups of {}", user.name),
        source,
    })
}

fn find_user(name: &str) -> Result<Option<User>, AccountError> {
    if name.contains('\0') {
        return Ok(None);
    }
    User::from_name(name).map_err(|source| AccountError::Lookup {
        name: format!("user {name}"),
        source,
    })
}

fn find_group(name: &str) -> Result<Option<Group>, AccountError> {
    if name.contains('\0') {
        return Ok(None);
    }
    Group::from_name(name).map_err(|source| AccountError::Lookup {
        name: format!("group {name}"),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root() -> Own {
        Own {
            root: true,
            name: "root".into(),
        }
    }

    #[test]
    fn root_stays_root_and_nobody_loses_everything() {
        let account = resolve("", "", &root()).unwrap();
        assert_eq!((account.name.as_str(), account.credentials), ("root", None));
        let account = resolve("nobody", "", &root()).unwrap();
        let credentials = account.credentials.unwrap();
        assert!(!credentials.uid.is_root());
        assert_eq!(credentials.groups.first(), Some(&credentials.gid));
        assert!(!credentials.groups.contains(&Gid::from_raw(0)));
    }

    #[test]
    fn refuses_what_does_not_fit() {
        let refused = |user, group| resolve(user, group, &root()).unwrap_err().to_string();
        assert!(refused("no-such-user", "").contains("no user no-such-user"));
        assert!(refused("nobody", "no-such-group").contains("no group"));
        assert!(refused("nobody", "root").contains("not a member"));
    }

    #[test]
    fn without_root_only_its_own_account_works() {
        let own = Own {
            root: false,
            ..Own::current()
        };
        assert_eq!(resolve("", "anything", &own).unwrap().name, own.name);
        assert_eq!(resolve(&own.name, "", &own).unwrap().credentials, None);
        let error = resolve("somebody-else", "", &own).unwrap_err().to_string();
        assert!(
            error.contains("cannot run work as somebody-else"),
            "{error}"
        );
    }
}
