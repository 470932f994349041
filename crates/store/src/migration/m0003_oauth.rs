//! Browser logins, OAuth grants and what they are signed with.

use sea_orm::DbErr;
use sea_orm::sea_query::{Alias, ColumnDef, Table};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager, async_trait};

use super::table::{TableBuilder, index};

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0003_oauth"
    }
}

/// In the order of their references.
const TABLES: [&str; 6] = [
    "sign_in_attempts",
    "signing_keys",
    "device_codes",
    "authorization_codes",
    "spent_refresh_tokens",
    "revoked_access_tokens",
];
/// Columns that logins get, each with the empty text for those of before.
const LOGIN_TEXTS: [&str; 4] = ["client", "device", "user_agent", "scope"];

#[expect(elided_lifetimes_in_paths, reason = "the trait is declared that way")]
#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        logins(manager).await?;
        sign_in(manager).await?;
        grants(manager).await?;
        tokens(manager).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in TABLES.iter().rev() {
            manager
                .drop_table(Table::drop().table(Alias::new(*table)).to_owned())
                .await?;
        }
        for column in ["seen_at", "factors"].iter().chain(&LOGIN_TEXTS) {
            let change = Table::alter()
                .table(Alias::new("logins"))
                .drop_column(Alias::new(*column))
                .to_owned();
            manager.alter_table(change).await?;
        }
        Ok(())
    }
}

async fn logins(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let mut columns: Vec<ColumnDef> = LOGIN_TEXTS
        .iter()
        .map(|name| {
            let mut column = ColumnDef::new(Alias::new(*name));
            column.text().not_null().default("");
            column
        })
        .collect();
    let mut factors = ColumnDef::new(Alias::new("factors"));
    factors.json().not_null().default("{}");
    let mut seen_at = ColumnDef::new(Alias::new("seen_at"));
    seen_at.timestamp_with_time_zone();
    columns.extend([factors, seen_at]);
    for mut column in columns {
        // SQLite takes one column at a time.
        let change = Table::alter()
            .table(Alias::new("logins"))
            .add_column(&mut column)
            .to_owned();
        manager.alter_table(change).await?;
    }
    index(manager, "logins", &["user_id"], false).await
}

async fn sign_in(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    TableBuilder::tenant("sign_in_attempts")
        .id()
        .uuid("user_id")
        .text("token_hash")
        .text("method")
        .json("factors")
        .text("next")
        .time("added_at")
        .time("expires_at")
        .refers("user_id", "users")
        .create(manager)
        .await?;
    index(manager, "sign_in_attempts", &["token_hash"], true).await?;
    index(manager, "sign_in_attempts", &["expires_at"], false).await
}

async fn grants(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    TableBuilder::tenant("device_codes")
        .id()
        .text("code_hash")
        .text("user_code")
        .text("client")
        .text("scope")
        .text("device")
        .text("remote_ip")
        .text("user_agent")
        .text("status")
        .uuid_null("user_id")
        .json("factors")
        .time("added_at")
        .time("expires_at")
        .refers("user_id", "users")
        .create(manager)
        .await?;
    index(manager, "device_codes", &["code_hash"], true).await?;
    index(
        manager,
        "device_codes",
        &["workspace_id", "user_code"],
        true,
    )
    .await?;
    index(manager, "device_codes", &["expires_at"], false).await?;

    TableBuilder::tenant("authorization_codes")
        .id()
        .uuid("user_id")
        .text("code_hash")
        .text("client")
        .text("redirect_uri")
        .text("scope")
        .text("nonce")
        .text("challenge")
        .json("factors")
        .text("remote_ip")
        .text("user_agent")
        // The login it was exchanged for: a second exchange ends that one.
        .uuid_null("login_id")
        .bool("used")
        .time("added_at")
        .time("expires_at")
        .refers("user_id", "users")
        .create(manager)
        .await?;
    index(manager, "authorization_codes", &["code_hash"], true).await?;
    index(manager, "authorization_codes", &["expires_at"], false).await
}

async fn tokens(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    // Of the deployment, not of a workspace.
    TableBuilder::new("signing_keys")
        .id()
        .text("algorithm")
        .json("public_key")
        // Absent once a newer key signs: it then only verifies.
        .blob_null("private_key")
        .time("added_at")
        .time_null("superseded_at")
        .create(manager)
        .await?;

    TableBuilder::tenant("spent_refresh_tokens")
        .id()
        .uuid("login_id")
        .text("token_hash")
        .time("added_at")
        .refers("login_id", "logins")
        .create(manager)
        .await?;
    index(manager, "spent_refresh_tokens", &["token_hash"], true).await?;
    index(manager, "spent_refresh_tokens", &["login_id"], false).await?;

    // The id is the `jti`.
    TableBuilder::tenant("revoked_access_tokens")
        .id()
        .uuid("login_id")
        .time("expires_at")
        .refers("login_id", "logins")
        .create(manager)
        .await?;
    index(manager, "revoked_access_tokens", &["login_id"], false).await?;
    index(manager, "revoked_access_tokens", &["expires_at"], false).await
}
