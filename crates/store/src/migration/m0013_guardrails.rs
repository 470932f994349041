//! Guardrails and every version they ever had; and where commands were asked for from,
//! which guardrails may look at again when a command starts.

use sea_orm::DbErr;
use sea_orm::sea_query::{Alias, ColumnDef, Table};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager, async_trait};

use super::table::{TableBuilder, index};

pub(super) struct Migration;

const GUARDRAILS: &str = "guardrails";
const VERSIONS: &str = "guardrail_versions";
const COMMANDS: &str = "commands";
const REMOTE_IP: &str = "remote_ip";

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0013_guardrails"
    }
}

#[expect(elided_lifetimes_in_paths, reason = "the trait is declared that way")]
#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        TableBuilder::tenant(GUARDRAILS)
            .id()
            .text("name")
            .text("description")
            .text("policy")
            .bool("enabled")
            .int("version")
            .uuid_null("changed_by")
            .time("added_at")
            .time("updated_at")
            .create(manager)
            .await?;
        index(manager, GUARDRAILS, &["workspace_id", "name"], true).await?;
        // Without a reference: what a deleted guardrail said stays readable.
        TableBuilder::tenant(VERSIONS)
            .id()
            .uuid("guardrail_id")
            .int("version")
            .text("name")
            .text("policy")
            .bool("enabled")
            .uuid_null("changed_by")
            .time("added_at")
            .create(manager)
            .await?;
        index(manager, VERSIONS, &["guardrail_id", "version"], true).await?;
        let origin = Table::alter()
            .table(Alias::new(COMMANDS))
            .add_column(ColumnDef::new(Alias::new(REMOTE_IP)).text())
            .to_owned();
        manager.alter_table(origin).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [VERSIONS, GUARDRAILS] {
            let drop = Table::drop().table(Alias::new(table)).to_owned();
            manager.drop_table(drop).await?;
        }
        let origin = Table::alter()
            .table(Alias::new(COMMANDS))
            .drop_column(Alias::new(REMOTE_IP))
            .to_owned();
        manager.alter_table(origin).await
    }
}
