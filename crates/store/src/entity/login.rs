//! An interactive login: by password for the API, in a browser, or of an OAuth client.

use sea_orm::entity::prelude::*;

/// An interactive login: by password for the API, in a browser, or of an OAuth client.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "logins")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub workspace_id: Uuid,
    pub user_id: Uuid,
    /// What the secret is: `password` (a session token), `browser` (a cookie),
    /// `oauth` (a refresh token).
    pub method: String,
    /// SHA-256 of the secret, hex.
    #[sea_orm(unique)]
    pub token_hash: String,
    pub remote_ip: String,
    pub added_at: ChronoDateTimeUtc,
    pub expires_at: ChronoDateTimeUtc,
    /// The OAuth client; empty for the others.
    pub client: String,
    /// The installation a client names; may be empty.
    pub device: String,
    pub user_agent: String,
    /// Granted OAuth scope, words separated by spaces.
    pub scope: String,
    /// Object: name of each factor that was proved → when (RFC 3339).
    pub factors: Json,
    /// When it last got something new, such as an access token.
    pub seen_at: Option<ChronoDateTimeUtc>,
}

/// None: joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
