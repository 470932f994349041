//! What the exec guard tells: programs of a command, and how well it was guarded.

use sea_orm::DbErr;
use sea_orm::sea_query::{Alias, ColumnDef, Table};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager, async_trait};

use super::table::{TableBuilder, index};

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0009_exec_events"
    }
}

#[expect(elided_lifetimes_in_paths, reason = "the trait is declared that way")]
#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        TableBuilder::tenant("exec_events")
            .uuid("command_id")
            .refers("command_id", "commands")
            .int("seq")
            .uuid_null("work_session_id")
            .time("time")
            .int("pid")
            .int("ppid")
            .int("uid")
            .text("exe")
            .text_null("sha256")
            .json("argv")
            .text("cwd")
            .text("verdict")
            .text_null("rule")
            .text_null("reason")
            .time_null("ended_at")
            .int_null("exit_code")
            .int_null("signal")
            .uuid_null("answered_by")
            .key(&["command_id", "seq"])
            .create(manager)
            .await?;
        index(manager, "exec_events", &["work_session_id", "time"], false).await?;
        for column in [
            ColumnDef::new(Alias::new("guard")).json().to_owned(),
            ColumnDef::new(Alias::new("enforcement")).text().to_owned(),
            ColumnDef::new(Alias::new("floor")).json().to_owned(),
            counter("programs"),
            counter("programs_denied"),
            counter("programs_folded"),
        ] {
            // SQLite takes one column at a time.
            let change = Table::alter()
                .table(Alias::new("commands"))
                .add_column(column)
                .to_owned();
            manager.alter_table(change).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in [
            "programs_folded",
            "programs_denied",
            "programs",
            "floor",
            "enforcement",
            "guard",
        ] {
            let change = Table::alter()
                .table(Alias::new("commands"))
                .drop_column(Alias::new(column))
                .to_owned();
            manager.alter_table(change).await?;
        }
        manager
            .drop_table(Table::drop().table(Alias::new("exec_events")).to_owned())
            .await
    }
}

fn counter(name: &'static str) -> ColumnDef {
    ColumnDef::new(Alias::new(name))
        .big_integer()
        .not_null()
        .default(0)
        .to_owned()
}
