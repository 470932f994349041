//! Access-control lists of tokens: three independent lists, deny by default.

use protocol::id::{AclId, ServerId, TokenId};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::ExprTrait as _;
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, ConnectionTrait, EntityTrait as _,
    PaginatorTrait as _, QueryFilter as _, QueryOrder as _,
};

use crate::entity::{command_acl, file_acl, server_acl};
use crate::{StoreError, Tenant, now};

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
}
