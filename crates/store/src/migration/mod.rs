//! The schema's history, one module per step. A step that has landed is never
//! changed; `text`, `json`, `bigint`, `boolean`, `double`, `blob`, `uuid` and
//! `timestamptz` are all the types used, so that both databases read alike.

mod m0001_foundation;
mod m0002_people;
mod m0009_exec_events;
mod table;

use sea_orm_migration::{MigrationTrait, MigratorTrait, async_trait};

pub(crate) struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m0001_foundation::Migration),
            Box::new(m0002_people::Migration),
            Box::new(m0009_exec_events::Migration),
        ]
    }
}
