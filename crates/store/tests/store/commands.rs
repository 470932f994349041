//! The life of a command in the database: each step once, whatever is repeated.

use protocol::agent::Fin;
use protocol::command::{SHELL_SYSTEM, Status};
use protocol::id::{CommandId, ServerId};
use serde_json::json;
use store::Paging;
use store::commands::NewCommand;

use crate::databases::{self, Fresh};

async fn command(fresh: &Fresh) -> CommandId {
    let unit = fresh.store.begin(fresh.workspace).await.unwrap();
    let row = unit
        .tenant()
        .commands()
        .create(NewCommand {
            server: ServerId::new(),
            requested_by: None,
            token: None,
            login: None,
            work_session: None,
            shell: SHELL_SYSTEM,
            line: "true".to_owned(),
            argv: None,
            sealed_env: Some(vec![1]),
            data: String::new(),
            username: "root".to_owned(),
            groupname: "root".to_owned(),
            status: Status::Queued,
            verdict: json!({}),
            guard: None,
            run_after: vec![],
            scheduled_at: None,
        })
        .await
        .unwrap();
    unit.commit().await.unwrap();
    CommandId(row.id)
}

fn fin(exit_code: i64) -> Fin {
    Fin {
        success: exit_code == 0,
        result: "out\0put".to_owned(),
        elapsed_time: 0.5,
        exit_code,
        chunks: None,
    }
}

#[tokio::test]
async fn each_step_happens_once() {
    for fresh in databases::all().await {
        let id = command(&fresh).await;
        let unit = fresh.store.begin(fresh.workspace).await.unwrap();
        let commands = unit.tenant().commands();
        assert!(commands.deliver(id, None).await.unwrap());
        assert!(
            !commands.deliver(id, None).await.unwrap(),
            "delivered at most once"
        );
        assert!(commands.ack(id).await.unwrap());
        assert!(!commands.ack(id).await.unwrap());
        assert!(commands.add_chunk(id, 0, "a\0b").await.unwrap());
        assert!(!commands.add_chunk(id, 0, "again").await.unwrap());
        assert!(commands.report(id, &fin(3), false).await.unwrap());
        assert!(
            !commands.report(id, &fin(0), false).await.unwrap(),
            "the first end stands"
        );
        assert!(commands.finish(id, false).await.unwrap());
        assert!(!commands.finish(id, true).await.unwrap());
        assert!(!commands.end(id, Status::Stuck, None, None).await.unwrap());
        assert!(
            commands.add_chunk(id, 1, "late").await.unwrap(),
            "output is kept after the end"
        );

        let row = commands.find(id).await.unwrap().unwrap();
        assert_eq!(row.status, Status::Failed.as_str());
        assert_eq!((row.exit_code, row.success), (Some(3), Some(false)));
        assert_eq!(row.result, "out\u{fffd}put", "both databases can hold it");
        assert_eq!(
            row.sealed_env, None,
            "the environment goes once it is delivered"
        );
        let (chunks, count) = commands
            .chunks(id, 0, None, Paging::default())
            .await
            .unwrap();
        assert_eq!(count, 2);
        assert_eq!(chunks[0].content, "a\u{fffd}b");
        assert_eq!(row.output_chars, 7);
    }
}

#[tokio::test]
async fn an_end_with_all_its_output_is_final_at_once() {
    for fresh in databases::all().await {
        let id = command(&fresh).await;
        let unit = fresh.store.begin(fresh.workspace).await.unwrap();
        let commands = unit.tenant().commands();
        commands.deliver(id, None).await.unwrap();
        assert!(commands.report(id, &fin(0), true).await.unwrap());
        assert!(!commands.finish(id, true).await.unwrap());
        let row = commands.find(id).await.unwrap().unwrap();
        assert_eq!(row.status, Status::Completed.as_str());
        assert!(row.acked_at.is_some() && row.finished_at.is_some());
    }
}

#[tokio::test]
async fn a_result_that_comes_after_all_is_taken() {
    for fresh in databases::all().await {
        let id = command(&fresh).await;
        let unit = fresh.store.begin(fresh.workspace).await.unwrap();
        let commands = unit.tenant().commands();
        commands.deliver(id, None).await.unwrap();
        commands.ack(id).await.unwrap();
        assert!(
            commands
                .end(id, Status::Stuck, Some("agent_timeout"), None)
                .await
                .unwrap()
        );
        assert!(commands.report(id, &fin(0), false).await.unwrap());
        assert!(commands.finish(id, true).await.unwrap());
        let row = commands.find(id).await.unwrap().unwrap();
        assert_eq!(row.status, Status::Completed.as_str());
        assert_eq!(row.error_phase, None);
    }
}
