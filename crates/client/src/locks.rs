//! Locks: what may not be used for now. An addition of our server.

use serde::{Deserialize, Serialize};

use crate::{Api, Error, page, path};

const PATH: &str = "/api/security/locks/";

/// What a lock may be on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A user.
    User,
    /// A token.
    Token,
    /// A work session.
    WorkSession,
    /// A server.
    Server,
    /// The workspace.
    Workspace,
}

impl Kind {
    /// As on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Token => "token",
            Self::WorkSession => "work_session",
            Self::Server => "server",
            Self::Workspace => "workspace",
        }
    }
}

/// A lock.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Lock {
    /// Id.
    pub id: String,
    /// Kind of what is locked.
    pub kind: String,
    /// Its id.
    pub object: String,
    /// Its name.
    pub name: String,
    /// Why.
    pub reason: String,
    /// Who locked it.
    pub locked_by: Option<crate::users::UserSummary>,
    /// Since when, RFC 3339.
    pub added_at: String,
}

/// All locks.
///
/// # Errors
/// When the call fails.
pub async fn list(api: &Api) -> Result<Vec<Lock>, Error> {
    page::all(api, PATH, &[], None).await
}

/// Locks something. `object` is its id; none for the workspace.
///
/// # Errors
/// When it is locked already, the caller may not, or the call fails.
pub async fn create(
    api: &Api,
    kind: Kind,
    object: Option<&str>,
    reason: &str,
) -> Result<(), Error> {
    #[derive(Serialize)]
    struct Body<'a> {
        kind: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        object: Option<&'a str>,
        reason: &'a str,
    }
    let body = Body {
        kind: kind.as_str(),
        object,
        reason,
    };
    api.post_ignoring(PATH, &body).await
}

/// Unlocks something. `name` is for the error.
///
/// # Errors
/// When it is not locked, the caller may not, or the call fails.
pub async fn delete(api: &Api, kind: Kind, object: Option<&str>, name: &str) -> Result<(), Error> {
    let mut query = vec![("kind", kind.as_str().to_owned())];
    if let Some(object) = object {
        query.push(("object", object.to_owned()));
    }
    let rows: Vec<Lock> = page::all(api, PATH, &query, None).await?;
    let lock = rows
        .into_iter()
        .find(|lock| object.is_none_or(|object| lock.object == object))
        .ok_or_else(|| Error::NotFound {
            noun: "lock on",
            name: name.to_owned(),
        })?;
    api.delete(&path::join(PATH, &[&lock.id])?).await
}
