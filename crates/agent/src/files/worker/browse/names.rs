//! Names of accounts, each looked up once.

use std::collections::HashMap;

use nix::unistd::{Gid, Group, Uid, User};
use rustix::process::{Gid as RawGid, Uid as RawUid};

use super::super::failure::Failure;

/// Names that were looked up.
#[derive(Debug, Default)]
pub(super) struct Names {
    users: HashMap<u32, String>,
    groups: HashMap<u32, String>,
}

impl Names {
    /// The name of a user; of one without a name, the number.
    pub(super) fn user(&mut self, id: u32) -> String {
        let look_up = || {
            let found = User::from_uid(Uid::from_raw(id)).ok().flatten();
            found.map_or_else(|| id.to_string(), |user| user.name)
        };
        self.users.entry(id).or_insert_with(look_up).clone()
    }

    /// The name of a group; of one without a name, the number.
    pub(super) fn group(&mut self, id: u32) -> String {
        let look_up = || {
            let found = Group::from_gid(Gid::from_raw(id)).ok().flatten();
            found.map_or_else(|| id.to_string(), |group| group.name)
        };
        self.groups.entry(id).or_insert_with(look_up).clone()
    }
}

/// The account of a name; of an empty one, none.
pub(super) fn find_user(name: &str) -> Result<Option<RawUid>, Failure> {
    if name.is_empty() {
        return Ok(None);
    }
    match User::from_name(name) {
        Ok(Some(user)) => Ok(Some(RawUid::from_raw(user.uid.as_raw()))),
        _ => Err(Failure::new(format!(
            "invalid argument: there is no user {name:?}"
        ))),
    }
}

/// The group of a name; of an empty one, none.
pub(super) fn find_group(name: &str) -> Result<Option<RawGid>, Failure> {
    if name.is_empty() {
        return Ok(None);
    }
    match Group::from_name(name) {
        Ok(Some(group)) => Ok(Some(RawGid::from_raw(group.gid.as_raw()))),
        _ => Err(Failure::new(format!(
            "invalid argument: there is no group {name:?}"
        ))),
    }
}
