//! Commands that were approved together, each to be run once.

use sea_orm::DbErr;
use sea_orm::sea_query::{Alias, Table};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager, async_trait};

use super::table::{TableBuilder, index};

pub(super) struct Migration;

const ITEMS: &str = "plan_items";

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0016_command_plans"
    }
}

#[expect(elided_lifetimes_in_paths, reason = "the trait is declared that way")]
#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        TableBuilder::tenant(ITEMS)
            .id()
            .uuid("request_id")
            .refers("request_id", "approval_requests")
            .text("content_hash")
            .time_null("used_at")
            .uuid_null("command_id")
            .create(manager)
            .await?;
        index(manager, ITEMS, &["workspace_id", "content_hash"], false).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .drop_table(Table::drop().table(Alias::new(ITEMS)).to_owned())
            .await
    }
}
