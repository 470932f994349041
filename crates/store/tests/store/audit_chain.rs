//! The audit chain finds what was done to it behind its back.

use serde_json::json;
use store::audit::{Actor, AuditRecord, VerifyError};

use crate::databases::{self, Fresh};

fn record(text: &str) -> AuditRecord {
    AuditRecord {
        actor: Actor {
            kind: "user",
            id: None,
            name: "jane".to_owned(),
        },
        ip: "192.0.2.1".to_owned(),
        app: "command",
        model: "command",
        object_id: None,
        action: "create",
        status_code: 201,
        description: text.to_owned(),
        data: json!({"line": text}),
    }
}

async fn append(fresh: &Fresh, text: &str) {
    let unit = fresh.store.begin(fresh.workspace).await.unwrap();
    unit.audit(record(text)).await.unwrap();
    unit.commit().await.unwrap();
}

async fn verify(fresh: &Fresh, kept: Vec<chain::Head>) -> Result<u64, VerifyError> {
    let key = fresh.key.public().unwrap();
    let verified = fresh
        .store
        .verify_audit(fresh.workspace, "one", &key, kept)
        .await?;
    Ok(verified.entries)
}

/// Each database with five records, tampered with by `sql`.
async fn tampered(sql: &'static [&'static str]) {
    for fresh in databases::all().await {
        for number in 1..=5 {
            append(&fresh, &format!("record {number}")).await;
        }
        assert_eq!(verify(&fresh, vec![]).await.unwrap(), 5);
        for statement in sql {
            fresh.execute(statement).await;
        }
        let outcome = verify(&fresh, vec![]).await;
        assert!(
            outcome.is_err(),
            "{}: {sql:?} was not found",
            fresh.store.kind()
        );
    }
}

#[tokio::test]
async fn every_column_is_covered() {
    for statement in [
        "UPDATE audit_records SET actor_name = 'joan' WHERE seq = 3",
        "UPDATE audit_records SET actor_kind = 'usep' WHERE seq = 3",
        "UPDATE audit_records SET ip = '192.0.2.2' WHERE seq = 3",
        "UPDATE audit_records SET app = 'commane' WHERE seq = 3",
        "UPDATE audit_records SET model = 'commane' WHERE seq = 3",
        "UPDATE audit_records SET action = 'creatd' WHERE seq = 3",
        "UPDATE audit_records SET status_code = 200 WHERE seq = 3",
        "UPDATE audit_records SET description = 'record 2' WHERE seq = 3",
        "UPDATE audit_records SET data = '{}' WHERE seq = 3",
        "UPDATE audit_records SET id = (SELECT id FROM audit_records WHERE seq = 2) WHERE seq = 3",
        "UPDATE audit_records SET actor_id = id WHERE seq = 3",
        "UPDATE audit_records SET object_id = id WHERE seq = 3",
        "UPDATE audit_records SET time = (SELECT time FROM audit_records WHERE seq = 1) WHERE seq = 3",
        "UPDATE audit_records SET hash = previous_hash WHERE seq = 3",
        "UPDATE audit_records SET previous_hash = hash WHERE seq = 3",
        "UPDATE audit_records SET hash = UPPER(hash) WHERE seq = 3",
    ] {
        tampered(Box::leak(Box::new([statement]))).await;
    }
}

#[tokio::test]
async fn missing_moved_and_cut_records_are_found() {
    tampered(&["DELETE FROM audit_records WHERE seq = 1"]).await;
    tampered(&["DELETE FROM audit_records WHERE seq = 3"]).await;
    tampered(&["DELETE FROM audit_records WHERE seq = 5"]).await;
    tampered(&["DELETE FROM audit_records"]).await;
    tampered(&[
        "UPDATE audit_records SET seq = 100 WHERE seq = 2",
        "UPDATE audit_records SET seq = 2 WHERE seq = 3",
        "UPDATE audit_records SET seq = 3 WHERE seq = 100",
    ])
    .await;
    tampered(&["UPDATE audit_heads SET seq = 4"]).await;
    tampered(&["DELETE FROM audit_heads"]).await;
    // Cutting the end and making the head fit needs the key.
    tampered(&[
        "DELETE FROM audit_records WHERE seq = 5",
        "UPDATE audit_heads SET seq = 4, \
         hash = (SELECT hash FROM audit_records WHERE seq = 4)",
    ])
    .await;
}

#[tokio::test]
async fn a_database_put_back_to_an_older_state_is_found_by_a_kept_head() {
    for fresh in databases::all().await {
        for number in 1..=3 {
            append(&fresh, &format!("record {number}")).await;
        }
        fresh
            .execute("CREATE TABLE old_head AS SELECT * FROM audit_heads")
            .await;
        append(&fresh, "what somebody regrets").await;
        let head = fresh
            .store
            .tenant(fresh.workspace)
            .audit()
            .head()
            .await
            .unwrap()
            .unwrap();
        let kept = chain::Head {
            seq: u64::try_from(head.seq).unwrap(),
            hash: chain::Hash::parse(&head.hash).unwrap(),
            key_id: head.key_id,
            signature: head.signature,
        };
        fresh
            .execute("DELETE FROM audit_records WHERE seq = 4")
            .await;
        fresh.execute("DELETE FROM audit_heads").await;
        fresh
            .execute("INSERT INTO audit_heads SELECT * FROM old_head")
            .await;
        assert_eq!(
            verify(&fresh, vec![]).await.unwrap(),
            3,
            "consistent in itself"
        );
        assert!(verify(&fresh, vec![kept]).await.is_err());
    }
}

#[tokio::test]
async fn appends_of_many_writers_stay_one_chain() {
    for fresh in databases::all().await {
        let writers = (0..8).map(|writer| {
            let store = fresh.store.clone();
            let workspace = fresh.workspace;
            tokio::spawn(async move {
                for number in 0..10 {
                    let unit = store.begin(workspace).await.unwrap();
                    unit.audit(record(&format!("{writer}/{number}")))
                        .await
                        .unwrap();
                    unit.commit().await.unwrap();
                }
            })
        });
        for writer in writers.collect::<Vec<_>>() {
            writer.await.unwrap();
        }
        assert_eq!(
            verify(&fresh, vec![]).await.unwrap(),
            80,
            "{}",
            fresh.store.kind()
        );
    }
}

#[tokio::test]
async fn an_abandoned_unit_leaves_nothing() {
    for fresh in databases::all().await {
        let unit = fresh.store.begin(fresh.workspace).await.unwrap();
        unit.audit(record("never")).await.unwrap();
        drop(unit);
        append(&fresh, "first").await;
        assert_eq!(verify(&fresh, vec![]).await.unwrap(), 1);
    }
}
