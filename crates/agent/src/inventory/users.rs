//! Categories `groups` and `users`: the local account files.

use std::collections::HashMap;
use std::path::Path;

use serde::Serialize;

use super::read;

/// One row of `groups`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Group {
    gid: u32,
    groupname: String,
}

/// One row of `users`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct User {
    uid: u32,
    gid: u32,
    username: String,
    description: String,
    directory: String,
    shell: String,
    /// Days since 1970-01-01.
    #[serde(skip_serializing_if = "Option::is_none")]
    shadow_expire_date: Option<i64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    valid_shells: Vec<String>,
}

/// The groups of this machine.
#[must_use]
pub(crate) fn groups(root: &Path) -> Vec<Group> {
    read(&root.join("etc/group"))
        .lines()
        .filter_map(|line| {
            let fields: Vec<_> = line.split(':').collect();
            let [name, _password, gid, _members] = fields.as_slice() else {
                return None;
            };
            Some(Group {
                gid: gid.parse().ok()?,
                groupname: (*name).to_owned(),
            })
        })
        .collect()
}

/// The users of this machine.
#[must_use]
pub(crate) fn users(root: &Path) -> Vec<User> {
    let expiry = expiry_dates(&read(&root.join("etc/shadow")));
    let shells = valid_shells(&read(&root.join("etc/shells")));
    read(&root.join("etc/passwd"))
        .lines()
        .filter_map(|line| {
            let fields: Vec<_> = line.split(':').collect();
            let [name, _password, uid, gid, _comment, directory, shell] = fields.as_slice() else {
                return None;
            };
            Some(User {
                uid: uid.parse().ok()?,
                gid: gid.parse().ok()?,
                username: (*name).to_owned(),
                description: String::new(),
                directory: (*directory).to_owned(),
                shell: (*shell).to_owned(),
                shadow_expire_date: expiry.get(*name).copied(),
                valid_shells: shells.clone(),
            })
        })
        .collect()
}

fn expiry_dates(shadow: &str) -> HashMap<String, i64> {
    shadow
        .lines()
        .filter_map(|line| {
            let mut fields = line.split(':');
            let name = fields.next()?;
            let expires = fields.nth(6)?.parse().ok()?;
            Some((name.to_owned(), expires))
        })
        .collect()
}

fn valid_shells(shells: &str) -> Vec<String> {
    shells
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::tree;
    use super::*;

    #[test]
    fn reads_well_formed_lines_only() {
        let root = tree(&[
            (
                "etc/passwd",
                "root:x:0:0:root:/root:/bin/bash\nbroken:x:1\nkim:x:1000:1000::/home/kim:/bin/sh\n",
            ),
            (
                "etc/shadow",
                "root:*:19000:0:99999:7:::\nkim:!:19000:0:99999:7::20000:\n",
            ),
            ("etc/shells", "# shells\n\n/bin/sh\n/bin/bash\n"),
            (
                "etc/group",
                "root:x:0:\nkim:x:1000:kim,lee\nbroken:x:one:\n",
            ),
        ]);
        let users = users(root.path());
        assert_eq!(users.len(), 2);
        assert_eq!(users[0].shadow_expire_date, None);
        assert_eq!(users[1].shadow_expire_date, Some(20_000));
        assert_eq!(users[1].valid_shells, ["/bin/sh", "/bin/bash"]);
        let groups = groups(root.path());
        assert_eq!(groups.len(), 2);
        assert_eq!(groups[1].groupname, "kim");
        let text = serde_json::to_string(&users[0]).unwrap();
        assert!(!text.contains("shadow_expire_date"), "{text}");
    }
}
