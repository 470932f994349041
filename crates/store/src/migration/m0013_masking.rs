//! What was masked in output, sealed, for as long as its requester may still read it.

use sea_orm::DbErr;
use sea_orm::sea_query::{Alias, Table};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager, async_trait};

use super::table::{TableBuilder, index};

pub(super) struct Migration;

const ORIGINALS: &str = "masked_originals";

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0013_masking"
    }
}

#[expect(elided_lifetimes_in_paths, reason = "the trait is declared that way")]
#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        TableBuilder::tenant(ORIGINALS)
            .uuid("command_id")
            .refers("command_id", "commands")
            .int("seq")
            .blob("sealed")
            .time("added_at")
            .key(&["command_id", "seq"])
            .create(manager)
            .await?;
        index(manager, ORIGINALS, &["workspace_id", "added_at"], false).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let drop = Table::drop().table(Alias::new(ORIGINALS)).to_owned();
        manager.drop_table(drop).await
    }
}
