//! Short forms for table definitions.

use sea_orm::DbErr;
use sea_orm::sea_query::{Alias, ColumnDef, ForeignKey, ForeignKeyAction, Index, Table};
use sea_orm::sea_query::{IntoIden, TableCreateStatement};
use sea_orm_migration::SchemaManager;

/// A table being defined. Every table belongs to a workspace.
pub(super) struct TableBuilder {
    name: &'static str,
    statement: TableCreateStatement,
}

impl TableBuilder {
    pub(super) fn new(name: &'static str) -> Self {
        Self {
            name,
            statement: Table::create().table(Alias::new(name)).to_owned(),
        }
    }

    /// A table whose rows belong to a workspace and go with it.
    pub(super) fn tenant(name: &'static str) -> Self {
        Self::new(name)
            .uuid("workspace_id")
            .refers("workspace_id", "workspaces")
    }

    fn column(mut self, column: &mut ColumnDef) -> Self {
        self.statement.col(column);
        self
    }

    pub(super) fn id(self) -> Self {
        self.column(
            ColumnDef::new(Alias::new("id"))
                .uuid()
                .not_null()
                .primary_key(),
        )
    }

    pub(super) fn serial(self) -> Self {
        self.column(
            ColumnDef::new(Alias::new("id"))
                .big_integer()
                .not_null()
                .auto_increment()
                .primary_key(),
        )
    }

    pub(super) fn uuid(self, name: &'static str) -> Self {
        self.column(ColumnDef::new(Alias::new(name)).uuid().not_null())
    }

    pub(super) fn uuid_null(self, name: &'static str) -> Self {
        self.column(ColumnDef::new(Alias::new(name)).uuid())
    }

    pub(super) fn text(self, name: &'static str) -> Self {
        self.column(ColumnDef::new(Alias::new(name)).text().not_null())
    }

    pub(super) fn text_null(self, name: &'static str) -> Self {
        self.column(ColumnDef::new(Alias::new(name)).text())
    }

    pub(super) fn json(self, name: &'static str) -> Self {
        self.column(ColumnDef::new(Alias::new(name)).json().not_null())
    }

    pub(super) fn json_null(self, name: &'static str) -> Self {
        self.column(ColumnDef::new(Alias::new(name)).json())
    }

    pub(super) fn bool(self, name: &'static str) -> Self {
        self.column(ColumnDef::new(Alias::new(name)).boolean().not_null())
    }

    pub(super) fn bool_null(self, name: &'static str) -> Self {
        self.column(ColumnDef::new(Alias::new(name)).boolean())
    }

    pub(super) fn int(self, name: &'static str) -> Self {
        self.column(ColumnDef::new(Alias::new(name)).big_integer().not_null())
    }

    pub(super) fn int_null(self, name: &'static str) -> Self {
        self.column(ColumnDef::new(Alias::new(name)).big_integer())
    }

    pub(super) fn double(self, name: &'static str) -> Self {
        self.column(ColumnDef::new(Alias::new(name)).double().not_null())
    }

    pub(super) fn blob(self, name: &'static str) -> Self {
        self.column(ColumnDef::new(Alias::new(name)).blob().not_null())
    }

    pub(super) fn blob_null(self, name: &'static str) -> Self {
        self.column(ColumnDef::new(Alias::new(name)).blob())
    }

    pub(super) fn time(self, name: &'static str) -> Self {
        self.column(
            ColumnDef::new(Alias::new(name))
                .timestamp_with_time_zone()
                .not_null(),
        )
    }

    pub(super) fn time_null(self, name: &'static str) -> Self {
        self.column(ColumnDef::new(Alias::new(name)).timestamp_with_time_zone())
    }

    pub(super) fn key(mut self, columns: &[&'static str]) -> Self {
        let mut index = Index::create();
        for column in columns {
            index.col(Alias::new(*column));
        }
        self.statement.primary_key(&mut index);
        self
    }

    /// Deleting the other row deletes this one.
    pub(super) fn refers(mut self, column: &'static str, table: &'static str) -> Self {
        self.statement.foreign_key(
            ForeignKey::create()
                .from(Alias::new(self.name), Alias::new(column))
                .to(Alias::new(table), Alias::new("id"))
                .on_delete(ForeignKeyAction::Cascade),
        );
        self
    }

    pub(super) async fn create(self, manager: &SchemaManager<'_>) -> Result<(), DbErr> {
        manager.create_table(self.statement).await
    }
}

/// Creates an index; `unique` ones are how both databases keep rows apart.
pub(super) async fn index(
    manager: &SchemaManager<'_>,
    table: &'static str,
    columns: &[&'static str],
    unique: bool,
) -> Result<(), DbErr> {
    let mut statement = Index::create();
    statement
        .name(format!("{table}_{}", columns.join("_")))
        .table(Alias::new(table).into_iden());
    for column in columns {
        statement.col(Alias::new(*column));
    }
    if unique {
        statement.unique();
    }
    manager.create_index(statement).await
}
