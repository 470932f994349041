//! Webhooks, what is on its way to them, and who people are in a chat.

use sea_orm::DbErr;
use sea_orm::sea_query::{Alias, Table};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager, async_trait};

use super::table::{TableBuilder, index};

pub(super) struct Migration;

const WEBHOOKS: &str = "webhooks";
const DELIVERIES: &str = "deliveries";
const IDENTITIES: &str = "chat_identities";

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0015_notifications"
    }
}

#[expect(elided_lifetimes_in_paths, reason = "the trait is declared that way")]
#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        TableBuilder::tenant(WEBHOOKS)
            .id()
            .text("name")
            .text("provider")
            .blob_null("sealed")
            .bool("enabled")
            .uuid_null("owner_id")
            .time("added_at")
            .time("updated_at")
            .create(manager)
            .await?;
        index(manager, WEBHOOKS, &["workspace_id", "name"], true).await?;

        TableBuilder::tenant(DELIVERIES)
            .id()
            .uuid("webhook_id")
            .refers("webhook_id", WEBHOOKS)
            .text("event")
            .blob_null("sealed")
            .text("state")
            .int("attempts")
            .time("next_attempt_at")
            .time("expires_at")
            .time("added_at")
            .time_null("ended_at")
            .text_null("last_error")
            .create(manager)
            .await?;
        index(manager, DELIVERIES, &["state", "next_attempt_at"], false).await?;
        index(manager, DELIVERIES, &["webhook_id"], false).await?;

        TableBuilder::tenant(IDENTITIES)
            .id()
            .uuid("webhook_id")
            .refers("webhook_id", WEBHOOKS)
            .text("external_id")
            .uuid("user_id")
            .refers("user_id", "users")
            .time("added_at")
            .create(manager)
            .await?;
        index(manager, IDENTITIES, &["webhook_id", "external_id"], true).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [IDENTITIES, DELIVERIES, WEBHOOKS] {
            manager
                .drop_table(Table::drop().table(Alias::new(table)).to_owned())
                .await?;
        }
        Ok(())
    }
}
