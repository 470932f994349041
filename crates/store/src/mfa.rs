//! Second factors, recovery codes, challenges and the links of step-ups.

use chrono::{DateTime, Utc};
use protocol::id::{FactorId, LoginId, ServerId, UserId};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Expr, LockType, OnConflict};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, ConnectionTrait, EntityTrait as _,
    PaginatorTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use crate::entity::{login, mfa_challenge, mfa_factor, mfa_link, recovery_code};
use crate::{StoreError, Tenant, now};

/// A second factor to be added.
#[derive(Clone, Debug)]
pub enum NewFactor {
    /// An authenticator app.
    Totp {
        /// Sealed seed.
        secret: Vec<u8>,
        /// The step of the code that showed that the app has the seed.
        step: i64,
    },
    /// A passkey.
    Passkey {
        /// Credential id, base64url.
        credential_id: String,
        /// Public key and counter.
        credential: Json,
        /// The host name it works for.
        rp_id: String,
    },
}

/// `kind` of authenticator apps.
pub const TOTP: &str = "totp";
/// `kind` of passkeys.
pub const WEBAUTHN: &str = "webauthn";

/// The queries of second factors of a workspace.
pub struct Mfa<'a, C>(Tenant<'a, C>);

impl<'a, C: ConnectionTrait> Tenant<'a, C> {
    /// Second factors.
    #[must_use]
    pub fn mfa(self) -> Mfa<'a, C> {
        Mfa(self)
    }
}

impl<C: ConnectionTrait> Mfa<'_, C> {
    /// The factors of a user, oldest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn factors(&self, user: UserId) -> Result<Vec<mfa_factor::Model>, StoreError> {
        use mfa_factor::Column;
        Ok(mfa_factor::Entity::find()
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::UserId.eq(user.0))
            .order_by_asc(Column::Id)
            .all(self.0.connection)
            .await?)
    }

    /// Adds a factor.
    ///
    /// # Errors
    /// When the passkey is one already, the user is gone or the database not writable.
    pub async fn add_factor(
        &self,
        user: UserId,
        name: &str,
        new: NewFactor,
    ) -> Result<mfa_factor::Model, StoreError> {
        let mut row = mfa_factor::ActiveModel {
            id: Set(FactorId::new().0),
            workspace_id: Set(self.0.workspace.0),
            user_id: Set(user.0),
            kind: Set(TOTP.to_owned()),
            name: Set(name.to_owned()),
            rp_id: Set(String::new()),
            credential_id: Set(None),
            secret: Set(None),
            credential: Set(None),
            last_step: Set(0),
            added_at: Set(now()),
            used_at: Set(None),
        };
        match new {
            NewFactor::Totp { secret, step } => {
                row.secret = Set(Some(secret));
                row.last_step = Set(step);
            }
            NewFactor::Passkey {
                credential_id,
                credential,
                rp_id,
            } => {
                row.kind = Set(WEBAUTHN.to_owned());
                row.credential_id = Set(Some(credential_id));
                row.credential = Set(Some(credential));
                row.rp_id = Set(rp_id);
            }
        }
        Ok(row.insert(self.0.connection).await?)
    }

    /// Removes a factor of a user; says whether there was one.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn remove_factor(&self, user: UserId, id: FactorId) -> Result<bool, StoreError> {
        use mfa_factor::Column;
        Ok(mfa_factor::Entity::delete_many()
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::UserId.eq(user.0))
            .filter(Column::Id.eq(id.0))
            .exec(self.0.connection)
            .await?
            .rows_affected
            > 0)
    }

    /// Removes all factors and recovery codes of a user; says how many factors
    /// there were.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn remove_all(&self, user: UserId) -> Result<u64, StoreError> {
        self.remove_recovery_codes(user).await?;
        use mfa_factor::Column;
        Ok(mfa_factor::Entity::delete_many()
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::UserId.eq(user.0))
            .exec(self.0.connection)
            .await?
            .rows_affected)
    }

    /// Takes a code of time step `step`. False: one of it or of a later one was taken.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn use_step(&self, id: FactorId, step: i64) -> Result<bool, StoreError> {
        use mfa_factor::Column;
        Ok(mfa_factor::Entity::update_many()
            .col_expr(Column::LastStep, Expr::value(step))
            .col_expr(Column::UsedAt, Expr::value(now()))
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::Id.eq(id.0))
            .filter(Column::LastStep.lt(step))
            .exec(self.0.connection)
            .await?
            .rows_affected
            > 0)
    }

    /// A factor, locked until the unit ends: whoever counts its counter on has the
    /// latest.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn lock_factor(
        &self,
        user: UserId,
        id: FactorId,
    ) -> Result<Option<mfa_factor::Model>, StoreError> {
        use mfa_factor::Column;
        Ok(mfa_factor::Entity::find_by_id(id.0)
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::UserId.eq(user.0))
            .lock(LockType::Update)
            .one(self.0.connection)
            .await?)
    }

    /// Notes the use of a passkey, with its new counter.
    ///
    /// # Errors
    /// When the passkey is gone or the database not writable.
    pub async fn use_passkey(&self, id: FactorId, credential: Json) -> Result<(), StoreError> {
        use mfa_factor::Column;
        let changed = mfa_factor::Entity::update_many()
            .col_expr(Column::Credential, Expr::value(credential))
            .col_expr(Column::UsedAt, Expr::value(now()))
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::Id.eq(id.0))
            .exec(self.0.connection)
            .await?;
        match changed.rows_affected {
            0 => Err(StoreError::Stale),
            _ => Ok(()),
        }
    }

    /// Gives a user new recovery codes; the old ones are void.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn replace_recovery_codes(
        &self,
        user: UserId,
        hashes: impl IntoIterator<Item = String>,
    ) -> Result<(), StoreError> {
        self.remove_recovery_codes(user).await?;
        let rows = hashes.into_iter().map(|hash| recovery_code::ActiveModel {
            id: Set(Uuid::now_v7()),
            workspace_id: Set(self.0.workspace.0),
            user_id: Set(user.0),
            code_hash: Set(hash),
            added_at: Set(now()),
            used_at: Set(None),
        });
        recovery_code::Entity::insert_many(rows)
            .exec_without_returning(self.0.connection)
            .await?;
        Ok(())
    }

    async fn remove_recovery_codes(&self, user: UserId) -> Result<(), StoreError> {
        use recovery_code::Column;
        recovery_code::Entity::delete_many()
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::UserId.eq(user.0))
            .exec(self.0.connection)
            .await?;
        Ok(())
    }

    /// How many unused recovery codes a user has.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn count_recovery_codes(&self, user: UserId) -> Result<u64, StoreError> {
        use recovery_code::Column;
        Ok(recovery_code::Entity::find()
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::UserId.eq(user.0))
            .filter(Column::UsedAt.is_null())
            .count(self.0.connection)
            .await?)
    }

    /// Takes a recovery code. False: it is none of the user's, or was taken.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn use_recovery_code(&self, user: UserId, hash: &str) -> Result<bool, StoreError> {
        use recovery_code::Column;
        Ok(recovery_code::Entity::update_many()
            .col_expr(Column::UsedAt, Expr::value(now()))
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::UserId.eq(user.0))
            .filter(Column::CodeHash.eq(hash))
            .filter(Column::UsedAt.is_null())
            .exec(self.0.connection)
            .await?
            .rows_affected
            > 0)
    }

    /// Remembers a challenge of a browser, in place of the one for the same purpose.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn put_challenge(
        &self,
        binding: &str,
        purpose: &str,
        state: Vec<u8>,
        expires_at: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        use mfa_challenge::Column;
        let row = mfa_challenge::ActiveModel {
            id: Set(Uuid::now_v7()),
            workspace_id: Set(self.0.workspace.0),
            binding: Set(binding.to_owned()),
            purpose: Set(purpose.to_owned()),
            state: Set(Some(state)),
            expires_at: Set(expires_at),
        };
        // One statement: two tabs of a browser may ask at once. The id changes too, so
        // that whoever is about to take the one before gets nothing.
        mfa_challenge::Entity::insert(row)
            .on_conflict(
                OnConflict::columns([Column::WorkspaceId, Column::Binding, Column::Purpose])
                    .update_columns([Column::Id, Column::State, Column::ExpiresAt])
                    .to_owned(),
            )
            .exec_without_returning(self.0.connection)
            .await?;
        Ok(())
    }

    /// A challenge of a browser, left as it is.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn challenge(
        &self,
        binding: &str,
        purpose: &str,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        use mfa_challenge::Column;
        Ok(mfa_challenge::Entity::find()
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::Binding.eq(binding))
            .filter(Column::Purpose.eq(purpose))
            .filter(Column::ExpiresAt.gt(now()))
            .one(self.0.connection)
            .await?
            .and_then(|row| row.state))
    }

    /// Takes a challenge of a browser: of two that answer it, one gets it.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn take_challenge(
        &self,
        binding: &str,
        purpose: &str,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        use mfa_challenge::Column;
        let row = mfa_challenge::Entity::find()
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::Binding.eq(binding))
            .filter(Column::Purpose.eq(purpose))
            .one(self.0.connection)
            .await?;
        let Some(row) = row else { return Ok(None) };
        let taken = mfa_challenge::Entity::delete_many()
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::Id.eq(row.id))
            .exec(self.0.connection)
            .await?
            .rows_affected
            > 0;
        Ok(row.state.filter(|_| taken && row.expires_at > now()))
    }

    /// Makes a link for a login, in place of the one it had.
    ///
    /// # Errors
    /// When the login is gone or the database not writable.
    pub async fn create_link(
        &self,
        login: LoginId,
        token_hash: String,
        server: Option<ServerId>,
        remote_ip: &str,
        expires_at: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        use mfa_link::Column;
        let row = mfa_link::ActiveModel {
            id: Set(Uuid::now_v7()),
            workspace_id: Set(self.0.workspace.0),
            login_id: Set(login.0),
            token_hash: Set(token_hash),
            server_id: Set(server.map(|id| id.0)),
            remote_ip: Set(remote_ip.to_owned()),
            added_at: Set(now()),
            expires_at: Set(expires_at),
        };
        // One statement: two commands of a login may ask at once. The id changes too, so
        // that the one before cannot be taken any more.
        mfa_link::Entity::insert(row)
            .on_conflict(
                OnConflict::column(Column::LoginId)
                    .update_columns([
                        Column::Id,
                        Column::TokenHash,
                        Column::ServerId,
                        Column::RemoteIp,
                        Column::AddedAt,
                        Column::ExpiresAt,
                    ])
                    .to_owned(),
            )
            .exec_without_returning(self.0.connection)
            .await?;
        Ok(())
    }

    /// The link behind a token, if it still holds.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn link(&self, token_hash: &str) -> Result<Option<mfa_link::Model>, StoreError> {
        use mfa_link::Column;
        Ok(mfa_link::Entity::find()
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::TokenHash.eq(token_hash))
            .filter(Column::ExpiresAt.gt(now()))
            .one(self.0.connection)
            .await?)
    }

    /// Takes a link. False: somebody else did.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn use_link(&self, link: &mfa_link::Model) -> Result<bool, StoreError> {
        use mfa_link::Column;
        Ok(mfa_link::Entity::delete_many()
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::Id.eq(link.id))
            .filter(Column::ExpiresAt.gt(now()))
            .exec(self.0.connection)
            .await?
            .rows_affected
            > 0)
    }

    /// Notes in a login that `factor` was proved at `time`.
    ///
    /// # Errors
    /// When the login is gone or the database not writable.
    pub async fn prove(
        &self,
        id: LoginId,
        factor: &str,
        time: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let row = login::Entity::find_by_id(id.0)
            .filter(login::Column::WorkspaceId.eq(self.0.workspace.0))
            .lock(LockType::NoKeyUpdate)
            .one(self.0.connection)
            .await?
            .ok_or(StoreError::Stale)?;
        let mut factors = match row.factors {
            Json::Object(factors) => factors,
            _ => serde_json::Map::new(),
        };
        factors.insert(factor.to_owned(), json!(time));
        self.0
            .identity()
            .set_login_factors(id, factors.into())
            .await
    }

    /// Removes challenges and links that ended before `time`.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn delete_expired(&self, time: DateTime<Utc>) -> Result<(), StoreError> {
        mfa_challenge::Entity::delete_many()
            .filter(mfa_challenge::Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(mfa_challenge::Column::ExpiresAt.lt(time))
            .exec(self.0.connection)
            .await?;
        mfa_link::Entity::delete_many()
            .filter(mfa_link::Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(mfa_link::Column::ExpiresAt.lt(time))
            .exec(self.0.connection)
            .await?;
        Ok(())
    }
}
