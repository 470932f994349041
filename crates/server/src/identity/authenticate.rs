//! From a presented credential to who it belongs to.

use chrono::TimeDelta;
use protocol::id::{ApplicationId, LoginId, ServerId, TokenId, UserId};
use store::entity::{api_token, server, user};
use store::{StoreError, Viewer, now};

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
            if !is_valid(&row) {
                return Err(ApiError::unauthenticated(
                    "The API token has expired or is disabled; create a new one.",
                ));
            }
            let principal = token_principal(ctx, &row, owner).await?;
            let principal = principal.ok_or_else(refused)?;
            note_use(ctx, &row);
            Ok(Identity::Principal(principal))
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

/// Who asked for work that waited, with what they hold today; none if they may not work
/// any more.
pub(crate) async fn requester(
    ctx: &PublicCtx,
    user: Option<UserId>,
    token: Option<TokenId>,
) -> ApiResult<Option<Principal>> {
    let identity = ctx.tenant().identity();
    let user = match user {
        Some(id) => identity.user(id).await?,
        None => None,
    };
    if let Some(token) = token {
        let row = identity.token_by_id(token).await?;
        return match row.filter(is_valid) {
            Some(row) => token_principal(ctx, &row, user).await,
            None => Ok(None),
        };
    }
    Ok(user.filter(|user| user.is_active).map(|user| Principal {
        subject: Subject::User(Box::new(user)),
        // The login may have ended since; its work goes on without it.
        method: Method::Password {
            login: LoginId::default(),
        },
    }))
}

fn is_valid(token: &api_token::Model) -> bool {
    token.enabled && token.expires_at.is_none_or(|time| time > now())
}

/// How exact the time of the last use is.
const USE_PRECISION: TimeDelta = TimeDelta::minutes(1);

async fn token_principal(
    ctx: &PublicCtx,
    row: &api_token::Model,
    owner: Option<user::Model>,
) -> ApiResult<Option<Principal>> {
    let token = TokenId(row.id);
    let Ok(scopes) = serde_json::from_value::<Vec<String>>(row.scopes.clone()) else {
        return Ok(None);
    };
    Ok(match (row.application_id, owner) {
        (None, Some(user)) if user.is_active => Some(Principal {
            subject: Subject::User(Box::new(user)),
            method: Method::PersonalToken { token, scopes },
        }),
        (Some(application), None) => {
            let found = ctx.tenant().applications();
            let found = found.find(ApplicationId(application)).await?;
            found.filter(|row| row.is_active).map(|row| Principal {
                subject: Subject::Application {
                    id: ApplicationId(row.id),
                    name: row.name,
                    service_type: row.service_type,
                    username: row.username,
                },
                method: Method::ServiceToken { token, scopes },
            })
        }
        _ => None,
    })
}

/// Notes the use of a token beside the request, at most once a minute.
fn note_use(ctx: &PublicCtx, row: &api_token::Model) {
    let time = now();
    if row
        .last_used_at
        .is_some_and(|last| time - last < USE_PRECISION)
    {
        return;
    }
    let (app, workspace, token) = (ctx.app.clone(), ctx.workspace_id(), TokenId(row.id));
    ctx.app.spawn(async move {
        let noted: Result<(), StoreError> = async {
            let unit = app.store.begin(workspace).await?;
            unit.tenant().applications().note_use(token, time).await?;
            unit.commit().await
        }
        .await;
        if let Err(error) = noted {
            tracing::debug!(%error, "the use of a token could not be noted");
        }
    });
}
