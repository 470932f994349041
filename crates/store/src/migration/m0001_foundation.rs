//! The tables of the first version.

use sea_orm::DbErr;
use sea_orm::sea_query::{Alias, Table};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager, async_trait};

use super::table::{TableBuilder, index};

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0001_foundation"
    }
}

/// In the order of their references.
const TABLES: [&str; 23] = [
    "workspaces",
    "users",
    "groups",
    "memberships",
    "logins",
    "api_tokens",
    "command_acls",
    "file_acls",
    "servers",
    "server_acls",
    "server_groups",
    "stars",
    "registration_tokens",
    "inventory_rows",
    "inventory_hashes",
    "work_sessions",
    "commands",
    "command_chunks",
    "audit_records",
    "audit_heads",
    "agent_events",
    "host_logs",
    "access_events",
];

#[expect(elided_lifetimes_in_paths, reason = "the trait is declared that way")]
#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        identity(manager).await?;
        fleet(manager).await?;
        work(manager).await?;
        records(manager).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in TABLES.iter().rev() {
            manager
                .drop_table(Table::drop().table(Alias::new(*table)).to_owned())
                .await?;
        }
        Ok(())
    }
}

async fn identity(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    TableBuilder::new("workspaces")
        .id()
        .text("name")
        .text("host")
        .json("settings")
        .time("added_at")
        .create(manager)
        .await?;
    index(manager, "workspaces", &["name"], true).await?;

    TableBuilder::tenant("users")
        .id()
        .text("username")
        .text("email")
        .text("first_name")
        .text("last_name")
        .text("phone")
        .text("tags")
        .text("description")
        .text("shell")
        .text("home_directory")
        .int("uid")
        .text_null("password_hash")
        .bool("is_active")
        .bool("is_staff")
        .bool("is_superuser")
        .bool("is_ldap_user")
        .time("date_joined")
        .create(manager)
        .await?;
    index(manager, "users", &["workspace_id", "username"], true).await?;

    TableBuilder::tenant("groups")
        .id()
        .text("name")
        .text("display_name")
        .text("description")
        .int("gid")
        .time("added_at")
        .time("updated_at")
        .create(manager)
        .await?;
    index(manager, "groups", &["workspace_id", "name"], true).await?;

    TableBuilder::tenant("memberships")
        .id()
        .uuid("group_id")
        .uuid("user_id")
        .text("role")
        .refers("group_id", "groups")
        .refers("user_id", "users")
        .create(manager)
        .await?;
    index(manager, "memberships", &["user_id", "group_id"], true).await?;

    TableBuilder::tenant("logins")
        .id()
        .uuid("user_id")
        .text("method")
        .text("token_hash")
        .text("remote_ip")
        .time("added_at")
        .time("expires_at")
        .refers("user_id", "users")
        .create(manager)
        .await?;
    index(manager, "logins", &["token_hash"], true).await?;
    index(manager, "logins", &["expires_at"], false).await?;

    TableBuilder::tenant("api_tokens")
        .id()
        .uuid_null("user_id")
        .uuid_null("application_id")
        .text("name")
        .text("key_hash")
        .json("scopes")
        .bool("enabled")
        .time_null("expires_at")
        .time("added_at")
        .time("updated_at")
        .refers("user_id", "users")
        .create(manager)
        .await?;
    index(manager, "api_tokens", &["key_hash"], true).await?;
    index(
        manager,
        "api_tokens",
        &["workspace_id", "user_id", "name"],
        true,
    )
    .await?;

    TableBuilder::tenant("command_acls")
        .id()
        .uuid("token_id")
        .text("command")
        .text("username")
        .text("groupname")
        .time("added_at")
        .refers("token_id", "api_tokens")
        .create(manager)
        .await?;
    index(manager, "command_acls", &["token_id"], false).await?;

    TableBuilder::tenant("file_acls")
        .id()
        .uuid("token_id")
        .text("path")
        .text("action")
        .text("username")
        .text("groupname")
        .time("added_at")
        .refers("token_id", "api_tokens")
        .create(manager)
        .await?;
    index(manager, "file_acls", &["token_id"], false).await
}

async fn fleet(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    TableBuilder::tenant("servers")
        .id()
        .text("name")
        .text("platform")
        .text("key_hash")
        .json("extensions")
        .json("tags")
        .uuid_null("owner_id")
        .text("remote_ip")
        .bool("commissioned")
        .bool("is_connected")
        .text("version")
        .text_null("pam_version")
        .text_null("sshd_use_pam")
        .double("load")
        .text_null("boot_id")
        .time_null("last_seen_at")
        .time("added_at")
        .time("updated_at")
        .create(manager)
        .await?;
    index(manager, "servers", &["workspace_id", "name"], true).await?;

    TableBuilder::tenant("server_acls")
        .id()
        .uuid("token_id")
        .uuid_null("server_id")
        .time("added_at")
        .refers("token_id", "api_tokens")
        .refers("server_id", "servers")
        .create(manager)
        .await?;
    index(manager, "server_acls", &["token_id", "server_id"], true).await?;

    TableBuilder::tenant("server_groups")
        .uuid("server_id")
        .uuid("group_id")
        .key(&["server_id", "group_id"])
        .refers("server_id", "servers")
        .refers("group_id", "groups")
        .create(manager)
        .await?;
    index(manager, "server_groups", &["group_id"], false).await?;

    TableBuilder::tenant("stars")
        .uuid("user_id")
        .uuid("server_id")
        .key(&["user_id", "server_id"])
        .refers("user_id", "users")
        .refers("server_id", "servers")
        .create(manager)
        .await?;

    TableBuilder::tenant("registration_tokens")
        .id()
        .text("name")
        .text("key_hash")
        .json("allowed_groups")
        .bool("enabled")
        .uuid_null("created_by")
        .time_null("expires_at")
        .time("added_at")
        .create(manager)
        .await?;
    index(manager, "registration_tokens", &["key_hash"], true).await?;
    index(
        manager,
        "registration_tokens",
        &["workspace_id", "name"],
        true,
    )
    .await?;

    TableBuilder::tenant("inventory_rows")
        .id()
        .uuid("server_id")
        .text("category")
        .text("row_key")
        .json("data")
        .refers("server_id", "servers")
        .create(manager)
        .await?;
    index(
        manager,
        "inventory_rows",
        &["server_id", "category", "row_key"],
        true,
    )
    .await?;

    TableBuilder::tenant("inventory_hashes")
        .uuid("server_id")
        .text("category")
        .text("hash")
        .key(&["server_id", "category"])
        .refers("server_id", "servers")
        .create(manager)
        .await
}

async fn work(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    TableBuilder::tenant("work_sessions")
        .id()
        .text("title")
        .text("description")
        .text("status")
        .text_null("status_detail")
        .text("requester_type")
        .json("scopes")
        .json("servers")
        .json("sudo_policies")
        .json("rules")
        .uuid_null("created_by")
        .uuid_null("assigned_user")
        .uuid_null("approval_request_id")
        .time_null("starts_at")
        .time("expires_at")
        .time_null("started_at")
        .time_null("completed_at")
        .time("added_at")
        .time("updated_at")
        .create(manager)
        .await?;
    index(
        manager,
        "work_sessions",
        &["workspace_id", "assigned_user", "status"],
        false,
    )
    .await?;
    index(manager, "work_sessions", &["status", "expires_at"], false).await?;

    // A command outlives its server and its people: the record stays readable.
    TableBuilder::tenant("commands")
        .id()
        .uuid("server_id")
        .uuid_null("requested_by")
        .uuid_null("token_id")
        .uuid_null("work_session_id")
        .text("shell")
        .text("line")
        .json_null("argv")
        .blob_null("sealed_env")
        .text("data")
        .text("username")
        .text("groupname")
        .text("status")
        .bool_null("success")
        .int_null("exit_code")
        .text_null("error_phase")
        .text("result")
        .double("elapsed_time")
        .int_null("expected_chunks")
        .int("output_chars")
        .json("verdict")
        .json("run_after")
        .time_null("scheduled_at")
        .time("added_at")
        .time_null("delivered_at")
        .time_null("acked_at")
        .time_null("reported_at")
        .time_null("finished_at")
        .create(manager)
        .await?;
    index(manager, "commands", &["server_id", "added_at"], false).await?;
    index(manager, "commands", &["workspace_id", "added_at"], false).await?;
    index(manager, "commands", &["work_session_id", "added_at"], false).await?;
    index(manager, "commands", &["status"], false).await?;
    index(manager, "commands", &["server_id", "status"], false).await?;

    TableBuilder::tenant("command_chunks")
        .uuid("command_id")
        .int("seq")
        .text("content")
        .key(&["command_id", "seq"])
        .refers("command_id", "commands")
        .create(manager)
        .await
}

async fn records(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    TableBuilder::tenant("audit_records")
        .int("seq")
        .uuid("id")
        .time("time")
        .text("actor_kind")
        .uuid_null("actor_id")
        .text("actor_name")
        .text("ip")
        .text("app")
        .text("model")
        .uuid_null("object_id")
        .text("action")
        .int("status_code")
        .text("description")
        .text("data")
        .text("previous_hash")
        .text("hash")
        .key(&["workspace_id", "seq"])
        .create(manager)
        .await?;
    index(
        manager,
        "audit_records",
        &["workspace_id", "actor_id", "seq"],
        false,
    )
    .await?;

    TableBuilder::tenant("audit_heads")
        .int("seq")
        .text("hash")
        .text("key_id")
        .text("signature")
        .key(&["workspace_id"])
        .create(manager)
        .await?;

    TableBuilder::tenant("agent_events")
        .id()
        .uuid("server_id")
        .text("reporter")
        .text("record")
        .text("description")
        .time("added_at")
        .refers("server_id", "servers")
        .create(manager)
        .await?;
    index(manager, "agent_events", &["server_id", "added_at"], false).await?;

    TableBuilder::tenant("host_logs")
        .serial()
        .uuid("server_id")
        .time("added_at")
        .time_null("date")
        .text("program")
        .int("level")
        .text("path")
        .int("lineno")
        .int("pid")
        .text("msg")
        .refers("server_id", "servers")
        .create(manager)
        .await?;
    index(manager, "host_logs", &["server_id", "id"], false).await?;

    TableBuilder::tenant("access_events")
        .uuid("server_id")
        .uuid("event_id")
        .text("username")
        .text("service")
        .text("rhost")
        .text("tty")
        .int("pid")
        .int("ppid")
        .time("timestamp")
        .key(&["server_id", "event_id"])
        .refers("server_id", "servers")
        .create(manager)
        .await
}
