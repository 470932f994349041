//! Tunnels and the connections through them.

use chrono::{DateTime, Utc};
use protocol::id::{ServerId, TokenId, TunnelConnectionId, TunnelId, UserId, WorkSessionId};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _,
    QueryOrder as _,
};
use uuid::Uuid;

use crate::entity::{tunnel, tunnel_connection};
use crate::paging::{self, Paging};
use crate::{StoreError, Tenant, now};

/// Rows in one statement: SQLite takes a bounded number of values.
const BATCH: usize = 500;

/// A tunnel to be opened.
#[derive(Clone, Debug)]
pub struct NewTunnel {
    /// Its id.
    pub id: TunnelId,
    /// Target.
    pub server: ServerId,
    /// Who.
    pub requested_by: Option<UserId>,
    /// With which token.
    pub token: Option<TokenId>,
    /// In which work session.
    pub work_session: Option<WorkSessionId>,
    /// Account.
    pub username: String,
    /// Group.
    pub groupname: String,
    /// `cli`, `web`, `proxy`.
    pub client_type: &'static str,
    /// Port on the target.
    pub target_port: u16,
    /// From where it was asked for.
    pub remote_ip: String,
}

/// What went through a tunnel so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Connections.
    pub connections: i64,
    /// Bytes towards the target.
    pub bytes_sent: i64,
    /// Bytes from the target.
    pub bytes_received: i64,
}

/// A connection as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// Its id.
    pub id: TunnelConnectionId,
    /// The port it asked for.
    pub port: i64,
    /// Local port of the program that connected.
    pub source_port: Option<u16>,
    /// When it began.
    pub opened_at: DateTime<Utc>,
    /// When it ended, if it has.
    pub closed_at: Option<DateTime<Utc>>,
    /// Bytes towards the target.
    pub bytes_sent: i64,
    /// Bytes from the target.
    pub bytes_received: i64,
    /// `open`, `closed`, `reset`, `refused`.
    pub outcome: &'static str,
}

/// What a list of tunnels may be narrowed to.
#[derive(Clone, Debug, Default)]
pub struct TunnelFilter {
    /// To this server.
    pub server: Option<ServerId>,
    /// By this user.
    pub requested_by: Option<UserId>,
    /// With this token.
    pub token: Option<TokenId>,
    /// In this work session.
    pub work_session: Option<WorkSessionId>,
    /// Only open ones.
    pub open: bool,
}

/// The tunnel queries of a workspace.
pub struct Tunnels<'a, C>(Tenant<'a, C>);

impl<'a, C: ConnectionTrait> Tenant<'a, C> {
    /// Tunnels.
    #[must_use]
    pub fn tunnels(self) -> Tunnels<'a, C> {
        Tunnels(self)
    }
}

impl<C: ConnectionTrait> Tunnels<'_, C> {
    /// A tunnel by id.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn find(&self, id: TunnelId) -> Result<Option<tunnel::Model>, StoreError> {
        Ok(tunnel::Entity::find_by_id(id.0)
            .filter(tunnel::Column::WorkspaceId.eq(self.0.workspace.0))
            .one(self.0.connection)
            .await?)
    }

    /// The tunnels of `ids` that exist, in no order.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn find_all(&self, ids: &[Uuid]) -> Result<Vec<tunnel::Model>, StoreError> {
        use tunnel::Column;
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        Ok(tunnel::Entity::find()
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::Id.is_in(ids.iter().copied()))
            .all(self.0.connection)
            .await?)
    }

    /// Tunnels, newest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn list(
        &self,
        filter: &TunnelFilter,
        page: Paging,
    ) -> Result<(Vec<tunnel::Model>, u64), StoreError> {
        use tunnel::Column;
        let mut query = tunnel::Entity::find()
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .order_by_desc(Column::AddedAt)
            .order_by_desc(Column::Id);
        if let Some(server) = filter.server {
            query = query.filter(Column::ServerId.eq(server.0));
        }
        if let Some(user) = filter.requested_by {
            query = query.filter(Column::RequestedBy.eq(user.0));
        }
        if let Some(token) = filter.token {
            query = query.filter(Column::TokenId.eq(token.0));
        }
        if let Some(session) = filter.work_session {
            query = query.filter(Column::WorkSessionId.eq(session.0));
        }
        if filter.open {
            query = query.filter(Column::ClosedAt.is_null());
        }
        paging::fetch(query, self.0.connection, page).await
    }

    /// Opens a tunnel.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn create(&self, new: NewTunnel) -> Result<tunnel::Model, StoreError> {
        Ok(tunnel::ActiveModel {
            id: Set(new.id.0),
            workspace_id: Set(self.0.workspace.0),
            server_id: Set(new.server.0),
            requested_by: Set(new.requested_by.map(|id| id.0)),
            token_id: Set(new.token.map(|id| id.0)),
            work_session_id: Set(new.work_session.map(|id| id.0)),
            username: Set(new.username),
            groupname: Set(new.groupname),
            client_type: Set(new.client_type.to_owned()),
            target_port: Set(i64::from(new.target_port)),
            remote_ip: Set(new.remote_ip),
            connections: Set(0),
            bytes_sent: Set(0),
            bytes_received: Set(0),
            added_at: Set(now()),
            closed_at: Set(None),
            close_reason: Set(None),
        }
        .insert(self.0.connection)
        .await?)
    }

    /// Notes what went through a tunnel that is open.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn count(&self, id: TunnelId, totals: Totals) -> Result<(), StoreError> {
        self.change(id, with_totals(totals)).await.map(|_| ())
    }

    /// Closes a tunnel. False: it was closed already.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn close(
        &self,
        id: TunnelId,
        totals: Totals,
        reason: &str,
    ) -> Result<bool, StoreError> {
        let active = tunnel::ActiveModel {
            closed_at: Set(Some(now())),
            close_reason: Set(Some(reason.to_owned())),
            ..with_totals(totals)
        };
        self.change(id, active).await
    }

    async fn change(&self, id: TunnelId, active: tunnel::ActiveModel) -> Result<bool, StoreError> {
        use tunnel::Column;
        Ok(tunnel::Entity::update_many()
            .set(active)
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::Id.eq(id.0))
            .filter(Column::ClosedAt.is_null())
            .exec(self.0.connection)
            .await?
            .rows_affected
            > 0)
    }

    /// Closes what a process that is gone has left open.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn close_left_open(&self, reason: &str) -> Result<u64, StoreError> {
        use tunnel::Column;
        let time = now();
        let closed = tunnel::Entity::update_many()
            .set(tunnel::ActiveModel {
                closed_at: Set(Some(time)),
                close_reason: Set(Some(reason.to_owned())),
                ..Default::default()
            })
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::ClosedAt.is_null())
            .exec(self.0.connection)
            .await?
            .rows_affected;
        tunnel_connection::Entity::update_many()
            .set(tunnel_connection::ActiveModel {
                closed_at: Set(Some(time)),
                outcome: Set("reset".to_owned()),
                ..Default::default()
            })
            .filter(tunnel_connection::Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(tunnel_connection::Column::ClosedAt.is_null())
            .exec(self.0.connection)
            .await?;
        Ok(closed)
    }

    /// Stores connections as they are now, new ones and known ones.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn store_connections(
        &self,
        tunnel: TunnelId,
        connections: &[Connection],
    ) -> Result<(), StoreError> {
        use tunnel_connection::Column;
        let rows: Vec<_> = connections
            .iter()
            .map(|row| self.row(tunnel, row))
            .collect();
        for batch in rows.chunks(BATCH) {
            tunnel_connection::Entity::insert_many(batch.to_vec())
                .on_conflict(
                    OnConflict::column(Column::Id)
                        .update_columns([
                            Column::ClosedAt,
                            Column::BytesSent,
                            Column::BytesReceived,
                            Column::Outcome,
                        ])
                        .to_owned(),
                )
                .exec_without_returning(self.0.connection)
                .await?;
        }
        Ok(())
    }

    fn row(&self, tunnel: TunnelId, row: &Connection) -> tunnel_connection::ActiveModel {
        tunnel_connection::ActiveModel {
            id: Set(row.id.0),
            workspace_id: Set(self.0.workspace.0),
            tunnel_id: Set(tunnel.0),
            port: Set(row.port),
            source_port: Set(row.source_port.map(i64::from)),
            opened_at: Set(row.opened_at),
            closed_at: Set(row.closed_at),
            bytes_sent: Set(row.bytes_sent),
            bytes_received: Set(row.bytes_received),
            outcome: Set(row.outcome.to_owned()),
        }
    }

    /// Connections through a tunnel, newest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn connections(
        &self,
        tunnel: TunnelId,
        page: Paging,
    ) -> Result<(Vec<tunnel_connection::Model>, u64), StoreError> {
        use tunnel_connection::Column;
        let query = tunnel_connection::Entity::find()
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::TunnelId.eq(tunnel.0))
            .order_by_desc(Column::OpenedAt)
            .order_by_desc(Column::Id);
        paging::fetch(query, self.0.connection, page).await
    }
}

fn with_totals(totals: Totals) -> tunnel::ActiveModel {
    tunnel::ActiveModel {
        connections: Set(totals.connections),
        bytes_sent: Set(totals.bytes_sent),
        bytes_received: Set(totals.bytes_received),
        ..Default::default()
    }
}
