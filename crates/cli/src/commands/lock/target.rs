//! What is locked or unlocked.

use std::fmt;

use client::locks::Kind;
use client::{Api, api_tokens, servers, users};
use uuid::Uuid;

use crate::error::CliError;

/// What is locked or unlocked, as it was named.
#[derive(Debug)]
pub(super) enum Target {
    User(String),
    Token(String),
    WorkSession(String),
    Server(String),
    Workspace,
}

impl Target {
    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::User(_) => Kind::User,
            Self::Token(_) => Kind::Token,
            Self::WorkSession(_) => Kind::WorkSession,
            Self::Server(_) => Kind::Server,
            Self::Workspace => Kind::Workspace,
        }
    }

    /// Refuses what can be no name or id, before anybody is asked.
    pub(super) fn check(&self) -> Result<(), CliError> {
        match self {
            Self::WorkSession(id) if Uuid::parse_str(id).is_err() => Err(CliError::usage(format!(
                "{id:?} is no id of a work session; see `alpacon work-session ls`"
            ))),
            Self::User(name) | Self::Token(name) | Self::Server(name) if name.is_empty() => {
                Err(CliError::usage("the name is empty"))
            }
            _ => Ok(()),
        }
    }

    /// Its id; none for the workspace.
    pub(super) async fn id(&self, api: &Api) -> Result<Option<String>, client::Error> {
        Ok(match self {
            Self::Workspace => None,
            Self::WorkSession(id) => Some(id.clone()),
            Self::User(name) | Self::Token(name) | Self::Server(name)
                if Uuid::parse_str(name).is_ok() =>
            {
                Some(name.clone())
            }
            Self::User(name) => Some(users::id_by_username(api, name).await?),
            Self::Token(name) => Some(api_tokens::id(api, name).await?),
            Self::Server(name) => Some(servers::id_by_name(api, name).await?),
        })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(name) => write!(f, "user {name}"),
            Self::Token(name) => write!(f, "API token {name}"),
            Self::WorkSession(id) => write!(f, "work session {id}"),
            Self::Server(name) => write!(f, "server {name}"),
            Self::Workspace => f.write_str("the workspace"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_id_is_told_before_anybody_is_asked() {
        assert!(Target::WorkSession("mine".to_owned()).check().is_err());
        assert!(Target::User(String::new()).check().is_err());
        assert!(Target::Workspace.check().is_ok());
        let id = "01a210fb-d56d-74de-8e58-62cac24e1488".to_owned();
        assert!(Target::WorkSession(id).check().is_ok());
    }
}
