//! Challenges and links of second factors: one at a time, and the latest counts.

use chrono::TimeDelta;
use protocol::id::{LoginId, WorkspaceId};
use store::identity::NewLogin;
use store::{Store, now};
use tokio::task::JoinSet;

use crate::databases;
use crate::tenancy::user;

/// At once, as two tabs of a browser and two commands of a login may be.
const AT_ONCE: u8 = 8;

#[tokio::test]
async fn what_is_asked_at_once_is_replaced_and_not_refused() {
    for fresh in databases::all().await {
        let jane = user(&fresh, fresh.workspace, "jane").await;
        let unit = fresh.store.begin(fresh.workspace).await.unwrap();
        let end = now() + TimeDelta::hours(1);
        let new = NewLogin::new(jane, "oauth", "one".to_owned(), end);
        let login = unit.tenant().identity().create_login(new).await.unwrap();
        unit.commit().await.unwrap();
        let mut tasks = JoinSet::new();
        for number in 0..AT_ONCE {
            let ask = ask(
                fresh.store.clone(),
                fresh.workspace,
                LoginId(login.id),
                number,
            );
            tasks.spawn(ask);
        }
        tasks.join_all().await;

        let unit = fresh.store.begin(fresh.workspace).await.unwrap();
        let mfa = || unit.tenant().mfa();
        assert!(mfa().take_challenge("b", "proof").await.unwrap().is_some());
        assert!(mfa().take_challenge("b", "proof").await.unwrap().is_none());
        let mut links = Vec::new();
        for number in 0..AT_ONCE {
            links.extend(mfa().link(&number.to_string()).await.unwrap());
        }
        assert_eq!(links.len(), 1, "one link counts");
    }
}

async fn ask(store: Store, workspace: WorkspaceId, login: LoginId, number: u8) {
    let unit = store.begin(workspace).await.unwrap();
    let end = now() + TimeDelta::minutes(3);
    let mfa = || unit.tenant().mfa();
    mfa()
        .put_challenge("b", "proof", vec![number], end)
        .await
        .unwrap();
    mfa()
        .create_link(login, number.to_string(), None, "192.0.2.1", end)
        .await
        .unwrap();
    unit.commit().await.unwrap();
}

#[tokio::test]
async fn what_was_replaced_is_void() {
    for fresh in databases::all().await {
        let jane = user(&fresh, fresh.workspace, "jane").await;
        let unit = fresh.store.begin(fresh.workspace).await.unwrap();
        let end = now() + TimeDelta::minutes(3);
        let new = NewLogin::new(jane, "oauth", "one".to_owned(), end);
        let login = unit.tenant().identity().create_login(new).await.unwrap();
        let mfa = || unit.tenant().mfa();
        for (state, purpose) in [(1, "proof"), (2, "totp"), (3, "proof")] {
            mfa()
                .put_challenge("b", purpose, vec![state], end)
                .await
                .unwrap();
        }
        let taken = mfa().take_challenge("b", "proof").await.unwrap();
        assert_eq!(taken, Some(vec![3]));
        let taken = mfa().take_challenge("b", "totp").await.unwrap();
        assert_eq!(taken, Some(vec![2]));

        let mut links = Vec::new();
        for hash in ["first", "second"] {
            mfa()
                .create_link(LoginId(login.id), hash.to_owned(), None, "", end)
                .await
                .unwrap();
            links.push(mfa().link(hash).await.unwrap().unwrap());
        }
        assert!(mfa().link("first").await.unwrap().is_none());
        assert!(!mfa().use_link(&links[0]).await.unwrap());
        assert!(mfa().use_link(&links[1]).await.unwrap());
    }
}
