//! Access-control lists of tokens: three independent lists, deny by default.

use protocol::id::{AclId, ServerId, TokenId};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::ExprTrait as _;
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, ConnectionTrait, EntityTrait as _,
    PaginatorTrait as _, QueryFilter as _, QueryOrder as _,
};

use crate::entity::{command_acl, file_acl, server_acl};
use crate::paging::{self, Paging};
use crate::{StoreError, Tenant, now};

/// One of the three lists of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AclKind {
    /// Command lines.
    Command,
    /// Servers.
    Server,
    /// Paths.
    File,
}

/// Does the same with the entity of a kind; their columns have the same names.
macro_rules! with_entity {
    ($kind:expr, $module:ident => $body:expr) => {
        match $kind {
            AclKind::Command => {
                use command_acl as $module;
                $body
            }
            AclKind::Server => {
                use server_acl as $module;
                $body
            }
            AclKind::File => {
                use file_acl as $module;
                $body
            }
        }
    };
}

/// The ACL queries of a workspace.
pub struct Acl<'a, C>(Tenant<'a, C>);

impl<'a, C: ConnectionTrait> Tenant<'a, C> {
    /// Access-control lists of tokens.
    #[must_use]
    pub fn acl(self) -> Acl<'a, C> {
        Acl(self)
    }
}

impl<C: ConnectionTrait> Acl<'_, C> {
    /// The command rules of a token.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn commands(&self, token: TokenId) -> Result<Vec<command_acl::Model>, StoreError> {
        Ok(command_acl::Entity::find()
            .filter(command_acl::Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(command_acl::Column::TokenId.eq(token.0))
            .order_by_asc(command_acl::Column::Id)
            .all(self.0.connection)
            .await?)
    }

    /// The file rules of a token.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn files(&self, token: TokenId) -> Result<Vec<file_acl::Model>, StoreError> {
        Ok(file_acl::Entity::find()
            .filter(file_acl::Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(file_acl::Column::TokenId.eq(token.0))
            .order_by_asc(file_acl::Column::Id)
            .all(self.0.connection)
            .await?)
    }

    /// Whether a token may reach a server.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn allows_server(
        &self,
        token: TokenId,
        server: ServerId,
    ) -> Result<bool, StoreError> {
        use server_acl::Column;
        Ok(server_acl::Entity::find()
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::TokenId.eq(token.0))
            .filter(Column::ServerId.eq(server.0).or(Column::ServerId.is_null()))
            .count(self.0.connection)
            .await?
            > 0)
    }

    /// Allows a command.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn add_command(
        &self,
        token: TokenId,
        command: &str,
        username: &str,
        groupname: &str,
    ) -> Result<command_acl::Model, StoreError> {
        Ok(command_acl::ActiveModel {
            id: Set(AclId::new().0),
            workspace_id: Set(self.0.workspace.0),
            token_id: Set(token.0),
            command: Set(command.to_owned()),
            username: Set(username.to_owned()),
            groupname: Set(groupname.to_owned()),
            added_at: Set(now()),
        }
        .insert(self.0.connection)
        .await?)
    }

    /// Allows a server, or every server.
    ///
    /// # Errors
    /// When the rule exists or the database is not writable.
    pub async fn add_server(
        &self,
        token: TokenId,
        server: Option<ServerId>,
    ) -> Result<server_acl::Model, StoreError> {
        Ok(server_acl::ActiveModel {
            id: Set(AclId::new().0),
            workspace_id: Set(self.0.workspace.0),
            token_id: Set(token.0),
            server_id: Set(server.map(|id| id.0)),
            added_at: Set(now()),
        }
        .insert(self.0.connection)
        .await?)
    }

    /// Allows a path.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn add_file(
        &self,
        token: TokenId,
        path: &str,
        action: &str,
        username: &str,
        groupname: &str,
    ) -> Result<file_acl::Model, StoreError> {
        Ok(file_acl::ActiveModel {
            id: Set(AclId::new().0),
            workspace_id: Set(self.0.workspace.0),
            token_id: Set(token.0),
            path: Set(path.to_owned()),
            action: Set(action.to_owned()),
            username: Set(username.to_owned()),
            groupname: Set(groupname.to_owned()),
            added_at: Set(now()),
        }
        .insert(self.0.connection)
        .await?)
    }

    /// A page of the command rules of a token.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn command_page(
        &self,
        token: TokenId,
        page: Paging,
    ) -> Result<(Vec<command_acl::Model>, u64), StoreError> {
        let query = command_acl::Entity::find()
            .filter(command_acl::Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(command_acl::Column::TokenId.eq(token.0))
            .order_by_asc(command_acl::Column::Id);
        paging::fetch(query, self.0.connection, page).await
    }

    /// A page of the server rules of a token.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn server_page(
        &self,
        token: TokenId,
        page: Paging,
    ) -> Result<(Vec<server_acl::Model>, u64), StoreError> {
        let query = server_acl::Entity::find()
            .filter(server_acl::Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(server_acl::Column::TokenId.eq(token.0))
            .order_by_asc(server_acl::Column::Id);
        paging::fetch(query, self.0.connection, page).await
    }

    /// A page of the file rules of a token.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn file_page(
        &self,
        token: TokenId,
        page: Paging,
    ) -> Result<(Vec<file_acl::Model>, u64), StoreError> {
        let query = file_acl::Entity::find()
            .filter(file_acl::Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(file_acl::Column::TokenId.eq(token.0))
            .order_by_asc(file_acl::Column::Id);
        paging::fetch(query, self.0.connection, page).await
    }

    /// How many rules of a kind a token has.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn count(&self, kind: AclKind, token: TokenId) -> Result<u64, StoreError> {
        with_entity!(kind, acl => Ok(acl::Entity::find()
            .filter(acl::Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(acl::Column::TokenId.eq(token.0))
            .count(self.0.connection)
            .await?))
    }

    /// The token that a rule bounds.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn token_of(&self, kind: AclKind, id: AclId) -> Result<Option<TokenId>, StoreError> {
        with_entity!(kind, acl => Ok(acl::Entity::find_by_id(id.0)
            .filter(acl::Column::WorkspaceId.eq(self.0.workspace.0))
            .one(self.0.connection)
            .await?
            .map(|row| TokenId(row.token_id))))
    }

    /// Deletes a rule; an unknown one is no error.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn delete(&self, kind: AclKind, id: AclId) -> Result<(), StoreError> {
        with_entity!(kind, acl => acl::Entity::delete_many()
            .filter(acl::Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(acl::Column::Id.eq(id.0))
            .exec(self.0.connection)
            .await?);
        Ok(())
    }

    /// Which of `servers` a token's rules name, one by one.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn named_servers(
        &self,
        token: TokenId,
        servers: &[ServerId],
    ) -> Result<Vec<ServerId>, StoreError> {
        use server_acl::Column;
        let rows = server_acl::Entity::find()
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::TokenId.eq(token.0))
            .filter(Column::ServerId.is_in(servers.iter().map(|id| id.0)))
            .all(self.0.connection)
            .await?;
        let ids = rows.into_iter().filter_map(|row| row.server_id);
        Ok(ids.map(ServerId).collect())
    }

    /// Removes the rules that name these servers. Says how many there were.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn remove_servers(
        &self,
        token: TokenId,
        servers: &[ServerId],
    ) -> Result<u64, StoreError> {
        use server_acl::Column;
        Ok(server_acl::Entity::delete_many()
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::TokenId.eq(token.0))
            .filter(Column::ServerId.is_in(servers.iter().map(|id| id.0)))
            .exec(self.0.connection)
            .await?
            .rows_affected)
    }

    /// Gives a token all the rules of another.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn copy(&self, from: TokenId, to: TokenId) -> Result<(), StoreError> {
        for rule in self.commands(from).await? {
            self.add_command(to, &rule.command, &rule.username, &rule.groupname)
                .await?;
        }
        let servers = server_acl::Entity::find()
            .filter(server_acl::Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(server_acl::Column::TokenId.eq(from.0))
            .order_by_asc(server_acl::Column::Id)
            .all(self.0.connection)
            .await?;
        for rule in servers {
            self.add_server(to, rule.server_id.map(ServerId)).await?;
        }
        for rule in self.files(from).await? {
            self.add_file(
                to,
                &rule.path,
                &rule.action,
                &rule.username,
                &rule.groupname,
            )
            .await?;
        }
        Ok(())
    }
}
