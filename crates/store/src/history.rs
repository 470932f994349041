//! What hosts report: logs, agent events, logins that did not come through us.

use chrono::{DateTime, Utc};
use protocol::id::ServerId;
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _,
    QueryOrder as _, QuerySelect as _,
};
use uuid::Uuid;

use crate::entity::{access_event, agent_event, host_log};
use crate::{StoreError, Tenant, now};

/// A log record to be stored.
#[derive(Clone, Debug, Default)]
pub struct NewHostLog {
    /// When the host wrote it.
    pub date: Option<DateTime<Utc>>,
    /// Program.
    pub program: String,
    /// 10 debug … 50 fatal.
    pub level: i64,
    /// Source file and line.
    pub path: String,
    /// Source line.
    pub lineno: i64,
    /// Process id.
    pub pid: i64,
    /// Text.
    pub msg: String,
}

/// A login on a host that did not come through us.
#[derive(Clone, Debug)]
pub struct NewAccessEvent {
    /// Stable over the agent's retries.
    pub event_id: Uuid,
    /// Account.
    pub username: String,
    /// For example `sshd`.
    pub service: String,
    /// From where.
    pub rhost: String,
    /// Terminal.
    pub tty: String,
    /// Process.
    pub pid: i64,
    /// Its parent.
    pub ppid: i64,
    /// When.
    pub timestamp: DateTime<Utc>,
}

/// The history queries of a workspace.
pub struct History<'a, C>(Tenant<'a, C>);

impl<'a, C: ConnectionTrait> Tenant<'a, C> {
    /// What hosts report.
    #[must_use]
    pub fn history(self) -> History<'a, C> {
        History(self)
    }
}

impl<C: ConnectionTrait> History<'_, C> {
    /// Stores a log record.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn add_log(&self, server: ServerId, log: NewHostLog) -> Result<(), StoreError> {
        host_log::ActiveModel {
            id: NotSet,
            workspace_id: Set(self.0.workspace.0),
            server_id: Set(server.0),
            added_at: Set(now()),
            date: Set(log.date),
            program: Set(log.program),
            level: Set(log.level),
            path: Set(log.path),
            lineno: Set(log.lineno),
            pid: Set(log.pid),
            msg: Set(log.msg.replace('\0', "\u{fffd}")),
        }
        .insert(self.0.connection)
        .await?;
        Ok(())
    }

    /// Log records of a server before `before` (exclusive), newest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn logs(
        &self,
        server: ServerId,
        before: Option<i64>,
        limit: u64,
    ) -> Result<Vec<host_log::Model>, StoreError> {
        use host_log::Column;
        let mut query = host_log::Entity::find()
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::ServerId.eq(server.0))
            .order_by_desc(Column::Id)
            .limit(limit);
        if let Some(before) = before {
            query = query.filter(Column::Id.lt(before));
        }
        Ok(query.all(self.0.connection).await?)
    }

    /// Stores what an agent said about itself.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn add_agent_event(
        &self,
        server: ServerId,
        reporter: &str,
        record: &str,
        description: &str,
    ) -> Result<(), StoreError> {
        agent_event::ActiveModel {
            id: Set(Uuid::now_v7()),
            workspace_id: Set(self.0.workspace.0),
            server_id: Set(server.0),
            reporter: Set(reporter.to_owned()),
            record: Set(record.to_owned()),
            description: Set(description.to_owned()),
            added_at: Set(now()),
        }
        .insert(self.0.connection)
        .await?;
        Ok(())
    }

    /// Stores a login. Says whether it was new; a repeated one changes nothing.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn add_access_event(
        &self,
        server: ServerId,
        event: NewAccessEvent,
    ) -> Result<bool, StoreError> {
        use access_event::Column;
        let stored = access_event::Entity::insert(access_event::ActiveModel {
            server_id: Set(server.0),
            event_id: Set(event.event_id),
            workspace_id: Set(self.0.workspace.0),
            username: Set(event.username),
            service: Set(event.service),
            rhost: Set(event.rhost),
            tty: Set(event.tty),
            pid: Set(event.pid),
            ppid: Set(event.ppid),
            timestamp: Set(event.timestamp),
        })
        .on_conflict(
            OnConflict::columns([Column::ServerId, Column::EventId])
                .do_nothing_on([Column::ServerId, Column::EventId])
                .to_owned(),
        )
        .exec_without_returning(self.0.connection)
        .await?;
        Ok(stored > 0)
    }
}
