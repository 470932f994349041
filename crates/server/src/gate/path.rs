//! File rules: which paths a granted transfer may touch.

use http::StatusCode;
use judge::PathRules;
use protocol::code;
use protocol::transfer::Direction;
use store::work_sessions::Rules;

use super::Grant;
use crate::http::{ApiError, ApiResult};

/// The file rules of a grant: the token's and the session's, each of which must
/// allow a path.
#[derive(Debug)]
pub(crate) struct FileRules {
    token: Option<PathRules>,
    session: Option<PathRules>,
    /// The same for the agent, which judges again what it really opened.
    pub(crate) lists: protocol::transfer::PathRules,
}

impl FileRules {
    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.lists.is_empty()
    }

    /// Allows a canonical path, or refuses it.
    ///
    /// # Errors
    /// The refusal.
    pub(crate) fn check(&self, path: &str) -> ApiResult<()> {
        let refused = |rules: &Option<PathRules>| {
            rules
                .as_ref()
                .is_some_and(|rules| rules.allows(path).is_none())
        };
        if refused(&self.token) {
            return Err(refuse(
                code::API_TOKEN_ACL_NOT_ALLOWED,
                "token",
                format!(
                    "The token's file rules do not allow {path:?}; see: alpacon token acl file add"
                ),
            ));
        }
        if refused(&self.session) {
            return Err(refuse(
                code::PATH_NOT_ALLOWED,
                "path",
                format!("The file rules of the work session do not allow {path:?}."),
            ));
        }
        Ok(())
    }
}

fn refuse(code: &'static str, source: &'static str, detail: String) -> ApiError {
    ApiError::new(StatusCode::FORBIDDEN, detail).code(code, source)
}

/// The file rules of a grant for one direction.
///
/// # Errors
/// When there are rules that cannot be used: then nothing is allowed.
pub(crate) fn file_rules(grant: &Grant, direction: Direction) -> ApiResult<FileRules> {
    let mut lists = Vec::new();
    // The rule `*` is leave for everything: with it there is no list.
    let mut compiled = |patterns: Vec<String>| {
        if patterns.iter().any(|pattern| pattern.trim() == "*") {
            return Ok(None);
        }
        let rules = PathRules::compile(&patterns).map_err(|error| {
            refuse(
                code::PATH_NOT_ALLOWED,
                "path",
                format!("A file rule cannot be used: {error}"),
            )
        })?;
        lists.push(patterns);
        Ok::<_, ApiError>(Some(rules))
    };
    let token = match &grant.token_files {
        Some(rules) => {
            let fits = |action: &str| action == "*" || action == direction.as_str();
            let patterns = rules.iter().filter(|rule| fits(&rule.action));
            compiled(patterns.map(|rule| rule.path.clone()).collect())?
        }
        None => None,
    };
    let session = match &grant.session {
        Some(session) => {
            let rules: Rules = serde_json::from_value(session.rules.clone())
                .map_err(|_| ApiError::internal("unreadable rules of a work session"))?;
            match rules.paths.is_empty() {
                true => None,
                false => compiled(rules.paths)?,
            }
        }
        None => None,
    };
    Ok(FileRules {
        token,
        session,
        lists,
    })
}
