//! `addgroup` and `delgroup`.

use std::time::Duration;

use serde::Deserialize;

use super::super::{Answer, arguments, require_root, tool};
use super::{by_family, find_group, valid};
use crate::platform::Family;

const TIMEOUT: Duration = Duration::from_secs(30);

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Arguments {
    groupname: String,
    gid: u32,
}

/// Adds a group with a given number.
pub(super) async fn add(family: Family, data: &str) -> Result<Answer, Answer> {
    let Arguments { groupname, gid } = arguments(data)?;
    valid::name("groupname", &groupname)?;
    if gid == 0 {
        return Err(Answer::failed("gid: must be at least 1"));
    }
    require_root("addgroup")?;
    ensure(family, &groupname, gid).await
}

/// Makes sure that the group exists with this number.
pub(super) async fn ensure(family: Family, groupname: &str, gid: u32) -> Result<Answer, Answer> {
    if let Some(group) = find_group(groupname)? {
        return if group.gid.as_raw() == gid {
            Ok(Answer::done(format!("Group {groupname} exists already.")))
        } else {
            Err(Answer::failed(format!(
                "group {groupname} exists with gid {}, not {gid}",
                group.gid
            )))
        };
    }
    let number = gid.to_string();
    let program = by_family(family, "/usr/sbin/addgroup", "/usr/sbin/groupadd");
    let answer = tool::run(program, &["--gid", &number, groupname], TIMEOUT).await;
    // Somebody else may have been faster.
    let exists = find_group(groupname)?.is_some_and(|group| group.gid.as_raw() == gid);
    if answer.exit_code != 0 && exists {
        return Ok(Answer::done(answer.result));
    }
    Ok(answer)
}

/// Removes a group.
pub(super) async fn delete(family: Family, data: &str) -> Result<Answer, Answer> {
    let Arguments { groupname, .. } = arguments(data)?;
    valid::name("groupname", &groupname)?;
    require_root("delgroup")?;
    let program = by_family(family, "/usr/sbin/delgroup", "/usr/sbin/groupdel");
    Ok(tool::run(program, &[&groupname], TIMEOUT).await)
}
