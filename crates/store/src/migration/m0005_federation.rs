//! Applications, trust in CI providers, sign-in with identity providers.

use sea_orm::DbErr;
use sea_orm::sea_query::{Alias, ColumnDef, Table};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager, async_trait};

use super::table::{TableBuilder, index};

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0005_federation"
    }
}

const TABLES: [&str; 6] = [
    "applications",
    "trust_rules",
    "used_assertions",
    "identity_providers",
    "federated_identities",
    "federated_logins",
];

#[expect(elided_lifetimes_in_paths, reason = "the trait is declared that way")]
#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        applications(manager).await?;
        trust(manager).await?;
        providers(manager).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in TABLES.iter().rev() {
            let statement = Table::drop().table(Alias::new(*table)).to_owned();
            manager.drop_table(statement).await?;
        }
        for column in ["issued_from", "last_used_at"] {
            let change = Table::alter()
                .table(Alias::new("api_tokens"))
                .drop_column(Alias::new(column))
                .to_owned();
            manager.alter_table(change).await?;
        }
        Ok(())
    }
}

async fn applications(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    TableBuilder::tenant("applications")
        .id()
        .text("name")
        .text("description")
        .text("service_type")
        .text("username")
        .bool("is_active")
        .uuid_null("created_by")
        .time("added_at")
        .time("updated_at")
        .create(manager)
        .await?;
    index(manager, "applications", &["workspace_id", "name"], true).await?;
    // SQLite takes one column at a time.
    for column in [
        ColumnDef::new(Alias::new("last_used_at")).timestamp_with_time_zone(),
        ColumnDef::new(Alias::new("issued_from")).uuid(),
    ] {
        let change = Table::alter()
            .table(Alias::new("api_tokens"))
            .add_column(column)
            .to_owned();
        manager.alter_table(change).await?;
    }
    index(
        manager,
        "api_tokens",
        &["workspace_id", "application_id", "name"],
        true,
    )
    .await?;
    index(manager, "api_tokens", &["issued_from"], false).await
}

async fn trust(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    TableBuilder::tenant("trust_rules")
        .id()
        .uuid("application_id")
        .uuid("token_id")
        .text("name")
        .text("issuer")
        .text("audience")
        .json("conditions")
        .int("ttl")
        .bool("enabled")
        .time("added_at")
        .time("updated_at")
        .time_null("last_used_at")
        .refers("application_id", "applications")
        .refers("token_id", "api_tokens")
        .create(manager)
        .await?;
    index(manager, "trust_rules", &["workspace_id", "name"], true).await?;
    index(manager, "trust_rules", &["workspace_id", "issuer"], false).await?;

    TableBuilder::tenant("used_assertions")
        .text("hash")
        .time("expires_at")
        .key(&["workspace_id", "hash"])
        .create(manager)
        .await?;
    index(manager, "used_assertions", &["expires_at"], false).await
}

async fn providers(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    TableBuilder::tenant("identity_providers")
        .id()
        .text("slug")
        .text("name")
        .text("issuer")
        .text("client_id")
        .blob_null("sealed_secret")
        .json("scopes")
        .json("email_domains")
        .bool("link_by_email")
        .bool("provision")
        .json("default_groups")
        .text("group_claim")
        .json("group_map")
        .json("mfa_values")
        .bool("enabled")
        .time("added_at")
        .time("updated_at")
        .create(manager)
        .await?;
    index(
        manager,
        "identity_providers",
        &["workspace_id", "slug"],
        true,
    )
    .await?;

    TableBuilder::tenant("federated_identities")
        .id()
        .uuid("provider_id")
        .text("subject")
        .uuid("user_id")
        .text("email")
        .time("added_at")
        .time_null("last_login_at")
        .refers("provider_id", "identity_providers")
        .refers("user_id", "users")
        .create(manager)
        .await?;
    index(
        manager,
        "federated_identities",
        &["provider_id", "subject"],
        true,
    )
    .await?;
    index(manager, "federated_identities", &["user_id"], false).await?;

    TableBuilder::tenant("federated_logins")
        .text("state_hash")
        .uuid("provider_id")
        .text("browser")
        .blob("sealed")
        .text("next")
        .time("expires_at")
        .key(&["state_hash"])
        .refers("provider_id", "identity_providers")
        .create(manager)
        .await?;
    index(manager, "federated_logins", &["expires_at"], false).await
}
