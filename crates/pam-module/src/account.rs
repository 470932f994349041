//! Names of accounts.

use nix::unistd::{Gid, Group, Uid, User};

/// An account and its first group by name. Without a name, the number.
pub(crate) struct Account {
    pub(crate) user: String,
    pub(crate) group: String,
}

impl Account {
    /// By user name.
    pub(crate) fn named(name: &str) -> Self {
        let group = match User::from_name(name) {
            Ok(Some(user)) => group_name(user.gid),
            _ => String::new(),
        };
        Self {
            user: name.to_owned(),
            group,
        }
    }

    /// By user number.
    pub(crate) fn numbered(uid: Uid) -> Self {
        match User::from_uid(uid) {
            Ok(Some(user)) => Self {
                group: group_name(user.gid),
                user: user.name,
            },
            _ => Self {
                user: uid.to_string(),
                group: String::new(),
            },
        }
    }
}

fn group_name(gid: Gid) -> String {
    match Group::from_gid(gid) {
        Ok(Some(group)) => group.name,
        _ => gid.to_string(),
    }
}
