//! OAuth: device codes, authorization codes, refresh tokens, and the keys that sign.

use chrono::{DateTime, Utc};
use protocol::id::{LoginId, UserId, WorkspaceId};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, ConnectionTrait, EntityTrait as _,
    PaginatorTrait as _, QueryFilter as _, QueryOrder as _, TransactionTrait as _,
};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use crate::entity::{
    authorization_code, device_code, login, revoked_access_token, signing_key, spent_refresh_token,
};
use crate::{Store, StoreError, Tenant, now};

/// Waits for its user.
pub const PENDING: &str = "pending";
/// The user agreed; the device may fetch its tokens once.
pub const APPROVED: &str = "approved";
/// The user refused.
pub const DENIED: &str = "denied";
/// The tokens were fetched.
pub const USED: &str = "used";

/// A device authorization request.
#[derive(Clone, Debug, Default)]
pub struct NewDeviceCode {
    /// SHA-256 of the device code, hex.
    pub code_hash: String,
    /// What the user compares, without its hyphen.
    pub user_code: String,
    /// The client.
    pub client: String,
    /// What it asks for.
    pub scope: String,
    /// The installation it names.
    pub device: String,
    /// Where it asks from.
    pub remote_ip: String,
    /// What it says it is.
    pub user_agent: String,
    /// When it lapses.
    pub expires_at: Option<DateTime<Utc>>,
}

/// An authorization code.
#[derive(Clone, Debug)]
pub struct NewAuthorizationCode {
    /// Who agreed.
    pub user: UserId,
    /// SHA-256 of the code, hex.
    pub code_hash: String,
    /// The client.
    pub client: String,
    /// Where the browser was sent with it.
    pub redirect_uri: String,
    /// Granted scope.
    pub scope: String,
    /// For the id token.
    pub nonce: String,
    /// PKCE, S256.
    pub challenge: String,
    /// The factors of the browser.
    pub factors: Json,
    /// Where the browser is.
    pub remote_ip: String,
    /// What the browser says it is.
    pub user_agent: String,
    /// When it lapses.
    pub expires_at: DateTime<Utc>,
}

/// OAuth queries of a workspace.
pub struct OAuth<'a, C>(Tenant<'a, C>);

impl<'a, C: ConnectionTrait> Tenant<'a, C> {
    /// OAuth grants.
    #[must_use]
    pub fn oauth(self) -> OAuth<'a, C> {
        OAuth(self)
    }
}

impl<C: ConnectionTrait> OAuth<'_, C> {
    /// Records a device authorization request.
    ///
    /// # Errors
    /// When the user code is in use or the database not writable.
    pub async fn create_device_code(
        &self,
        new: NewDeviceCode,
    ) -> Result<device_code::Model, StoreError> {
        Ok(device_code::ActiveModel {
            id: Set(Uuid::now_v7()),
            workspace_id: Set(self.0.workspace.0),
            code_hash: Set(new.code_hash),
            user_code: Set(new.user_code),
            client: Set(new.client),
            scope: Set(new.scope),
            device: Set(new.device),
            remote_ip: Set(new.remote_ip),
            user_agent: Set(new.user_agent),
            status: Set(PENDING.to_owned()),
            user_id: Set(None),
            factors: Set(json!({})),
            added_at: Set(now()),
            expires_at: Set(new.expires_at.unwrap_or_else(now)),
        }
        .insert(self.0.connection)
        .await?)
    }

    /// How many device codes there are, whatever became of them.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn count_device_codes(&self) -> Result<u64, StoreError> {
        Ok(device_code::Entity::find()
            .filter(device_code::Column::WorkspaceId.eq(self.0.workspace.0))
            .count(self.0.connection)
            .await?)
    }

    /// The request behind a device code. It may have expired.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn device_code(
        &self,
        code_hash: &str,
    ) -> Result<Option<device_code::Model>, StoreError> {
        use device_code::Column;
        Ok(device_code::Entity::find()
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::CodeHash.eq(code_hash))
            .one(self.0.connection)
            .await?)
    }

    /// The request with a user code that still waits for its user.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn pending_device_code(
        &self,
        user_code: &str,
    ) -> Result<Option<device_code::Model>, StoreError> {
        use device_code::Column;
        Ok(device_code::Entity::find()
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::UserCode.eq(user_code))
            .filter(Column::Status.eq(PENDING))
            .filter(Column::ExpiresAt.gt(now()))
            .one(self.0.connection)
            .await?)
    }

    /// Notes what the user decided; says whether the request still waited for it.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn decide_device_code(
        &self,
        id: Uuid,
        user: UserId,
        approved: bool,
        factors: Json,
    ) -> Result<bool, StoreError> {
        use device_code::Column;
        let status = if approved { APPROVED } else { DENIED };
        let changed = device_code::Entity::update_many()
            .col_expr(Column::Status, Expr::value(status))
            .col_expr(Column::UserId, Expr::value(user.0))
            .col_expr(Column::Factors, Expr::value(factors))
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::Id.eq(id))
            .filter(Column::Status.eq(PENDING))
            .filter(Column::ExpiresAt.gt(now()))
            .exec(self.0.connection)
            .await?;
        Ok(changed.rows_affected == 1)
    }

    /// Marks an approved request as used; says whether this call was the one that did.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn use_device_code(&self, id: Uuid) -> Result<bool, StoreError> {
        use device_code::Column;
        let changed = device_code::Entity::update_many()
            .col_expr(Column::Status, Expr::value(USED))
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::Id.eq(id))
            .filter(Column::Status.eq(APPROVED))
            .filter(Column::ExpiresAt.gt(now()))
            .exec(self.0.connection)
            .await?;
        Ok(changed.rows_affected == 1)
    }

    /// Records an authorization code.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn create_authorization_code(
        &self,
        new: NewAuthorizationCode,
    ) -> Result<authorization_code::Model, StoreError> {
        Ok(authorization_code::ActiveModel {
            id: Set(Uuid::now_v7()),
            workspace_id: Set(self.0.workspace.0),
            user_id: Set(new.user.0),
            code_hash: Set(new.code_hash),
            client: Set(new.client),
            redirect_uri: Set(new.redirect_uri),
            scope: Set(new.scope),
            nonce: Set(new.nonce),
            challenge: Set(new.challenge),
            factors: Set(new.factors),
            remote_ip: Set(new.remote_ip),
            user_agent: Set(new.user_agent),
            login_id: Set(None),
            used: Set(false),
            added_at: Set(now()),
            expires_at: Set(new.expires_at),
        }
        .insert(self.0.connection)
        .await?)
    }

    /// What is behind an authorization code. It may be used or expired.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn authorization_code(
        &self,
        code_hash: &str,
    ) -> Result<Option<authorization_code::Model>, StoreError> {
        use authorization_code::Column;
        Ok(authorization_code::Entity::find()
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::CodeHash.eq(code_hash))
            .one(self.0.connection)
            .await?)
    }

    /// Marks a code as used, for `login` if it was exchanged for one; says whether
    /// this call was the one that did.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn use_authorization_code(
        &self,
        id: Uuid,
        login: Option<LoginId>,
    ) -> Result<bool, StoreError> {
        use authorization_code::Column;
        let changed = authorization_code::Entity::update_many()
            .col_expr(Column::Used, Expr::value(true))
            .col_expr(Column::LoginId, Expr::value(login.map(|id| id.0)))
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::Id.eq(id))
            .filter(Column::Used.eq(false))
            .exec(self.0.connection)
            .await?;
        Ok(changed.rows_affected == 1)
    }

    /// Puts a new refresh token in the place of the one of `old_hash`, which counts as
    /// spent from now on; says whether `old_hash` was the current one.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn rotate_refresh_token(
        &self,
        id: LoginId,
        old_hash: &str,
        new_hash: &str,
    ) -> Result<bool, StoreError> {
        use login::Column;
        let changed = login::Entity::update_many()
            .col_expr(Column::TokenHash, Expr::value(new_hash))
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::Id.eq(id.0))
            .filter(Column::TokenHash.eq(old_hash))
            .exec(self.0.connection)
            .await?;
        if changed.rows_affected != 1 {
            return Ok(false);
        }
        spent_refresh_token::ActiveModel {
            id: Set(Uuid::now_v7()),
            workspace_id: Set(self.0.workspace.0),
            login_id: Set(id.0),
            token_hash: Set(old_hash.to_owned()),
            added_at: Set(now()),
        }
        .insert(self.0.connection)
        .await?;
        Ok(true)
    }

    /// The login that a spent refresh token belongs to.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn login_of_spent_token(
        &self,
        token_hash: &str,
    ) -> Result<Option<LoginId>, StoreError> {
        use spent_refresh_token::Column;
        Ok(spent_refresh_token::Entity::find()
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::TokenHash.eq(token_hash))
            .one(self.0.connection)
            .await?
            .map(|row| LoginId(row.login_id)))
    }

    /// Withdraws an access token before its end.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn revoke_access_token(
        &self,
        jti: Uuid,
        login: LoginId,
        expires_at: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let known = revoked_access_token::Entity::find_by_id(jti)
            .one(self.0.connection)
            .await?;
        if known.is_some() {
            return Ok(());
        }
        revoked_access_token::ActiveModel {
            id: Set(jti),
            workspace_id: Set(self.0.workspace.0),
            login_id: Set(login.0),
            expires_at: Set(expires_at),
        }
        .insert(self.0.connection)
        .await?;
        Ok(())
    }

    /// Whether an access token was withdrawn.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn is_revoked(&self, jti: Uuid) -> Result<bool, StoreError> {
        Ok(revoked_access_token::Entity::find_by_id(jti)
            .filter(revoked_access_token::Column::WorkspaceId.eq(self.0.workspace.0))
            .one(self.0.connection)
            .await?
            .is_some())
    }

    /// Forgets codes and withdrawn tokens that ended before `time`.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn sweep(&self, time: DateTime<Utc>) -> Result<(), StoreError> {
        let workspace = self.0.workspace.0;
        device_code::Entity::delete_many()
            .filter(device_code::Column::WorkspaceId.eq(workspace))
            .filter(device_code::Column::ExpiresAt.lt(time))
            .exec(self.0.connection)
            .await?;
        authorization_code::Entity::delete_many()
            .filter(authorization_code::Column::WorkspaceId.eq(workspace))
            .filter(authorization_code::Column::ExpiresAt.lt(time))
            .exec(self.0.connection)
            .await?;
        revoked_access_token::Entity::delete_many()
            .filter(revoked_access_token::Column::WorkspaceId.eq(workspace))
            .filter(revoked_access_token::Column::ExpiresAt.lt(time))
            .exec(self.0.connection)
            .await?;
        Ok(())
    }

    /// Drops the codes that a user agreed to and nobody has exchanged yet.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn drop_codes_of(&self, user: UserId) -> Result<(), StoreError> {
        device_code::Entity::delete_many()
            .filter(device_code::Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(device_code::Column::UserId.eq(user.0))
            .exec(self.0.connection)
            .await?;
        authorization_code::Entity::delete_many()
            .filter(authorization_code::Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(authorization_code::Column::UserId.eq(user.0))
            .exec(self.0.connection)
            .await?;
        Ok(())
    }
}

/// A key to be stored.
#[derive(Clone, Debug)]
pub struct NewSigningKey {
    /// Its id, the `kid` of tokens.
    pub id: Uuid,
    /// `ES256`.
    pub algorithm: String,
    /// JWK.
    pub public_key: Json,
    /// PKCS #8, sealed.
    pub private_key: Vec<u8>,
}

/// A login serves all workspaces of its person, so it is looked for in all of them.
impl Store {
    /// The workspace in which the login of `method` behind a secret was made.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn workspace_of_login(
        &self,
        method: &str,
        token_hash: &str,
    ) -> Result<Option<WorkspaceId>, StoreError> {
        Ok(login::Entity::find()
            .filter(login::Column::Method.eq(method))
            .filter(login::Column::TokenHash.eq(token_hash))
            .one(self.read())
            .await?
            .map(|row| WorkspaceId(row.workspace_id)))
    }
}

/// Signing keys belong to the deployment, so they need no tenant.
impl Store {
    /// All keys, the newest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn signing_keys(&self) -> Result<Vec<signing_key::Model>, StoreError> {
        Ok(signing_key::Entity::find()
            .order_by_desc(signing_key::Column::AddedAt)
            .order_by_desc(signing_key::Column::Id)
            .all(self.read())
            .await?)
    }

    /// Adds a key that signs from now on. The ones of before only verify, and their
    /// private halves are gone.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn add_signing_key(&self, new: NewSigningKey) -> Result<(), StoreError> {
        use signing_key::Column;
        let transaction = self.write().begin().await?;
        signing_key::Entity::update_many()
            .col_expr(Column::PrivateKey, Expr::value(None::<Vec<u8>>))
            .col_expr(Column::SupersededAt, Expr::value(now()))
            .filter(Column::SupersededAt.is_null())
            .exec(&transaction)
            .await?;
        signing_key::ActiveModel {
            id: Set(new.id),
            algorithm: Set(new.algorithm),
            public_key: Set(new.public_key),
            private_key: Set(Some(new.private_key)),
            added_at: Set(now()),
            superseded_at: Set(None),
        }
        .insert(&transaction)
        .await?;
        Ok(transaction.commit().await?)
    }

    /// Removes keys that were superseded before `time`: nothing they signed holds.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn delete_signing_keys(&self, time: DateTime<Utc>) -> Result<u64, StoreError> {
        Ok(signing_key::Entity::delete_many()
            .filter(signing_key::Column::SupersededAt.lt(time))
            .exec(self.write())
            .await?
            .rows_affected)
    }
}
