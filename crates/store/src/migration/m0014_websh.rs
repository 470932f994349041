//! Terminals, ways into them, and their recordings.

use sea_orm::DbErr;
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager, async_trait};

use super::table::{TableBuilder, index};

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0014_websh"
    }
}

#[expect(elided_lifetimes_in_paths, reason = "the trait is declared that way")]
#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        TableBuilder::tenant("websh_sessions")
            .id()
            .uuid("server_id")
            .uuid_null("requested_by")
            .uuid_null("token_id")
            .uuid_null("work_session_id")
            .uuid("order_id")
            .text("username")
            .text("groupname")
            .int("rows")
            .int("cols")
            .text("user_agent")
            .text("client_type")
            .text("remote_ip")
            .int("bytes_out")
            .int("bytes_in")
            .int_null("exit_code")
            .bool_null("success")
            .bool("legal_hold")
            .time("added_at")
            .time("updated_at")
            .time_null("closed_at")
            .text_null("close_reason")
            .time_null("purged_at")
            .create(manager)
            .await?;
        index(
            manager,
            "websh_sessions",
            &["workspace_id", "added_at"],
            false,
        )
        .await?;
        index(
            manager,
            "websh_sessions",
            &["work_session_id", "added_at"],
            false,
        )
        .await?;
        TableBuilder::tenant("websh_shares")
            .id()
            .uuid("session_id")
            .refers("session_id", "websh_sessions")
            .uuid_null("created_by")
            .bool("read_only")
            .text("password_hash")
            .int("attempts_left")
            .time("added_at")
            .time("expires_at")
            .create(manager)
            .await?;
        index(manager, "websh_shares", &["session_id"], false).await?;
        TableBuilder::tenant("websh_chunks")
            .id()
            .uuid("session_id")
            .refers("session_id", "websh_sessions")
            .int("seq")
            .int("size")
            .int("shown")
            .text("sha256")
            .time("added_at")
            .create(manager)
            .await?;
        index(manager, "websh_chunks", &["session_id", "seq"], true).await?;
        TableBuilder::tenant("websh_records")
            .serial()
            .uuid("session_id")
            .refers("session_id", "websh_sessions")
            .uuid_null("work_session_id")
            .time("added_at")
            .text("record")
            .create(manager)
            .await?;
        index(manager, "websh_records", &["session_id", "id"], false).await?;
        index(manager, "websh_records", &["work_session_id", "id"], false).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [
            "websh_records",
            "websh_chunks",
            "websh_shares",
            "websh_sessions",
        ] {
            let drop = sea_orm::sea_query::Table::drop()
                .table(sea_orm::sea_query::Alias::new(table))
                .to_owned();
            manager.drop_table(drop).await?;
        }
        Ok(())
    }
}
