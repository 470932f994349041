//! The schema's history, one module per step. A step that has landed is never
//! changed; `text`, `json`, `bigint`, `boolean`, `double`, `blob`, `uuid` and
//! `timestamptz` are all the types used, so that both databases read alike.

mod m0001_foundation;
mod m0002_people;
mod m0003_oauth;
mod m0004_mfa;
mod m0005_federation;
mod m0006_workspaces;
mod m0007_tunnels;
mod m0008_transfers;
mod m0009_exec_events;
mod m0010_sudo;
mod m0011_approvals;
mod m0014_websh;
mod m0015_notifications;
mod m0016_command_plans;
mod m0018_identity;
mod m0019_reviewer_groups;
mod table;

use sea_orm_migration::{MigrationTrait, MigratorTrait, async_trait};

pub(crate) struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m0001_foundation::Migration),
            Box::new(m0002_people::Migration),
            Box::new(m0005_federation::Migration),
            Box::new(m0003_oauth::Migration),
            Box::new(m0004_mfa::Migration),
            Box::new(m0006_workspaces::Migration),
            Box::new(m0007_tunnels::Migration),
            Box::new(m0008_transfers::Migration),
            Box::new(m0009_exec_events::Migration),
            Box::new(m0010_sudo::Migration),
            Box::new(m0011_approvals::Migration),
            Box::new(m0014_websh::Migration),
            Box::new(m0015_notifications::Migration),
            Box::new(m0016_command_plans::Migration),
            Box::new(m0019_reviewer_groups::Migration),
            Box::new(m0018_identity::Migration),
        ]
    }
}
