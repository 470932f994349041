//! Several workspaces on one server, people across them, locks, mail.

use sea_orm::sea_query::{Alias, ColumnDef, Table};
use sea_orm::{ConnectionTrait as _, DbErr};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager, async_trait};

use super::table::{TableBuilder, index};

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0006_workspaces"
    }
}

const HOSTS: &str = "workspaces_host";
/// In the order of their references.
const TABLES: [&str; 6] = [
    "locks",
    "mails",
    "invitations",
    "password_resets",
    "persons",
    "person_users",
];

#[expect(elided_lifetimes_in_paths, reason = "the trait is declared that way")]
#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut is_enabled = flag("is_enabled", true);
        add_column(manager, "workspaces", &mut is_enabled).await?;
        // A host name leads to one workspace. The only one of a server needs none.
        let sql = format!("CREATE UNIQUE INDEX {HOSTS} ON workspaces (host) WHERE host <> ''");
        manager.get_connection().execute_unprepared(&sql).await?;

        let mut must_change = flag("must_change_password", false);
        add_column(manager, "users", &mut must_change).await?;
        let mut changed_at = ColumnDef::new(Alias::new("password_changed_at"))
            .timestamp_with_time_zone()
            .to_owned();
        add_column(manager, "users", &mut changed_at).await?;
        index(manager, "users", &["workspace_id", "email"], false).await?;
        locks(manager).await?;
        mail(manager).await?;
        people(manager).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in TABLES.iter().rev() {
            manager
                .drop_table(Table::drop().table(Alias::new(*table)).to_owned())
                .await?;
        }
        for sql in [
            "DROP INDEX users_workspace_id_email",
            "ALTER TABLE users DROP COLUMN password_changed_at",
            "ALTER TABLE users DROP COLUMN must_change_password",
            "DROP INDEX workspaces_host",
            "ALTER TABLE workspaces DROP COLUMN is_enabled",
        ] {
            manager.get_connection().execute_unprepared(sql).await?;
        }
        Ok(())
    }
}

async fn locks(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    TableBuilder::tenant("locks")
        .id()
        .text("kind")
        .uuid("object_id")
        .text("reason")
        .uuid_null("locked_by")
        .time("added_at")
        .create(manager)
        .await?;
    index(
        manager,
        "locks",
        &["workspace_id", "kind", "object_id"],
        true,
    )
    .await
}

async fn mail(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    TableBuilder::tenant("mails")
        .id()
        .text("kind")
        .text("recipient")
        .blob_null("sealed")
        .int("attempts")
        .time("next_attempt_at")
        .time("expires_at")
        .time("added_at")
        .time_null("ended_at")
        .text("state")
        .text_null("last_error")
        .create(manager)
        .await?;
    index(manager, "mails", &["state", "next_attempt_at"], false).await?;
    index(manager, "mails", &["workspace_id", "state"], false).await
}

async fn people(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    TableBuilder::tenant("invitations")
        .id()
        .text("email")
        .text("token_hash")
        .uuid_null("invited_by")
        .time("added_at")
        .time("expires_at")
        .create(manager)
        .await?;
    index(manager, "invitations", &["token_hash"], true).await?;
    index(manager, "invitations", &["workspace_id", "email"], true).await?;

    TableBuilder::tenant("password_resets")
        .id()
        .uuid("user_id")
        .text("token_hash")
        .text("remote_ip")
        .time("added_at")
        .time("expires_at")
        .refers("user_id", "users")
        .create(manager)
        .await?;
    index(manager, "password_resets", &["token_hash"], true).await?;
    index(manager, "password_resets", &["user_id"], false).await?;

    // Whoever proved to own a mail address, in whichever workspaces.
    TableBuilder::new("persons")
        .id()
        .text("email")
        .time("added_at")
        .create(manager)
        .await?;
    index(manager, "persons", &["email"], true).await?;

    TableBuilder::tenant("person_users")
        .uuid("user_id")
        .uuid("person_id")
        .time("added_at")
        .key(&["user_id"])
        .refers("user_id", "users")
        .refers("person_id", "persons")
        .create(manager)
        .await?;
    index(
        manager,
        "person_users",
        &["person_id", "workspace_id"],
        true,
    )
    .await
}

fn flag(name: &'static str, default: bool) -> ColumnDef {
    ColumnDef::new(Alias::new(name))
        .boolean()
        .not_null()
        .default(default)
        .to_owned()
}

/// SQLite takes one column at a time.
async fn add_column(
    manager: &SchemaManager<'_>,
    table: &'static str,
    column: &mut ColumnDef,
) -> Result<(), DbErr> {
    let change = Table::alter()
        .table(Alias::new(table))
        .add_column(column)
        .to_owned();
    manager.alter_table(change).await
}
