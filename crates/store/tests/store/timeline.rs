//! The timeline over several tables.

use protocol::command::{SHELL_INTERNAL, SHELL_SYSTEM, Status};
use protocol::id::{ServerId, WorkSessionId, WorkspaceId};
use serde_json::json;
use store::Paging;
use store::commands::NewCommand;
use store::sudo::NewSudoGrant;
use store::timeline::Kind;

use crate::databases::{self, Fresh};
use crate::tenancy;

async fn command(fresh: &Fresh, session: WorkSessionId, shell: &'static str) {
    let unit = fresh.store.begin(fresh.workspace).await.unwrap();
    let new = NewCommand {
        server: ServerId::new(),
        requested_by: None,
        token: None,
        login: None,
        work_session: Some(session),
        shell,
        line: "true".to_owned(),
        argv: None,
        sealed_env: None,
        data: String::new(),
        username: "root".to_owned(),
        groupname: "root".to_owned(),
        status: Status::Queued,
        verdict: json!({}),
        guard: None,
        run_after: vec![],
        scheduled_at: None,
    };
    unit.tenant().commands().create(new).await.unwrap();
    unit.commit().await.unwrap();
}

async fn grant(fresh: &Fresh, server: ServerId, session: WorkSessionId, request: &str) -> bool {
    let unit = fresh.store.begin(fresh.workspace).await.unwrap();
    let new = NewSudoGrant {
        server,
        request_id: request.to_owned(),
        command_id: None,
        work_session: Some(session),
        user: None,
        username: "kim".to_owned(),
        run_as: "root".to_owned(),
        command: "/usr/bin/id".to_owned(),
        grant_type: "policy",
        approved: true,
        error_code: None,
        reason: String::new(),
    };
    let added = unit.tenant().sudo().add(new).await.unwrap();
    unit.commit().await.unwrap();
    added.is_some()
}

#[tokio::test]
async fn entries_of_all_tables_come_newest_first() {
    for fresh in databases::all().await {
        let owner = tenancy::user(&fresh, fresh.workspace, "jane").await;
        let server = tenancy::server(&fresh, fresh.workspace, owner).await;
        let session = WorkSessionId::new();
        command(&fresh, session, SHELL_SYSTEM).await;
        command(&fresh, session, SHELL_INTERNAL).await;
        command(&fresh, WorkSessionId::new(), SHELL_SYSTEM).await;
        assert!(grant(&fresh, server, session, "a").await);
        assert!(!grant(&fresh, server, session, "a").await, "decided once");
        command(&fresh, session, SHELL_SYSTEM).await;

        let tenant = fresh.store.tenant(fresh.workspace);
        let kinds = |page, size| async move {
            let paging = Paging { page, size };
            let (entries, count) = tenant.timeline().page(session, paging).await.unwrap();
            let kinds: Vec<Kind> = entries.iter().map(|entry| entry.kind).collect();
            (kinds, count)
        };
        let all = [Kind::Command, Kind::SudoGrant, Kind::Command];
        assert_eq!(kinds(1, 10).await, (all.to_vec(), 3));
        assert_eq!(kinds(1, 2).await, (all[..2].to_vec(), 3));
        assert_eq!(kinds(2, 2).await, (all[2..].to_vec(), 3));
        assert_eq!(kinds(3, 2).await, (vec![], 3));

        let elsewhere = fresh.store.tenant(WorkspaceId::new());
        let found = elsewhere.timeline().page(session, Paging::default()).await;
        assert_eq!(found.unwrap(), (vec![], 0));
    }
}
