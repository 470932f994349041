//! Requests that wait for a reviewer, and what reviewers said.

use sea_orm::DbErr;
use sea_orm::sea_query::{Alias, ColumnDef, Table};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager, async_trait};

use super::table::{TableBuilder, index};

pub(super) struct Migration;

const REQUESTS: &str = "approval_requests";
const REVIEWS: &str = "approval_reviews";
const SESSIONS: &str = "work_sessions";
const ADJUSTMENTS: &str = "adjustments";

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0011_approvals"
    }
}

#[expect(elided_lifetimes_in_paths, reason = "the trait is declared that way")]
#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        TableBuilder::tenant(REQUESTS)
            .id()
            .text("request_type")
            .text("status")
            .text("summary")
            .text("description")
            .json("content")
            .text("content_hash")
            .uuid_null("requested_by")
            .uuid_null("server_id")
            .uuid_null("work_session_id")
            .uuid_null("command_id")
            .int("needed")
            .uuid_null("reviewed_by")
            .time_null("reviewed_at")
            .text("reason")
            .time_null("used_at")
            .time("expires_at")
            .time("added_at")
            .create(manager)
            .await?;
        index(manager, REQUESTS, &["workspace_id", "status"], false).await?;
        index(manager, REQUESTS, &["workspace_id", "content_hash"], false).await?;
        TableBuilder::tenant(REVIEWS)
            .id()
            .uuid("request_id")
            .refers("request_id", REQUESTS)
            .uuid("user_id")
            .bool("approves")
            .text("reason")
            .time("added_at")
            .create(manager)
            .await?;
        // Nobody counts twice.
        index(manager, REVIEWS, &["request_id", "user_id"], true).await?;
        let change = Table::alter()
            .table(Alias::new(SESSIONS))
            .add_column(ColumnDef::new(Alias::new(ADJUSTMENTS)).json())
            .to_owned();
        manager.alter_table(change).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let change = Table::alter()
            .table(Alias::new(SESSIONS))
            .drop_column(Alias::new(ADJUSTMENTS))
            .to_owned();
        manager.alter_table(change).await?;
        for table in [REVIEWS, REQUESTS] {
            let table = Table::drop().table(Alias::new(table)).to_owned();
            manager.drop_table(table).await?;
        }
        Ok(())
    }
}
