//! Second factors, recovery codes, challenges and the links of step-ups.

use sea_orm::DbErr;
use sea_orm::sea_query::{Alias, Table};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager, async_trait};

use super::table::{TableBuilder, index};

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0004_mfa"
    }
}

#[expect(elided_lifetimes_in_paths, reason = "the trait is declared that way")]
#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        factors(manager).await?;
        recovery_codes(manager).await?;
        challenges(manager).await?;
        links(manager).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [
            "mfa_links",
            "mfa_challenges",
            "recovery_codes",
            "mfa_factors",
        ] {
            let statement = Table::drop().table(Alias::new(table)).to_owned();
            manager.drop_table(statement).await?;
        }
        Ok(())
    }
}

async fn factors(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    TableBuilder::tenant("mfa_factors")
        .id()
        .uuid("user_id")
        .text("kind")
        .text("name")
        .text("rp_id")
        // Absent for what is no passkey; no two passkeys are the same credential.
        .text_null("credential_id")
        .blob_null("secret")
        .json_null("credential")
        .int("last_step")
        .time("added_at")
        .time_null("used_at")
        .refers("user_id", "users")
        .create(manager)
        .await?;
    index(manager, "mfa_factors", &["user_id"], false).await?;
    index(
        manager,
        "mfa_factors",
        &["workspace_id", "credential_id"],
        true,
    )
    .await
}

async fn recovery_codes(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    TableBuilder::tenant("recovery_codes")
        .id()
        .uuid("user_id")
        .text("code_hash")
        .time("added_at")
        .time_null("used_at")
        .refers("user_id", "users")
        .create(manager)
        .await?;
    index(manager, "recovery_codes", &["user_id", "code_hash"], true).await
}

async fn challenges(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    TableBuilder::tenant("mfa_challenges")
        .id()
        // Hash of the browser's cookie.
        .text("binding")
        .text("purpose")
        .blob_null("state")
        .time("expires_at")
        .create(manager)
        .await?;
    index(
        manager,
        "mfa_challenges",
        &["workspace_id", "binding", "purpose"],
        true,
    )
    .await?;
    index(manager, "mfa_challenges", &["expires_at"], false).await
}

async fn links(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    TableBuilder::tenant("mfa_links")
        .id()
        .uuid("login_id")
        .text("token_hash")
        .uuid_null("server_id")
        .text("remote_ip")
        .time("added_at")
        .time("expires_at")
        .refers("login_id", "logins")
        .create(manager)
        .await?;
    index(manager, "mfa_links", &["token_hash"], true).await?;
    index(manager, "mfa_links", &["login_id"], true).await?;
    index(manager, "mfa_links", &["expires_at"], false).await
}
