//! Who a request acts for, and what the credential itself allows.

use protocol::code;
use protocol::id::{ApplicationId, LoginId, TokenId, UserId, WorkspaceId};
use store::Viewer;
use store::audit::Actor;
use store::entity::user;

use crate::applications;
use crate::http::{ApiError, ApiResult};

/// Who a request acts for, verified.
#[derive(Clone, Debug)]
pub(crate) struct Principal {
    pub(crate) subject: Subject,
    pub(crate) method: Method,
}

/// The person or application behind a credential.
#[derive(Clone, Debug)]
pub(crate) enum Subject {
    User(Box<user::Model>),
    /// A program, behind a service token.
    Application {
        id: ApplicationId,
        name: String,
        service_type: String,
        /// Account on hosts where a request names none; may be empty.
        username: String,
    },
}

/// How the principal proved itself.
#[derive(Clone, Debug)]
pub(crate) enum Method {
    /// A password login: interactive, so the work-session gate applies.
    Password { login: LoginId },
    /// An access token of the browser login: interactive too.
    OAuth {
        login: LoginId,
        /// The workspace in which the login was made.
        home: WorkspaceId,
        /// Of this very token, and when it ends (seconds since 1970).
        jti: uuid::Uuid,
        expires_at: i64,
    },
    /// A personal API token.
    PersonalToken { token: TokenId, scopes: Vec<String> },
    /// A token of an application.
    ServiceToken { token: TokenId, scopes: Vec<String> },
}

impl Principal {
    /// The user, where there is one.
    pub(crate) fn user(&self) -> Option<&user::Model> {
        match &self.subject {
            Subject::User(user) => Some(user),
            Subject::Application { .. } => None,
        }
    }

    /// The user, or the refusal for those that have none.
    pub(crate) fn require_user(&self) -> ApiResult<&user::Model> {
        self.user().ok_or_else(|| {
            ApiError::forbidden("This is for users only; a service token has no user account.")
        })
    }

    pub(crate) fn user_id(&self) -> Option<UserId> {
        self.user().map(|user| UserId(user.id))
    }

    pub(crate) fn is_superuser(&self) -> bool {
        self.user().is_some_and(|user| user.is_superuser)
    }

    pub(crate) fn is_staff(&self) -> bool {
        self.user()
            .is_some_and(|user| user.is_staff || user.is_superuser)
    }

    /// The token it came with, if one.
    pub(crate) fn token(&self) -> Option<TokenId> {
        match self.method {
            Method::Password { .. } | Method::OAuth { .. } => None,
            Method::PersonalToken { token, .. } | Method::ServiceToken { token, .. } => Some(token),
        }
    }

    /// The login it came with, if one.
    pub(crate) fn login(&self) -> Option<LoginId> {
        match self.method {
            Method::Password { login } | Method::OAuth { login, .. } => Some(login),
            Method::PersonalToken { .. } | Method::ServiceToken { .. } => None,
        }
    }

    /// The id of the login or token: what goes when the credential goes.
    pub(crate) fn credential_id(&self) -> uuid::Uuid {
        match self.method {
            Method::Password { login } | Method::OAuth { login, .. } => login.0,
            Method::PersonalToken { token, .. } | Method::ServiceToken { token, .. } => token.0,
        }
    }

    /// A person at a keyboard, not a token.
    pub(crate) fn is_interactive(&self) -> bool {
        self.login().is_some()
    }

    /// Scopes of the credential; a login has all.
    pub(crate) fn scopes(&self) -> Vec<String> {
        match &self.method {
            Method::Password { .. } | Method::OAuth { .. } => vec!["*".to_owned()],
            Method::PersonalToken { scopes, .. } | Method::ServiceToken { scopes, .. } => {
                scopes.clone()
            }
        }
    }

    /// Which servers it may see. A personal token sees what its owner sees; its server
    /// ACL narrows operations, not lists. An application sees what its token's ACL names.
    pub(crate) fn viewer(&self) -> Viewer {
        match self.user() {
            Some(user) if user.is_superuser => Viewer::Everything,
            Some(user) => Viewer::Member(UserId(user.id)),
            // What is no user has a token; the nil one has no rules.
            None => Viewer::Token(self.token().unwrap_or_default()),
        }
    }

    /// The account on hosts where a request names none; empty: there is none.
    pub(crate) fn own_account(&self) -> &str {
        match &self.subject {
            Subject::User(user) => &user.username,
            Subject::Application { username, .. } => username,
        }
    }

    pub(crate) fn is_application(&self) -> bool {
        matches!(self.subject, Subject::Application { .. })
    }

    /// For the audit trail.
    pub(crate) fn actor(&self) -> Actor {
        match &self.subject {
            Subject::User(user) => Actor::user(user),
            Subject::Application { id, name, .. } => Actor {
                kind: "application",
                id: Some(id.0),
                name: name.clone(),
            },
        }
    }

    /// Refuses a token without the scope `resource:action`.
    pub(crate) fn require_scope(&self, resource: &'static str, action: &str) -> ApiResult<()> {
        let scopes = match &self.method {
            Method::Password { .. } | Method::OAuth { .. } => return Ok(()),
            Method::PersonalToken { scopes, .. } | Method::ServiceToken { scopes, .. } => scopes,
        };
        if self.is_application() && !applications::may_hold(resource) {
            return Err(ApiError::forbidden(
                "This is for people; a service token cannot be used for it.",
            )
            .code(code::API_TOKEN_SCOPE_NOT_ALLOWED, resource));
        }
        if scopes.iter().any(|scope| grants(scope, resource, action)) {
            return Ok(());
        }
        Err(ApiError::forbidden(format!(
            "This token lacks the scope {resource}:{action}; create one that has it."
        ))
        .code(code::API_TOKEN_SCOPE_NOT_ALLOWED, resource))
    }

    /// Refuses everyone but superusers.
    pub(crate) fn require_superuser(&self) -> ApiResult<()> {
        if self.is_superuser() {
            return Ok(());
        }
        Err(ApiError::forbidden("Only a superuser may do this."))
    }

    /// Refuses everyone but staff and superusers.
    pub(crate) fn require_staff(&self) -> ApiResult<()> {
        if self.is_staff() {
            return Ok(());
        }
        Err(ApiError::forbidden(
            "Only staff and superusers may do this.",
        ))
    }
}

/// Whether a scope word covers `resource:action`.
fn grants(scope: &str, resource: &str, action: &str) -> bool {
    match scope.split_once(':') {
        None => scope == "*",
        Some((r, a)) => r == resource && (a == action || a == "*"),
    }
}

#[cfg(test)]
mod tests {
    use super::grants;

    #[test]
    fn scopes_cover_exactly_what_they_name() {
        assert!(grants("*", "command", "create"));
        assert!(grants("command:*", "command", "create"));
        assert!(grants("command:create", "command", "create"));
        for scope in [
            "command:read",
            "server:create",
            "command",
            "",
            "*:create",
            "comm*",
        ] {
            assert!(!grants(scope, "command", "create"), "{scope}");
        }
    }
}
