//! Users, groups, logins and API tokens.

mod groups;
mod invitations;
mod logins;
mod passwords;
mod persons;
mod tokens;
mod users;

use sea_orm::ConnectionTrait;

pub use groups::{EVERYONE, GroupChange, NewGroup};
pub use logins::{NewLogin, NewSignInAttempt};
pub use persons::PersonWorkspace;
pub use tokens::NewToken;
pub use users::{NewUser, UserChange, UserFilter};

use crate::Tenant;

/// First number given out as `uid` or `gid`: above what hosts give out themselves.
const FIRST_NUMBER: i64 = 10_000;
/// Numbers that hosts can use.
const MAX_NUMBER: i64 = 2_147_483_647;

/// The identity queries of a workspace.
pub struct Identity<'a, C>(Tenant<'a, C>);

impl<'a, C: ConnectionTrait> Tenant<'a, C> {
    /// People and credentials.
    #[must_use]
    pub fn identity(self) -> Identity<'a, C> {
        Identity(self)
    }
}

/// The number after `highest`, the highest one given out so far.
fn next_number(highest: Option<i64>) -> i64 {
    highest.map_or(FIRST_NUMBER, |highest| {
        highest.saturating_add(1).max(FIRST_NUMBER)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_start_above_those_of_hosts_and_go_on() {
        assert_eq!(next_number(None), FIRST_NUMBER);
        assert_eq!(next_number(Some(0)), FIRST_NUMBER);
        assert_eq!(next_number(Some(FIRST_NUMBER)), FIRST_NUMBER + 1);
    }
}
