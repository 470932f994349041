//! From a presented credential to who it belongs to.

use protocol::id::{ApplicationId, LoginId, ServerId, TokenId};
use store::entity::{api_token, server};
use store::{Viewer, now};

use super::{Credential, Method, Principal, Subject};
use crate::crypto::token;
use crate::http::{ApiError, ApiResult, PublicCtx};
use crate::oauth::bearer;

/// Who a credential belongs to.
#[derive(Debug)]
pub(crate) enum Identity {
    Principal(Principal),
    Agent(Box<server::Model>),
}

/// Verifies a credential. Every failure reads the same, so that nothing is
/// learned about which tokens exist.
pub(crate) async fn authenticate(ctx: &PublicCtx, credential: Credential) -> ApiResult<Identity> {
    let refused = || ApiError::unauthenticated("The credential is not valid or no longer valid.");
    match credential {
        Credential::Bearer(token) => bearer::authenticate(ctx, &token)
            .await
            .map(Identity::Principal),
        Credential::Token(key) if key.starts_with(token::SESSION) => {
            let found = ctx
                .tenant()
                .identity()
                .login_by_hash("password", &token::hash(&key))
                .await?;
            let (login, user) = found.ok_or_else(refused)?;
            if login.expires_at <= now() {
                return Err(ApiError::unauthenticated(
                    "The login has expired; log in again.",
                ));
            }
            if !user.is_active {
                return Err(refused());
            }
            Ok(Identity::Principal(Principal {
                subject: Subject::User(Box::new(user)),
                method: Method::Password {
                    login: LoginId(login.id),
                },
            }))
        }
        Credential::Token(key) => {
            let found = ctx
                .tenant()
                .identity()
                .token_by_hash(&token::hash(&key))
                .await?;
            let (row, owner) = found.ok_or_else(refused)?;
            if !row.enabled || row.expires_at.is_some_and(|time| time <= now()) {
                return Err(ApiError::unauthenticated(
                    "The API token has expired or is disabled; create a new one.",
                ));
            }
            token_principal(row, owner)
                .map(Identity::Principal)
                .ok_or_else(refused)
        }
        Credential::Agent { id, key } => {
            let id: ServerId = id.parse().map_err(|_| refused())?;
            let found = ctx.tenant().fleet().find(Viewer::Everything, id).await?;
            let server = found.ok_or_else(refused)?;
            if !token::same_hash(&server.key_hash, &token::hash(&key)) {
                return Err(refused());
            }
            Ok(Identity::Agent(Box::new(server)))
        }
    }
}

fn token_principal(
    row: api_token::Model,
    owner: Option<store::entity::user::Model>,
) -> Option<Principal> {
    let token = TokenId(row.id);
    let scopes: Vec<String> = serde_json::from_value(row.scopes).ok()?;
    match (row.application_id, owner) {
        (None, Some(user)) if user.is_active => Some(Principal {
            subject: Subject::User(Box::new(user)),
            method: Method::PersonalToken { token, scopes },
        }),
        (Some(application), None) => Some(Principal {
            subject: Subject::Application {
                id: ApplicationId(application),
                name: row.name,
            },
            method: Method::ServiceToken { token, scopes },
        }),
        _ => None,
    }
}
