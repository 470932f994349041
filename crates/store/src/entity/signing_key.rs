//! A key that signs or has signed access tokens, of the whole deployment.

use sea_orm::entity::prelude::*;

/// A key that signs or has signed access tokens, of the whole deployment.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "signing_keys")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// `ES256`.
    pub algorithm: String,
    /// JWK.
    pub public_key: Json,
    /// PKCS #8, sealed; absent once a newer key signs.
    pub private_key: Option<Vec<u8>>,
    pub added_at: ChronoDateTimeUtc,
    pub superseded_at: Option<ChronoDateTimeUtc>,
}

/// None: joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
