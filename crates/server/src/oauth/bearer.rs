//! Access tokens on the hot path.
//!
//! A token that was verified is remembered with what the database said about its grant
//! and its user, for [`FRESH`]. Within that time a request needs no database; after it
//! the grant, the user and the withdrawal of the token are read again. So a revocation
//! is seen by every node within [`FRESH`], whether or not it was told, and a node whose
//! database is gone lets nobody in. On the node that revokes it is seen at once.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use aws_lc_rs::digest::{Context, SHA256};
use protocol::id::{LoginId, UserId};
use store::entity::user;
use store::now;

use super::claims::{self, AccessClaims};
use super::grant::{self, METHOD};
use crate::http::{ApiError, ApiResult, PublicCtx};
use crate::identity::{Method, Principal, Subject};
use crate::mfa;

/// How long what the database said is good for.
pub(crate) const FRESH: Duration = Duration::from_millis(500);
/// Tokens remembered at once.
const MAX: usize = 50_000;

/// The tokens that this node has seen lately.
#[derive(Default)]
pub(crate) struct Bearers(RwLock<HashMap<Key, Entry>>);

/// SHA-256 of the workspace and the token.
type Key = [u8; 32];

#[derive(Clone)]
struct Entry {
    claims: Arc<AccessClaims>,
    user: Arc<user::Model>,
    read_at: Instant,
}

impl Bearers {
    fn get(&self, key: &Key) -> Option<Entry> {
        let entries = self.0.read().unwrap_or_else(PoisonError::into_inner);
        entries.get(key).cloned()
    }

    fn put(&self, key: Key, entry: Entry) {
        let mut entries = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= MAX && !entries.contains_key(&key) {
            entries.retain(|_, entry| entry.read_at.elapsed() < FRESH);
            if entries.len() >= MAX {
                return;
            }
        }
        entries.insert(key, entry);
    }

    fn remove(&self, key: &Key) {
        let mut entries = self.0.write().unwrap_or_else(PoisonError::into_inner);
        entries.remove(key);
    }

    /// Forgets the tokens of a grant.
    pub(crate) fn forget(&self, login: LoginId) {
        self.retain(|entry| entry.claims.sid != login);
    }

    /// Forgets the tokens of a user.
    pub(crate) fn forget_user(&self, user: UserId) {
        self.retain(|entry| entry.user.id != user.0 && entry.claims.sub != user);
    }

    /// Forgets tokens that nobody has shown for a while.
    pub(crate) fn sweep(&self) {
        self.retain(|entry| entry.read_at.elapsed() < Duration::from_secs(60));
    }

    fn retain(&self, keep: impl Fn(&Entry) -> bool) {
        let mut entries = self.0.write().unwrap_or_else(PoisonError::into_inner);
        entries.retain(|_, entry| keep(entry));
    }
}

/// Who an access token belongs to.
pub(crate) async fn authenticate(ctx: &PublicCtx, token: &str) -> ApiResult<Principal> {
    let key = key(ctx, token);
    let known = ctx.app.bearers.get(&key);
    if let Some(entry) = &known
        && entry.read_at.elapsed() < FRESH
    {
        if entry.claims.exp <= now().timestamp() {
            return Err(expired());
        }
        return Ok(principal(entry));
    }
    let claims = match known {
        // The same bytes were verified before; only what they refer to may have changed.
        Some(entry) => entry.claims,
        None => Arc::new(verify(ctx, token).await?),
    };
    if claims.exp <= now().timestamp() {
        ctx.app.bearers.remove(&key);
        return Err(expired());
    }
    let read_at = Instant::now();
    let Some(user) = look_up(ctx, &claims).await? else {
        ctx.app.bearers.remove(&key);
        return Err(refused());
    };
    let entry = Entry {
        claims,
        user: Arc::new(user),
        read_at,
    };
    let principal = principal(&entry);
    ctx.app.bearers.put(key, entry);
    Ok(principal)
}

fn key(ctx: &PublicCtx, token: &str) -> Key {
    let mut context = Context::new(&SHA256);
    context.update(ctx.workspace_id().0.as_bytes());
    context.update(token.as_bytes());
    let mut key = Key::default();
    for (to, from) in key.iter_mut().zip(context.finish().as_ref()) {
        *to = *from;
    }
    key
}

async fn verify(ctx: &PublicCtx, token: &str) -> ApiResult<AccessClaims> {
    claims::verify(&ctx.app, token).await.ok_or_else(refused)
}

/// Who the user of the grant behind the claims is in this workspace, if it still holds.
async fn look_up(ctx: &PublicCtx, claims: &AccessClaims) -> ApiResult<Option<user::Model>> {
    let home = ctx.app.workspaces.by_id(claims.home);
    let Some(home) = home.filter(|home| home.is_enabled) else {
        return Ok(None);
    };
    let tenant = || ctx.app.store.tenant(home.id);
    let Some((login, user)) = tenant().identity().login(claims.sid).await? else {
        return Ok(None);
    };
    let holds = login.method == METHOD
        && login.expires_at > now()
        && login.client == claims.client_id
        && UserId(user.id) == claims.sub
        && user.is_active;
    if !holds || tenant().oauth().is_revoked(claims.jti).await? {
        return Ok(None);
    }
    let Some(user) = grant::user_here(ctx, home.id, user).await? else {
        return Ok(None);
    };
    // What one workspace lets in, another may not: each has its own factors.
    if home.id != ctx.workspace_id() && !mfa::suffices_here(ctx, &user, &login).await? {
        return Ok(None);
    }
    Ok(Some(user))
}

fn principal(entry: &Entry) -> Principal {
    Principal {
        subject: Subject::User(Box::new(entry.user.as_ref().clone())),
        method: Method::OAuth {
            login: entry.claims.sid,
            home: entry.claims.home,
            jti: entry.claims.jti,
            expires_at: entry.claims.exp,
        },
    }
}

fn refused() -> ApiError {
    ApiError::unauthenticated("The access token is not valid or no longer valid; log in again.")
}

fn expired() -> ApiError {
    ApiError::unauthenticated("The access token has expired; refresh it or log in again.")
}
