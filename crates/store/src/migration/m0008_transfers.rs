//! File transfers and their log.

use sea_orm::DbErr;
use sea_orm::sea_query::{Alias, Table};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager, async_trait};

use super::table::{TableBuilder, index};

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0008_transfers"
    }
}

#[expect(elided_lifetimes_in_paths, reason = "the trait is declared that way")]
#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // No reference to the server: the log outlives it.
        TableBuilder::tenant("transfers")
            .serial()
            .uuid("transfer_id")
            .uuid("server_id")
            .uuid_null("requested_by")
            .uuid_null("token_id")
            .uuid_null("work_session_id")
            .uuid_null("command_id")
            .text("direction")
            .text("name")
            .json("paths")
            .json("ordered_paths")
            .text("resource_type")
            .text("username")
            .text("groupname")
            .text("home_directory")
            .bool("allow_overwrite")
            .bool("allow_unzip")
            .json("rules")
            .bool("streaming")
            .int("size")
            .text_null("sha256")
            .bool("stored")
            .bool("removed")
            .time_null("fetched_at")
            .bool_null("success")
            .text("message")
            .text_null("final_path")
            .text("remote_ip")
            .time("added_at")
            .time("expires_at")
            .time_null("finished_at")
            .create(manager)
            .await?;
        index(manager, "transfers", &["transfer_id"], true).await?;
        index(manager, "transfers", &["workspace_id", "removed"], false).await?;
        index(
            manager,
            "transfers",
            &["workspace_id", "requested_by"],
            false,
        )
        .await?;
        index(manager, "transfers", &["command_id"], false).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let statement = Table::drop().table(Alias::new("transfers")).to_owned();
        manager.drop_table(statement).await
    }
}
