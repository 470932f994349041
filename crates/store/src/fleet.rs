//! Servers and registration tokens.

use std::collections::{BTreeMap, HashSet};

use chrono::{DateTime, Utc};
use protocol::id::{GroupId, RegistrationTokenId, ServerId, UserId};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Expr, ExprTrait as _, Query};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, ConnectionTrait, EntityTrait as _,
    IntoActiveModel as _, QueryFilter as _, QueryOrder as _, QuerySelect as _, Select,
};
use serde_json::json;
use uuid::Uuid;

use crate::entity::{membership, registration_token, server, server_acl, server_group, star};
use crate::paging::{self, Paging};
use crate::{StoreError, Tenant, Viewer, now};

/// A server to be created by registration.
#[derive(Clone, Debug)]
pub struct NewServer {
    /// Slug.
    pub name: String,
    /// `debian`, `rhel`, `darwin`, `windows`.
    pub platform: String,
    /// SHA-256 of the agent's key, hex.
    pub key_hash: String,
    /// Extensions the agent understands.
    pub extensions: Vec<String>,
    /// Tags.
    pub tags: BTreeMap<String, String>,
    /// Who made the registration token.
    pub owner: Option<UserId>,
    /// Address it registered from.
    pub remote_ip: String,
    /// Groups that see it.
    pub groups: Vec<GroupId>,
}

/// What an agent says with every commit and sync.
#[derive(Clone, Debug, Default)]
pub struct AgentFacts {
    /// Agent version.
    pub version: Option<String>,
    /// Version of the PAM package; `Some(None)` clears it.
    pub pam_version: Option<Option<String>>,
    /// `yes`, `no`; `Some(None)` clears it.
    pub sshd_use_pam: Option<Option<String>>,
    /// One-minute load average.
    pub load: Option<f64>,
    /// The first commit arrived.
    pub commissioned: bool,
}

/// What an administrator may change on a server.
#[derive(Clone, Debug, Default)]
pub struct ServerChange {
    /// Slug.
    pub name: Option<String>,
    /// Tags.
    pub tags: Option<BTreeMap<String, String>>,
    /// Groups that see it.
    pub groups: Option<Vec<GroupId>>,
}

/// A registration token to be created.
#[derive(Clone, Debug)]
pub struct NewRegistrationToken {
    /// Unique.
    pub name: String,
    /// SHA-256 of the key, hex.
    pub key_hash: String,
    /// Groups given to servers.
    pub allowed_groups: Vec<GroupId>,
    /// Who makes it.
    pub created_by: Option<UserId>,
    /// None: never.
    pub expires_at: Option<DateTime<Utc>>,
}

/// The fleet queries of a workspace.
pub struct Fleet<'a, C>(Tenant<'a, C>);

impl<'a, C: ConnectionTrait> Tenant<'a, C> {
    /// Servers and registration tokens.
    #[must_use]
    pub fn fleet(self) -> Fleet<'a, C> {
        Fleet(self)
    }
}

impl<C: ConnectionTrait> Fleet<'_, C> {
    fn visible(&self, viewer: Viewer) -> Select<server::Entity> {
        let query =
            server::Entity::find().filter(server::Column::WorkspaceId.eq(self.0.workspace.0));
        match viewer {
            Viewer::Everything => query,
            Viewer::Token(token) => {
                let rules = |column| {
                    Query::select()
                        .column(column)
                        .from(server_acl::Entity)
                        .and_where(server_acl::Column::TokenId.eq(token.0))
                        .to_owned()
                };
                let named = rules(server_acl::Column::ServerId)
                    .and_where(server_acl::Column::ServerId.is_not_null())
                    .to_owned();
                let every = rules(server_acl::Column::Id)
                    .and_where(server_acl::Column::ServerId.is_null())
                    .to_owned();
                query.filter(
                    server::Column::Id
                        .in_subquery(named)
                        .or(Expr::exists(every)),
                )
            }
            Viewer::Member(user) => {
                let groups = Query::select()
                    .column(membership::Column::GroupId)
                    .from(membership::Entity)
                    .and_where(membership::Column::UserId.eq(user.0))
                    .to_owned();
                let servers = Query::select()
                    .column(server_group::Column::ServerId)
                    .from(server_group::Entity)
                    .and_where(server_group::Column::GroupId.in_subquery(groups))
                    .to_owned();
                query.filter(
                    server::Column::Id
                        .in_subquery(servers)
                        .or(server::Column::OwnerId.eq(user.0)),
                )
            }
        }
    }

    /// The ids of all servers that a viewer sees.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn visible_ids(&self, viewer: Viewer) -> Result<Vec<Uuid>, StoreError> {
        Ok(self
            .visible(viewer)
            .select_only()
            .column(server::Column::Id)
            .into_tuple()
            .all(self.0.connection)
            .await?)
    }

    /// Servers by name, optionally only the one called `name`.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn list(
        &self,
        viewer: Viewer,
        name: Option<&str>,
        page: Paging,
    ) -> Result<(Vec<server::Model>, u64), StoreError> {
        let mut query = self
            .visible(viewer)
            .order_by_asc(server::Column::Name)
            .order_by_asc(server::Column::Id);
        if let Some(name) = name {
            query = query.filter(server::Column::Name.eq(name));
        }
        paging::fetch(query, self.0.connection, page).await
    }

    /// A server that the viewer may see.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn find(
        &self,
        viewer: Viewer,
        id: ServerId,
    ) -> Result<Option<server::Model>, StoreError> {
        Ok(self
            .visible(viewer)
            .filter(server::Column::Id.eq(id.0))
            .one(self.0.connection)
            .await?)
    }

    /// Those of `ids` that the viewer may see, in no order.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn find_all(
        &self,
        viewer: Viewer,
        ids: impl IntoIterator<Item = Uuid>,
    ) -> Result<Vec<server::Model>, StoreError> {
        Ok(self
            .visible(viewer)
            .filter(server::Column::Id.is_in(ids))
            .all(self.0.connection)
            .await?)
    }

    /// The groups of these servers.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn groups_of(
        &self,
        servers: impl IntoIterator<Item = Uuid>,
    ) -> Result<Vec<server_group::Model>, StoreError> {
        Ok(server_group::Entity::find()
            .filter(server_group::Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(server_group::Column::ServerId.is_in(servers))
            .order_by_asc(server_group::Column::GroupId)
            .all(self.0.connection)
            .await?)
    }

    /// Which of these servers a user marked.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn starred(
        &self,
        user: UserId,
        servers: impl IntoIterator<Item = Uuid>,
    ) -> Result<HashSet<Uuid>, StoreError> {
        let rows = star::Entity::find()
            .filter(star::Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(star::Column::UserId.eq(user.0))
            .filter(star::Column::ServerId.is_in(servers))
            .all(self.0.connection)
            .await?;
        Ok(rows.into_iter().map(|row| row.server_id).collect())
    }

    /// Marks a server for a user, or removes the mark. Repeating changes nothing.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn set_starred(
        &self,
        user: UserId,
        server: ServerId,
        starred: bool,
    ) -> Result<(), StoreError> {
        star::Entity::delete_many()
            .filter(star::Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(star::Column::UserId.eq(user.0))
            .filter(star::Column::ServerId.eq(server.0))
            .exec(self.0.connection)
            .await?;
        if starred {
            star::ActiveModel {
                user_id: Set(user.0),
                server_id: Set(server.0),
                workspace_id: Set(self.0.workspace.0),
            }
            .insert(self.0.connection)
            .await?;
        }
        Ok(())
    }

    /// Registers a server.
    ///
    /// # Errors
    /// When the name is taken, a group does not exist or the database is not writable.
    pub async fn create(&self, new: NewServer) -> Result<server::Model, StoreError> {
        let time = now();
        let model = server::ActiveModel {
            id: Set(ServerId::new().0),
            workspace_id: Set(self.0.workspace.0),
            name: Set(new.name),
            platform: Set(new.platform),
            key_hash: Set(new.key_hash),
            extensions: Set(json!(new.extensions)),
            tags: Set(json!(new.tags)),
            owner_id: Set(new.owner.map(|id| id.0)),
            remote_ip: Set(new.remote_ip),
            commissioned: Set(false),
            is_connected: Set(false),
            version: Set(String::new()),
            pam_version: Set(None),
            sshd_use_pam: Set(None),
            load: Set(0.0),
            boot_id: Set(None),
            last_seen_at: Set(None),
            added_at: Set(time),
            updated_at: Set(time),
        }
        .insert(self.0.connection)
        .await?;
        self.set_groups(ServerId(model.id), &new.groups).await?;
        Ok(model)
    }

    /// Changes what an administrator may change.
    ///
    /// # Errors
    /// When the name is taken, a group does not exist or the database is not writable.
    pub async fn change(
        &self,
        row: server::Model,
        change: ServerChange,
    ) -> Result<server::Model, StoreError> {
        let id = ServerId(row.id);
        let mut active = row.into_active_model();
        if let Some(name) = change.name {
            active.name = Set(name);
        }
        if let Some(tags) = change.tags {
            active.tags = Set(json!(tags));
        }
        active.updated_at = Set(now());
        let model = active.update(self.0.connection).await?;
        if let Some(groups) = change.groups {
            self.set_groups(id, &groups).await?;
        }
        Ok(model)
    }

    async fn set_groups(&self, server: ServerId, groups: &[GroupId]) -> Result<(), StoreError> {
        server_group::Entity::delete_many()
            .filter(server_group::Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(server_group::Column::ServerId.eq(server.0))
            .exec(self.0.connection)
            .await?;
        for group in groups {
            server_group::ActiveModel {
                server_id: Set(server.0),
                group_id: Set(group.0),
                workspace_id: Set(self.0.workspace.0),
            }
            .insert(self.0.connection)
            .await?;
        }
        Ok(())
    }

    /// Stores what an agent said about itself.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn record_facts(&self, id: ServerId, facts: AgentFacts) -> Result<(), StoreError> {
        let mut active = server::ActiveModel {
            updated_at: Set(now()),
            ..Default::default()
        };
        if let Some(version) = facts.version {
            active.version = Set(version);
        }
        if let Some(pam_version) = facts.pam_version {
            active.pam_version = Set(pam_version);
        }
        if let Some(sshd_use_pam) = facts.sshd_use_pam {
            active.sshd_use_pam = Set(sshd_use_pam);
        }
        if let Some(load) = facts.load {
            active.load = Set(load);
        }
        if facts.commissioned {
            active.commissioned = Set(true);
        }
        self.update(id, active).await
    }

    /// Stores that an agent's process started.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn record_boot(&self, id: ServerId, boot_id: &str) -> Result<(), StoreError> {
        let boot_id = Set(Some(boot_id.to_owned()));
        self.update(
            id,
            server::ActiveModel {
                boot_id,
                ..Default::default()
            },
        )
        .await
    }

    /// Stores that a server's agent came or went.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn set_connected(
        &self,
        id: ServerId,
        connected: bool,
        remote_ip: Option<String>,
    ) -> Result<(), StoreError> {
        let mut active = server::ActiveModel {
            is_connected: Set(connected),
            last_seen_at: Set(Some(now())),
            ..Default::default()
        };
        if let Some(remote_ip) = remote_ip {
            active.remote_ip = Set(remote_ip);
        }
        self.update(id, active).await
    }

    async fn update(&self, id: ServerId, active: server::ActiveModel) -> Result<(), StoreError> {
        server::Entity::update_many()
            .set(active)
            .filter(server::Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(server::Column::Id.eq(id.0))
            .exec(self.0.connection)
            .await?;
        Ok(())
    }

    /// Marks every server as not connected; for a node that starts.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn clear_presence(&self) -> Result<(), StoreError> {
        server::Entity::update_many()
            .col_expr(server::Column::IsConnected, Expr::value(false))
            .filter(server::Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(server::Column::IsConnected.eq(true))
            .exec(self.0.connection)
            .await?;
        Ok(())
    }

    /// Deletes a server and what hangs off it; its commands and audit records stay.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn delete(&self, id: ServerId) -> Result<(), StoreError> {
        server::Entity::delete_many()
            .filter(server::Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(server::Column::Id.eq(id.0))
            .exec(self.0.connection)
            .await?;
        Ok(())
    }

    /// Creates a registration token.
    ///
    /// # Errors
    /// When the name is taken or the database is not writable.
    pub async fn create_registration_token(
        &self,
        new: NewRegistrationToken,
    ) -> Result<registration_token::Model, StoreError> {
        Ok(registration_token::ActiveModel {
            id: Set(RegistrationTokenId::new().0),
            workspace_id: Set(self.0.workspace.0),
            name: Set(new.name),
            key_hash: Set(new.key_hash),
            allowed_groups: Set(json!(new.allowed_groups)),
            enabled: Set(true),
            created_by: Set(new.created_by.map(|id| id.0)),
            expires_at: Set(new.expires_at),
            added_at: Set(now()),
        }
        .insert(self.0.connection)
        .await?)
    }

    /// Registration tokens whose name contains `search`, by name.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn registration_tokens(
        &self,
        search: Option<&str>,
        page: Paging,
    ) -> Result<(Vec<registration_token::Model>, u64), StoreError> {
        use registration_token::Column;
        let mut query = registration_token::Entity::find()
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .order_by_asc(Column::Name);
        if let Some(search) = search {
            query = query.filter(Column::Name.contains(search));
        }
        paging::fetch(query, self.0.connection, page).await
    }

    /// A registration token by id.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn registration_token(
        &self,
        id: RegistrationTokenId,
    ) -> Result<Option<registration_token::Model>, StoreError> {
        Ok(registration_token::Entity::find_by_id(id.0)
            .filter(registration_token::Column::WorkspaceId.eq(self.0.workspace.0))
            .one(self.0.connection)
            .await?)
    }

    /// The registration token with this key. It may be disabled or expired.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn registration_token_by_hash(
        &self,
        key_hash: &str,
    ) -> Result<Option<registration_token::Model>, StoreError> {
        Ok(registration_token::Entity::find()
            .filter(registration_token::Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(registration_token::Column::KeyHash.eq(key_hash))
            .one(self.0.connection)
            .await?)
    }

    /// Disables the registration tokens that a user made; says how many there are.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn disable_registration_tokens_of(&self, user: UserId) -> Result<u64, StoreError> {
        use registration_token::Column;
        Ok(registration_token::Entity::update_many()
            .col_expr(Column::Enabled, Expr::value(false))
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::CreatedBy.eq(user.0))
            .exec(self.0.connection)
            .await?
            .rows_affected)
    }

    /// Deletes a registration token. Says whether there was one.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn delete_registration_token(
        &self,
        id: RegistrationTokenId,
    ) -> Result<bool, StoreError> {
        Ok(registration_token::Entity::delete_many()
            .filter(registration_token::Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(registration_token::Column::Id.eq(id.0))
            .exec(self.0.connection)
            .await?
            .rows_affected
            > 0)
    }
}
