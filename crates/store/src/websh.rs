//! Terminals, ways into them, and their recordings.

use chrono::{DateTime, Utc};
use protocol::id::{
    CommandId, ServerId, TokenId, UserId, WebshChannelId, WebshSessionId, WorkSessionId,
};
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::sea_query::{Expr, ExprTrait as _, LikeExpr};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _,
    QueryOrder as _, QuerySelect as _,
};
use uuid::Uuid;

use crate::entity::{websh_chunk, websh_record, websh_session, websh_share};
use crate::paging::{self, Paging};
use crate::{StoreError, Tenant, now};

/// Rows in one statement: SQLite takes a bounded number of values.
const BATCH: usize = 500;

/// A session to be opened.
#[derive(Clone, Debug)]
pub struct NewWebsh {
    /// Its id.
    pub id: WebshSessionId,
    /// Target.
    pub server: ServerId,
    /// Who.
    pub requested_by: Option<UserId>,
    /// With which token.
    pub token: Option<TokenId>,
    /// In which work session.
    pub work_session: Option<WorkSessionId>,
    /// The order to the agent.
    pub order: CommandId,
    /// Account.
    pub username: String,
    /// Group.
    pub groupname: String,
    /// Lines.
    pub rows: u16,
    /// Columns.
    pub cols: u16,
    /// What asked for it.
    pub user_agent: String,
    /// `cli` or `web`.
    pub client_type: &'static str,
    /// From where it was asked for.
    pub remote_ip: String,
}

/// How a session ended.
#[derive(Clone, Copy, Debug)]
pub struct WebshEnd<'a> {
    /// As it should.
    pub success: bool,
    /// For people.
    pub reason: &'a str,
    /// Exit status of the shell.
    pub exit_code: Option<i64>,
}

/// What went through a terminal so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WebshTotals {
    /// Shown.
    pub bytes_out: i64,
    /// Typed.
    pub bytes_in: i64,
}

/// What a list of sessions may be narrowed to.
#[derive(Clone, Debug, Default)]
pub struct WebshFilter {
    /// On these servers.
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

/// Leave to join, to be given.
#[derive(Clone, Debug)]
pub struct NewShare {
    /// Its id.
    pub id: WebshChannelId,
    /// To which session.
    pub session: WebshSessionId,
    /// By whom.
    pub created_by: Option<UserId>,
    /// Only to look.
    pub read_only: bool,
    /// Of the password.
    pub password_hash: String,
    /// Wrong passwords that it bears.
    pub attempts: i64,
    /// Until when.
    pub expires_at: DateTime<Utc>,
}

/// A finished piece of a recording.
#[derive(Clone, Debug)]
pub struct NewChunk {
    /// From 0.
    pub seq: i64,
    /// In bytes.
    pub size: i64,
    /// Bytes that the terminal showed in it.
    pub shown: i64,
    /// Of its bytes, in hex.
    pub sha256: String,
}

/// A piece of a recording as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRecord {
    /// When it was shown.
    pub added_at: DateTime<Utc>,
    /// The text.
    pub record: String,
}

/// Whose recordings are looked through.
#[derive(Clone, Debug)]
pub enum RecordScope {
    /// Those of one session.
    Session(WebshSessionId),
    /// Those of the sessions of one user.
    User(UserId),
    /// All.
    Everything,
}

/// The queries about terminals of a workspace.
pub struct Websh<'a, C>(Tenant<'a, C>);

impl<'a, C: ConnectionTrait> Tenant<'a, C> {
    /// Terminals.
    #[must_use]
    pub fn websh(self) -> Websh<'a, C> {
        Websh(self)
    }
}

impl<C: ConnectionTrait> Websh<'_, C> {
    /// A session by id.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn find(
        &self,
        id: WebshSessionId,
    ) -> Result<Option<websh_session::Model>, StoreError> {
        Ok(websh_session::Entity::find_by_id(id.0)
            .filter(websh_session::Column::WorkspaceId.eq(self.0.workspace.0))
            .one(self.0.connection)
            .await?)
    }

    /// The sessions of `ids` that exist, in no order.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn find_all(&self, ids: &[Uuid]) -> Result<Vec<websh_session::Model>, StoreError> {
        use websh_session::Column;
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        Ok(websh_session::Entity::find()
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::Id.is_in(ids.iter().copied()))
            .all(self.0.connection)
            .await?)
    }

    /// Sessions, newest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn list(
        &self,
        filter: &WebshFilter,
        page: Paging,
    ) -> Result<(Vec<websh_session::Model>, u64), StoreError> {
        use websh_session::Column;
        let mut query = websh_session::Entity::find()
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

    /// All that are open.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn open(&self) -> Result<Vec<websh_session::Model>, StoreError> {
        use websh_session::Column;
        Ok(websh_session::Entity::find()
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::ClosedAt.is_null())
            .all(self.0.connection)
            .await?)
    }

    /// Sessions of a work session that are over, oldest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn of_work_session(
        &self,
        session: WorkSessionId,
        limit: u64,
    ) -> Result<Vec<websh_session::Model>, StoreError> {
        use websh_session::Column;
        Ok(websh_session::Entity::find()
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::WorkSessionId.eq(session.0))
            .order_by_asc(Column::AddedAt)
            .limit(limit)
            .all(self.0.connection)
            .await?)
    }

    /// Opens a session.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn create(&self, new: NewWebsh) -> Result<websh_session::Model, StoreError> {
        let time = now();
        Ok(websh_session::ActiveModel {
            id: Set(new.id.0),
            workspace_id: Set(self.0.workspace.0),
            server_id: Set(new.server.0),
            requested_by: Set(new.requested_by.map(|id| id.0)),
            token_id: Set(new.token.map(|id| id.0)),
            work_session_id: Set(new.work_session.map(|id| id.0)),
            order_id: Set(new.order.0),
            username: Set(new.username),
            groupname: Set(new.groupname),
            rows: Set(i64::from(new.rows)),
            cols: Set(i64::from(new.cols)),
            user_agent: Set(new.user_agent),
            client_type: Set(new.client_type.to_owned()),
            remote_ip: Set(new.remote_ip),
            bytes_out: Set(0),
            bytes_in: Set(0),
            exit_code: Set(None),
            success: Set(None),
            legal_hold: Set(false),
            added_at: Set(time),
            updated_at: Set(time),
            closed_at: Set(None),
            close_reason: Set(None),
            purged_at: Set(None),
        }
        .insert(self.0.connection)
        .await?)
    }

    /// Notes the size of an open terminal.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn resize(&self, id: WebshSessionId, rows: u16, cols: u16) -> Result<(), StoreError> {
        let active = websh_session::ActiveModel {
            rows: Set(i64::from(rows)),
            cols: Set(i64::from(cols)),
            updated_at: Set(now()),
            ..Default::default()
        };
        self.change(id, active).await.map(drop)
    }

    /// Notes what went through an open terminal.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn count(&self, id: WebshSessionId, totals: WebshTotals) -> Result<(), StoreError> {
        let active = websh_session::ActiveModel {
            bytes_out: Set(totals.bytes_out),
            bytes_in: Set(totals.bytes_in),
            updated_at: Set(now()),
            ..Default::default()
        };
        self.change(id, active).await.map(drop)
    }

    /// Closes a session. False: it was closed already.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn close(
        &self,
        id: WebshSessionId,
        totals: WebshTotals,
        end: WebshEnd<'_>,
    ) -> Result<bool, StoreError> {
        let time = now();
        let active = websh_session::ActiveModel {
            bytes_out: Set(totals.bytes_out),
            bytes_in: Set(totals.bytes_in),
            exit_code: Set(end.exit_code),
            success: Set(Some(end.success)),
            close_reason: Set(Some(end.reason.to_owned())),
            updated_at: Set(time),
            closed_at: Set(Some(time)),
            ..Default::default()
        };
        self.change(id, active).await
    }

    async fn change(
        &self,
        id: WebshSessionId,
        active: websh_session::ActiveModel,
    ) -> Result<bool, StoreError> {
        use websh_session::Column;
        Ok(websh_session::Entity::update_many()
            .set(active)
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::Id.eq(id.0))
            .filter(Column::ClosedAt.is_null())
            .exec(self.0.connection)
            .await?
            .rows_affected
            > 0)
    }

    /// Gives leave to join.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn share(&self, new: NewShare) -> Result<websh_share::Model, StoreError> {
        Ok(websh_share::ActiveModel {
            id: Set(new.id.0),
            workspace_id: Set(self.0.workspace.0),
            session_id: Set(new.session.0),
            created_by: Set(new.created_by.map(|id| id.0)),
            read_only: Set(new.read_only),
            password_hash: Set(new.password_hash),
            attempts_left: Set(new.attempts),
            added_at: Set(now()),
            expires_at: Set(new.expires_at),
        }
        .insert(self.0.connection)
        .await?)
    }

    /// Leave to join, by the channel it is for.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn find_share(
        &self,
        id: WebshChannelId,
    ) -> Result<Option<websh_share::Model>, StoreError> {
        Ok(websh_share::Entity::find_by_id(id.0)
            .filter(websh_share::Column::WorkspaceId.eq(self.0.workspace.0))
            .one(self.0.connection)
            .await?)
    }

    /// Uses one attempt at a password up, before it is looked at. False: none is left.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn use_attempt(&self, id: WebshChannelId) -> Result<bool, StoreError> {
        self.attempts(id, -1).await
    }

    /// Gives an attempt back: the password was right.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn give_attempt_back(&self, id: WebshChannelId) -> Result<bool, StoreError> {
        self.attempts(id, 1).await
    }

    async fn attempts(&self, id: WebshChannelId, change: i64) -> Result<bool, StoreError> {
        use websh_share::Column;
        let left = Expr::col(Column::AttemptsLeft).add(change);
        Ok(websh_share::Entity::update_many()
            .col_expr(Column::AttemptsLeft, left)
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::Id.eq(id.0))
            .filter(Column::AttemptsLeft.gt(if change < 0 { 0 } else { -1 }))
            .exec(self.0.connection)
            .await?
            .rows_affected
            > 0)
    }

    /// Stores a finished piece of a recording, and its text.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn store_chunk(
        &self,
        session: WebshSessionId,
        work_session: Option<WorkSessionId>,
        chunk: NewChunk,
        records: Vec<NewRecord>,
    ) -> Result<(), StoreError> {
        websh_chunk::ActiveModel {
            id: Set(Uuid::now_v7()),
            workspace_id: Set(self.0.workspace.0),
            session_id: Set(session.0),
            seq: Set(chunk.seq),
            size: Set(chunk.size),
            shown: Set(chunk.shown),
            sha256: Set(chunk.sha256),
            added_at: Set(now()),
        }
        .insert(self.0.connection)
        .await?;
        self.store_records(session, work_session, records).await
    }

    /// Stores the text of a recording.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn store_records(
        &self,
        session: WebshSessionId,
        work_session: Option<WorkSessionId>,
        records: Vec<NewRecord>,
    ) -> Result<(), StoreError> {
        let rows: Vec<_> = records
            .into_iter()
            .map(|record| websh_record::ActiveModel {
                id: NotSet,
                workspace_id: Set(self.0.workspace.0),
                session_id: Set(session.0),
                work_session_id: Set(work_session.map(|id| id.0)),
                added_at: Set(record.added_at),
                record: Set(record.record),
            })
            .collect();
        for batch in rows.chunks(BATCH) {
            websh_record::Entity::insert_many(batch.to_vec())
                .exec_without_returning(self.0.connection)
                .await?;
        }
        Ok(())
    }

    /// The pieces of a recording, in order.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn chunks(
        &self,
        session: WebshSessionId,
    ) -> Result<Vec<websh_chunk::Model>, StoreError> {
        use websh_chunk::Column;
        Ok(websh_chunk::Entity::find()
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::SessionId.eq(session.0))
            .order_by_asc(Column::Seq)
            .all(self.0.connection)
            .await?)
    }

    /// Text of recordings, newest first, before `before`; only what contains `text`.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn records(
        &self,
        scope: &RecordScope,
        text: Option<&str>,
        before: Option<i64>,
        limit: u64,
    ) -> Result<Vec<websh_record::Model>, StoreError> {
        use websh_record::Column;
        let mut query = websh_record::Entity::find()
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .order_by_desc(Column::Id)
            .limit(limit);
        match scope {
            RecordScope::Session(session) => {
                query = query.filter(Column::SessionId.eq(session.0));
            }
            RecordScope::User(user) => {
                let own = sea_orm::sea_query::Query::select()
                    .column(websh_session::Column::Id)
                    .from(websh_session::Entity)
                    .and_where(websh_session::Column::WorkspaceId.eq(self.0.workspace.0))
                    .and_where(websh_session::Column::RequestedBy.eq(user.0))
                    .to_owned();
                query = query.filter(Column::SessionId.in_subquery(own));
            }
            RecordScope::Everything => {}
        }
        if let Some(before) = before {
            query = query.filter(Column::Id.lt(before));
        }
        if let Some(text) = text {
            let wanted = LikeExpr::new(format!("%{}%", escaped(&text.to_lowercase()))).escape('\\');
            let lower = sea_orm::sea_query::Func::lower(Expr::col(Column::Record));
            query = query.filter(Expr::expr(lower).like(wanted));
        }
        Ok(query.all(self.0.connection).await?)
    }

    /// The text of a whole recording in order, at most `limit` pieces.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn transcript(
        &self,
        session: WebshSessionId,
        limit: u64,
    ) -> Result<Vec<websh_record::Model>, StoreError> {
        use websh_record::Column;
        Ok(websh_record::Entity::find()
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::SessionId.eq(session.0))
            .order_by_asc(Column::Id)
            .limit(limit)
            .all(self.0.connection)
            .await?)
    }

    /// Keeps a recording whatever its age, or not any more.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn hold(&self, id: WebshSessionId, hold: bool) -> Result<bool, StoreError> {
        use websh_session::Column;
        Ok(websh_session::Entity::update_many()
            .set(websh_session::ActiveModel {
                legal_hold: Set(hold),
                updated_at: Set(now()),
                ..Default::default()
            })
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::Id.eq(id.0))
            .exec(self.0.connection)
            .await?
            .rows_affected
            > 0)
    }

    /// Sessions that ended before `time` and whose recordings are neither held nor
    /// removed yet.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn outlived(
        &self,
        time: DateTime<Utc>,
        limit: u64,
    ) -> Result<Vec<websh_session::Model>, StoreError> {
        use websh_session::Column;
        Ok(websh_session::Entity::find()
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::ClosedAt.lt(time))
            .filter(Column::LegalHold.eq(false))
            .filter(Column::PurgedAt.is_null())
            .limit(limit)
            .all(self.0.connection)
            .await?)
    }

    /// Removes what the database holds of a recording; its hashes stay. False: it is
    /// held.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn purge(&self, id: WebshSessionId) -> Result<bool, StoreError> {
        use websh_session::Column;
        let purged = websh_session::Entity::update_many()
            .set(websh_session::ActiveModel {
                purged_at: Set(Some(now())),
                ..Default::default()
            })
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::Id.eq(id.0))
            .filter(Column::LegalHold.eq(false))
            .exec(self.0.connection)
            .await?
            .rows_affected
            > 0;
        if purged {
            websh_record::Entity::delete_many()
                .filter(websh_record::Column::WorkspaceId.eq(self.0.workspace.0))
                .filter(websh_record::Column::SessionId.eq(id.0))
                .exec(self.0.connection)
                .await?;
        }
        Ok(purged)
    }
}

/// Text that stands for itself in a LIKE pattern.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if matches!(character, '\\' | '%' | '_') {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}
