//! Groups whose members decide about a request.

use sea_orm::DbErr;
use sea_orm::sea_query::{Alias, Table};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager, async_trait};

use super::table::{TableBuilder, index};

pub(super) struct Migration;

const GROUPS: &str = "approval_groups";

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0019_reviewer_groups"
    }
}

#[expect(elided_lifetimes_in_paths, reason = "the trait is declared that way")]
#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        TableBuilder::tenant(GROUPS)
            .id()
            .uuid("request_id")
            .refers("request_id", "approval_requests")
            .uuid("group_id")
            .refers("group_id", "groups")
            .create(manager)
            .await?;
        index(manager, GROUPS, &["request_id", "group_id"], true).await?;
        index(manager, GROUPS, &["group_id"], false).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .drop_table(Table::drop().table(Alias::new(GROUPS)).to_owned())
            .await
    }
}
