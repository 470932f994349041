//! Service tokens, and what is issued from them to jobs.

use std::time::Duration;

use protocol::id::{ApplicationId, TokenId};
use store::Unit;
use store::applications::{NewApplication, NewServiceToken};

use crate::databases;

async fn token(
    unit: &Unit,
    application: ApplicationId,
    name: &str,
    from: Option<TokenId>,
) -> TokenId {
    let new = NewServiceToken {
        application,
        name: name.to_owned(),
        key_hash: name.to_owned(),
        scopes: vec!["*".to_owned()],
        expires_at: None,
        issued_from: from,
    };
    let row = unit.tenant().applications().create_token(new).await;
    TokenId(row.unwrap().id)
}

/// Whoever narrows a token while a job is being let in must not miss what it gets.
#[tokio::test]
async fn what_is_being_issued_ends_with_what_it_comes_from() {
    for fresh in databases::all().await {
        let unit = fresh.store.begin(fresh.workspace).await.unwrap();
        let new = NewApplication {
            name: "ci".to_owned(),
            ..NewApplication::default()
        };
        let row = unit.tenant().applications().create(new).await.unwrap();
        let application = ApplicationId(row.id);
        let parent = token(&unit, application, "deploy", None).await;
        unit.commit().await.unwrap();

        let issuing = fresh.store.begin(fresh.workspace).await.unwrap();
        let held = issuing.tenant().applications().hold_token(parent).await;
        assert!(held.unwrap().is_some());
        let job = token(&issuing, application, "job", Some(parent)).await;
        let (store, workspace) = (fresh.store.clone(), fresh.workspace);
        let ending = tokio::spawn(async move {
            let unit = store.begin(workspace).await.unwrap();
            let applications = unit.tenant().applications();
            let ended = applications.delete_issued(parent).await.unwrap();
            unit.commit().await.unwrap();
            ended
        });
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert!(!ending.is_finished(), "it does not wait");
        issuing.commit().await.unwrap();
        assert_eq!(ending.await.unwrap(), [job]);

        let applications = fresh.store.tenant(fresh.workspace).applications();
        assert_eq!(applications.token_ids(application).await.unwrap(), [parent]);
    }
}
