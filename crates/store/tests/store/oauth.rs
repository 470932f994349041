//! Codes and refresh tokens are good once, in their workspace only.

use chrono::TimeDelta;
use protocol::id::{LoginId, WorkspaceId};
use serde_json::json;
use store::identity::NewLogin;
use store::now;
use store::oauth::{NewAuthorizationCode, NewDeviceCode, NewSigningKey};

use crate::databases;
use crate::tenancy::user;

#[tokio::test]
async fn codes_are_used_once() {
    for fresh in databases::all().await {
        let jane = user(&fresh, fresh.workspace, "jane").await;
        let unit = fresh.store.begin(fresh.workspace).await.unwrap();
        let oauth = || unit.tenant().oauth();
        let new = NewDeviceCode {
            code_hash: "c".to_owned(),
            user_code: "BCDFGHJK".to_owned(),
            expires_at: Some(now() + TimeDelta::minutes(1)),
            ..NewDeviceCode::default()
        };
        let code = oauth().create_device_code(new).await.unwrap();
        assert!(!oauth().use_device_code(code.id).await.unwrap(), "pending");
        for (approved, first) in [(true, true), (false, false)] {
            let decided = oauth()
                .decide_device_code(code.id, jane, approved, json!({}))
                .await
                .unwrap();
            assert_eq!(decided, first, "a decision stands");
        }
        assert!(
            oauth()
                .pending_device_code("BCDFGHJK")
                .await
                .unwrap()
                .is_none()
        );
        assert!(oauth().use_device_code(code.id).await.unwrap());
        assert!(!oauth().use_device_code(code.id).await.unwrap());

        let new = NewAuthorizationCode {
            user: jane,
            code_hash: "a".to_owned(),
            client: String::new(),
            redirect_uri: String::new(),
            scope: String::new(),
            nonce: String::new(),
            challenge: String::new(),
            factors: json!({}),
            remote_ip: String::new(),
            user_agent: String::new(),
            expires_at: now(),
        };
        let code = oauth().create_authorization_code(new).await.unwrap();
        assert!(oauth().use_authorization_code(code.id, None).await.unwrap());
        assert!(!oauth().use_authorization_code(code.id, None).await.unwrap());
        oauth().drop_codes_of(jane).await.unwrap();
        assert!(oauth().device_code("c").await.unwrap().is_none());
        assert!(oauth().authorization_code("a").await.unwrap().is_none());
    }
}

#[tokio::test]
async fn a_rotated_refresh_token_is_spent() {
    for fresh in databases::all().await {
        let jane = user(&fresh, fresh.workspace, "jane").await;
        let there = fresh
            .store
            .create_workspace("two", "two.test", json!({}), &fresh.key)
            .await
            .unwrap();
        let unit = fresh.store.begin(fresh.workspace).await.unwrap();
        let end = now() + TimeDelta::hours(1);
        let new = NewLogin::new(jane, "oauth", "one".to_owned(), end);
        let login = unit.tenant().identity().create_login(new).await.unwrap();
        let id = LoginId(login.id);
        let oauth = || unit.tenant().oauth();
        assert!(
            oauth()
                .rotate_refresh_token(id, "one", "two")
                .await
                .unwrap()
        );
        assert!(
            !oauth()
                .rotate_refresh_token(id, "one", "three")
                .await
                .unwrap()
        );
        assert_eq!(oauth().login_of_spent_token("one").await.unwrap(), Some(id));
        assert_eq!(oauth().login_of_spent_token("two").await.unwrap(), None);
        let jti = uuid::Uuid::now_v7();
        for _ in 0..2 {
            oauth().revoke_access_token(jti, id, end).await.unwrap();
        }
        unit.commit().await.unwrap();

        let elsewhere = fresh.store.tenant(WorkspaceId(there.id));
        assert_eq!(
            elsewhere.oauth().login_of_spent_token("one").await.unwrap(),
            None
        );
        assert!(!elsewhere.oauth().is_revoked(jti).await.unwrap());
        assert!(elsewhere.identity().login(id).await.unwrap().is_none());
        assert!(
            elsewhere
                .identity()
                .login_by_hash("oauth", "two")
                .await
                .unwrap()
                .is_none()
        );
        let here = fresh.store.tenant(fresh.workspace);
        assert!(here.oauth().is_revoked(jti).await.unwrap());
        assert!(
            here.identity()
                .login_by_hash("password", "two")
                .await
                .unwrap()
                .is_none()
        );
    }
}

#[tokio::test]
async fn only_the_newest_key_keeps_its_private_half() {
    for fresh in databases::all().await {
        for _ in 0..3 {
            let new = NewSigningKey {
                id: uuid::Uuid::now_v7(),
                algorithm: "ES256".to_owned(),
                public_key: json!({}),
                private_key: vec![1],
            };
            fresh.store.add_signing_key(new).await.unwrap();
        }
        let keys = fresh.store.signing_keys().await.unwrap();
        let signs: Vec<bool> = keys.iter().map(|key| key.private_key.is_some()).collect();
        assert_eq!(signs, [true, false, false]);
        let later = now() + TimeDelta::hours(1);
        assert_eq!(fresh.store.delete_signing_keys(later).await.unwrap(), 2);
    }
}
