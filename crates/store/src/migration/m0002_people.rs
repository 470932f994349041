//! Groups get what people manage of them; users may be without an account name.

use sea_orm::sea_query::{Alias, ColumnDef, Index, Table};
use sea_orm::{ConnectionTrait as _, DbErr};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager, async_trait};

use super::table::index;

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0002_people"
    }
}

const USERNAMES: &str = "users_workspace_id_username";

#[expect(elided_lifetimes_in_paths, reason = "the trait is declared that way")]
#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        add_group_column(
            manager,
            ColumnDef::new(Alias::new("tags"))
                .text()
                .not_null()
                .default(""),
        )
        .await?;
        add_group_column(
            manager,
            ColumnDef::new(Alias::new("is_ldap_group"))
                .boolean()
                .not_null()
                .default(false),
        )
        .await?;
        index(manager, "groups", &["workspace_id", "gid"], true).await?;

        // Whoever has not chosen a name yet has the empty one, and so may others.
        drop_index(manager, "users", USERNAMES).await?;
        let sql = format!(
            "CREATE UNIQUE INDEX {USERNAMES} ON users (workspace_id, username) \
             WHERE username <> ''"
        );
        manager.get_connection().execute_unprepared(&sql).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_index(manager, "users", USERNAMES).await?;
        index(manager, "users", &["workspace_id", "username"], true).await?;
        drop_index(manager, "groups", "groups_workspace_id_gid").await?;
        for column in ["is_ldap_group", "tags"] {
            let change = Table::alter()
                .table(Alias::new("groups"))
                .drop_column(Alias::new(column))
                .to_owned();
            manager.alter_table(change).await?;
        }
        Ok(())
    }
}

/// SQLite takes one column at a time.
async fn add_group_column(
    manager: &SchemaManager<'_>,
    column: &mut ColumnDef,
) -> Result<(), DbErr> {
    let change = Table::alter()
        .table(Alias::new("groups"))
        .add_column(column)
        .to_owned();
    manager.alter_table(change).await
}

async fn drop_index(
    manager: &SchemaManager<'_>,
    table: &'static str,
    name: &'static str,
) -> Result<(), DbErr> {
    let statement = Index::drop().name(name).table(Alias::new(table)).to_owned();
    manager.drop_index(statement).await
}
