//! Tunnels and the connections through them.

use sea_orm::DbErr;
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager, async_trait};

use super::table::{TableBuilder, index};

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0007_tunnels"
    }
}

#[expect(elided_lifetimes_in_paths, reason = "the trait is declared that way")]
#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        TableBuilder::tenant("tunnels")
            .id()
            .uuid("server_id")
            .uuid_null("requested_by")
            .uuid_null("token_id")
            .uuid_null("work_session_id")
            .text("username")
            .text("groupname")
            .text("client_type")
            .int("target_port")
            .text("remote_ip")
            .int("connections")
            .int("bytes_sent")
            .int("bytes_received")
            .time("added_at")
            .time_null("closed_at")
            .text_null("close_reason")
            .create(manager)
            .await?;
        index(manager, "tunnels", &["workspace_id", "added_at"], false).await?;
        index(manager, "tunnels", &["work_session_id", "added_at"], false).await?;
        TableBuilder::tenant("tunnel_connections")
            .id()
            .uuid("tunnel_id")
            .refers("tunnel_id", "tunnels")
            .int("port")
            .int_null("source_port")
            .time("opened_at")
            .time_null("closed_at")
            .int("bytes_sent")
            .int("bytes_received")
            .text("outcome")
            .create(manager)
            .await?;
        index(
            manager,
            "tunnel_connections",
            &["tunnel_id", "opened_at"],
            false,
        )
        .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["tunnel_connections", "tunnels"] {
            let drop = sea_orm::sea_query::Table::drop()
                .table(sea_orm::sea_query::Alias::new(table))
                .to_owned();
            manager.drop_table(drop).await?;
        }
        Ok(())
    }
}
