//! What belongs to one workspace is invisible from another.

use chrono::TimeDelta;
use protocol::id::{ServerId, UserId, WorkSessionId, WorkspaceId};
use protocol::work_session::Status;
use serde_json::json;
use store::fleet::NewServer;
use store::identity::{NewToken, NewUser};
use store::work_sessions::{NewWorkSession, Rules, SessionChange, SessionFilter};
use store::{Paging, StoreError, Viewer, now};

use crate::databases::{self, Fresh};

pub(crate) async fn user(fresh: &Fresh, workspace: WorkspaceId, name: &str) -> UserId {
    let unit = fresh.store.begin(workspace).await.unwrap();
    let user = unit
        .tenant()
        .identity()
        .create_user(NewUser {
            username: name.to_owned(),
            ..NewUser::default()
        })
        .await
        .unwrap();
    unit.commit().await.unwrap();
    UserId(user.id)
}

pub(crate) async fn server(fresh: &Fresh, workspace: WorkspaceId, owner: UserId) -> ServerId {
    let unit = fresh.store.begin(workspace).await.unwrap();
    let server = unit
        .tenant()
        .fleet()
        .create(NewServer {
            name: "web".to_owned(),
            platform: "debian".to_owned(),
            key_hash: "k".to_owned(),
            extensions: vec![],
            tags: Default::default(),
            owner: Some(owner),
            remote_ip: String::new(),
            groups: vec![],
        })
        .await
        .unwrap();
    unit.commit().await.unwrap();
    ServerId(server.id)
}

#[tokio::test]
async fn rows_of_another_workspace_do_not_exist() {
    for fresh in databases::all().await {
        let here = fresh.workspace;
        let there = fresh
            .store
            .create_workspace("two", "two.test", json!({}), &fresh.key)
            .await;
        let there = WorkspaceId(there.unwrap().id);
        let owner = user(&fresh, here, "jane").await;
        let web = server(&fresh, here, owner).await;
        let unit = fresh.store.begin(here).await.unwrap();
        let session = unit
            .tenant()
            .work_sessions()
            .create(session_of(owner, web, Status::Active))
            .await
            .unwrap();
        unit.tenant()
            .identity()
            .create_token(NewToken {
                user: owner,
                name: "t".to_owned(),
                key_hash: "hash".to_owned(),
                scopes: vec![],
                expires_at: None,
            })
            .await
            .unwrap();
        unit.commit().await.unwrap();

        for (workspace, visible) in [(here, true), (there, false)] {
            let tenant = fresh.store.tenant(workspace);
            assert_eq!(
                tenant.identity().user(owner).await.unwrap().is_some(),
                visible
            );
            assert_eq!(
                tenant
                    .identity()
                    .user_by_name("jane")
                    .await
                    .unwrap()
                    .is_some(),
                visible
            );
            assert_eq!(
                tenant
                    .identity()
                    .token_by_hash("hash")
                    .await
                    .unwrap()
                    .is_some(),
                visible
            );
            let found = tenant.fleet().find(Viewer::Everything, web).await.unwrap();
            assert_eq!(found.is_some(), visible);
            let id = WorkSessionId(session.id);
            assert_eq!(
                tenant.work_sessions().find(id).await.unwrap().is_some(),
                visible
            );
            let all = SessionFilter::default();
            let (_, count) = tenant
                .work_sessions()
                .list(&all, Paging::default())
                .await
                .unwrap();
            assert_eq!(count, u64::from(visible));
        }
        // Deleting from the other side changes nothing here.
        let unit = fresh.store.begin(there).await.unwrap();
        unit.tenant().fleet().delete(web).await.unwrap();
        unit.commit().await.unwrap();
        let found = fresh
            .store
            .tenant(here)
            .fleet()
            .find(Viewer::Everything, web)
            .await
            .unwrap();
        assert!(found.is_some());
    }
}

#[tokio::test]
async fn members_see_their_own_servers_only() {
    for fresh in databases::all().await {
        let owner = user(&fresh, fresh.workspace, "jane").await;
        let stranger = user(&fresh, fresh.workspace, "joe").await;
        let web = server(&fresh, fresh.workspace, owner).await;
        let fleet = || fresh.store.tenant(fresh.workspace).fleet();
        assert!(
            fleet()
                .find(Viewer::Member(owner), web)
                .await
                .unwrap()
                .is_some()
        );
        assert!(
            fleet()
                .find(Viewer::Member(stranger), web)
                .await
                .unwrap()
                .is_none()
        );
        let (_, count) = fleet()
            .list(Viewer::Member(stranger), None, Paging::default())
            .await
            .unwrap();
        assert_eq!(count, 0);
    }
}

#[tokio::test]
async fn of_two_transitions_at_once_one_wins() {
    for fresh in databases::all().await {
        let owner = user(&fresh, fresh.workspace, "jane").await;
        let web = server(&fresh, fresh.workspace, owner).await;
        let unit = fresh.store.begin(fresh.workspace).await.unwrap();
        let sessions = unit.tenant().work_sessions();
        let row = sessions
            .create(session_of(owner, web, Status::Active))
            .await
            .unwrap();
        let to = |status| SessionChange {
            status: Some(status),
            ..SessionChange::default()
        };
        sessions.change(&row, to(Status::Revoked)).await.unwrap();
        let second = sessions.change(&row, to(Status::Completed)).await;
        assert!(matches!(second, Err(StoreError::Stale)));
        unit.commit().await.unwrap();
    }
}

#[tokio::test]
async fn due_sessions_are_found_by_the_clock() {
    for fresh in databases::all().await {
        let owner = user(&fresh, fresh.workspace, "jane").await;
        let web = server(&fresh, fresh.workspace, owner).await;
        let unit = fresh.store.begin(fresh.workspace).await.unwrap();
        let sessions = unit.tenant().work_sessions();
        let time = now();
        let mut scheduled = session_of(owner, web, Status::Approved);
        scheduled.starts_at = Some(time + TimeDelta::minutes(1));
        let scheduled = sessions.create(scheduled).await.unwrap();
        let active = sessions
            .create(session_of(owner, web, Status::Active))
            .await
            .unwrap();
        let due = async |at| {
            let mut ids: Vec<_> = sessions
                .due(at)
                .await
                .unwrap()
                .into_iter()
                .map(|row| row.id)
                .collect();
            ids.sort_unstable();
            ids
        };
        assert!(due(time).await.is_empty());
        assert_eq!(due(time + TimeDelta::minutes(2)).await, vec![scheduled.id]);
        assert_eq!(
            due(time + TimeDelta::hours(2)).await,
            vec![scheduled.id, active.id]
        );
    }
}

fn session_of(owner: UserId, server: ServerId, status: Status) -> NewWorkSession {
    NewWorkSession {
        title: String::new(),
        description: "d".to_owned(),
        status,
        status_detail: None,
        requester_type: "user".to_owned(),
        scopes: vec!["command".to_owned()],
        servers: vec![server.0],
        sudo_policies: vec![],
        rules: Rules::default(),
        created_by: Some(owner),
        assigned_user: Some(owner),
        approval_request: None,
        starts_at: None,
        expires_at: now() + TimeDelta::hours(1),
    }
}
