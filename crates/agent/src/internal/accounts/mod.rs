//! Local accounts: `adduser`, `deluser`, `moduser`, `addgroup`, `delgroup`
//! (`agent-control.md` §14.5, §14.6).

mod groups;
mod users;
mod valid;

use nix::unistd::{Group, User};

use super::{Answer, Internal};
use crate::inventory::Category;
use crate::platform::{Distribution, Family};

/// Carries out the command called `name`; `None` when it is not one of these.
pub(super) async fn run(internal: &Internal, name: &str, data: &str) -> Option<Answer> {
    if !matches!(
        name,
        "adduser" | "deluser" | "moduser" | "addgroup" | "delgroup"
    ) {
        return None;
    }
    let answer = match prepared(name, data).await {
        Ok(answer) | Err(answer) => answer,
    };
    if answer.exit_code == 0 {
        internal
            .inventory
            .sync(&[Category::Groups, Category::Users])
            .await;
    }
    Some(answer)
}

async fn prepared(name: &str, data: &str) -> Result<Answer, Answer> {
    let family = Distribution::detect()
        .classify()
        .map(|(family, _)| family)
        .ok_or_else(|| Answer::failed(format!("{name}: this distribution is not supported")))?;
    match name {
        "adduser" => users::add(family, data).await,
        "deluser" => users::delete(family, data).await,
        "moduser" => users::modify(data).await,
        "addgroup" => groups::add(family, data).await,
        _ => groups::delete(family, data).await,
    }
}

fn find_user(name: &str) -> Result<Option<User>, Answer> {
    User::from_name(name)
        .map_err(|error| Answer::failed(format!("cannot look up user {name}: {error}")))
}

fn find_group(name: &str) -> Result<Option<Group>, Answer> {
    Group::from_name(name)
        .map_err(|error| Answer::failed(format!("cannot look up group {name}: {error}")))
}

/// Debian's own tools, or those of everybody else.
fn by_family(family: Family, debian: &'static str, other: &'static str) -> &'static str {
    match family {
        Family::Debian => debian,
        Family::Rhel => other,
    }
}
