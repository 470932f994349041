//! More host names of workspaces, the login behind a command, and which rule linked
//! somebody of an identity provider.

use sea_orm::sea_query::{Alias, ColumnDef, Table};
use sea_orm::{ConnectionTrait as _, DbErr};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager, async_trait};

use super::table::{TableBuilder, index};

pub(super) struct Migration;

const HOSTS: &str = "workspace_hosts";

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0018_identity"
    }
}

#[expect(elided_lifetimes_in_paths, reason = "the trait is declared that way")]
#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        TableBuilder::tenant(HOSTS)
            .text("host")
            .time("added_at")
            .key(&["host"])
            .create(manager)
            .await?;
        index(manager, HOSTS, &["workspace_id"], false).await?;
        for (table, column) in [
            (
                "commands",
                ColumnDef::new(Alias::new("login_id")).uuid().to_owned(),
            ),
            (
                "federated_identities",
                ColumnDef::new(Alias::new("rule"))
                    .text()
                    .not_null()
                    .default("")
                    .to_owned(),
            ),
        ] {
            let change = Table::alter()
                .table(Alias::new(table))
                .add_column(column)
                .to_owned();
            manager.alter_table(change).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for sql in [
            "ALTER TABLE federated_identities DROP COLUMN rule",
            "ALTER TABLE commands DROP COLUMN login_id",
        ] {
            manager.get_connection().execute_unprepared(sql).await?;
        }
        let table = Table::drop().table(Alias::new(HOSTS)).to_owned();
        manager.drop_table(table).await
    }
}
