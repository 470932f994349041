//! Decisions about sudo.

use sea_orm::DbErr;
use sea_orm::sea_query::{Alias, Table};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager, async_trait};

use super::table::{TableBuilder, index};

pub(super) struct Migration;

const GRANTS: &str = "sudo_grants";

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0010_sudo"
    }
}

#[expect(elided_lifetimes_in_paths, reason = "the trait is declared that way")]
#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        TableBuilder::tenant(GRANTS)
            .id()
            .uuid("server_id")
            .refers("server_id", "servers")
            .text("request_id")
            .uuid_null("command_id")
            .uuid_null("work_session_id")
            .uuid_null("user_id")
            .text("username")
            .text("run_as")
            .text("command")
            .text("grant_type")
            .bool("approved")
            .text_null("error_code")
            .text("reason")
            .time("added_at")
            .create(manager)
            .await?;
        index(manager, GRANTS, &["server_id", "request_id"], true).await?;
        index(manager, GRANTS, &["work_session_id", "added_at"], false).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::drop().table(Alias::new(GRANTS)).to_owned();
        manager.drop_table(table).await
    }
}
