//! Marks, groups, inventories and reports of servers.

use protocol::id::{GroupId, ServerId, TokenId};
use serde_json::json;
use store::acl::AclKind;
use store::fleet::NewRegistrationToken;
use store::history::NewAccessEvent;
use store::identity::NewToken;
use store::{Paging, StoreError, now};
use uuid::Uuid;

use crate::databases::{self, Fresh};
use crate::tenancy;

async fn server(fresh: &Fresh) -> (protocol::id::UserId, ServerId) {
    let owner = tenancy::user(fresh, fresh.workspace, "alice").await;
    (owner, tenancy::server(fresh, fresh.workspace, owner).await)
}

#[tokio::test]
async fn a_mark_belongs_to_one_user_and_can_be_repeated() {
    for fresh in databases::all().await {
        let (alice, server) = server(&fresh).await;
        let bob = tenancy::user(&fresh, fresh.workspace, "bob").await;
        let starred = async |user| {
            let fleet = fresh.store.tenant(fresh.workspace).fleet();
            !fleet.starred(user, [server.0]).await.unwrap().is_empty()
        };
        for (mark, seen) in [(true, true), (true, true), (false, false), (false, false)] {
            let unit = fresh.store.begin(fresh.workspace).await.unwrap();
            let fleet = unit.tenant().fleet();
            fleet.set_starred(alice, server, mark).await.unwrap();
            unit.commit().await.unwrap();
            assert_eq!(starred(alice).await, seen);
            assert!(!starred(bob).await);
        }
    }
}

#[tokio::test]
async fn a_repeated_login_is_told_from_a_new_one() {
    for fresh in databases::all().await {
        let (_, server) = server(&fresh).await;
        let event = |event_id| NewAccessEvent {
            event_id,
            username: "root".to_owned(),
            service: "sshd".to_owned(),
            rhost: String::new(),
            tty: String::new(),
            pid: 1,
            ppid: 0,
            timestamp: now(),
        };
        let first = Uuid::now_v7();
        let unit = fresh.store.begin(fresh.workspace).await.unwrap();
        let history = unit.tenant().history();
        let mut is_new = Vec::new();
        for id in [first, first, Uuid::now_v7()] {
            is_new.push(history.add_access_event(server, event(id)).await.unwrap());
        }
        unit.commit().await.unwrap();
        assert_eq!(is_new, [true, false, true]);
    }
}

#[tokio::test]
async fn replacing_a_category_touches_nothing_else() {
    for fresh in databases::all().await {
        let (_, server) = server(&fresh).await;
        let unit = fresh.store.begin(fresh.workspace).await.unwrap();
        let inventory = unit.tenant().inventory(server);
        let row = |key: &str| (key.to_owned(), json!({"name": key}));
        inventory
            .replace("disks", [row("sda"), row("sdb")])
            .await
            .unwrap();
        inventory
            .replace("partitions", [row("sda1")])
            .await
            .unwrap();
        // The same key twice in one body: the later one stands.
        let again = ("sdc".to_owned(), json!({"name": "sdc", "label": "x"}));
        inventory
            .replace("disks", [row("sdc"), again])
            .await
            .unwrap();
        // More than one statement takes.
        let many = (0..1203).map(|n| row(&format!("u{n}")));
        inventory.replace("users", many).await.unwrap();
        unit.commit().await.unwrap();

        let inventory = fresh.store.tenant(fresh.workspace).inventory(server);
        assert_eq!(inventory.rows("users").await.unwrap().len(), 1203);
        let disks = inventory.rows("disks").await.unwrap();
        assert_eq!(disks.len(), 1);
        assert_eq!(disks[0].data, json!({"name": "sdc", "label": "x"}));
        assert_eq!(inventory.rows("partitions").await.unwrap().len(), 1);
    }
}

#[tokio::test]
async fn groups_that_do_not_exist_are_left_out() {
    for fresh in databases::all().await {
        let identity = fresh.store.tenant(fresh.workspace).identity();
        let found = identity.existing_groups([GroupId::new()]).await.unwrap();
        assert!(found.is_empty());
    }
}

#[tokio::test]
async fn registration_tokens_have_their_names_to_themselves() {
    for fresh in databases::all().await {
        let new = |key: &str| NewRegistrationToken {
            name: "fleet".to_owned(),
            key_hash: key.to_owned(),
            allowed_groups: vec![],
            created_by: None,
            expires_at: None,
        };
        let unit = fresh.store.begin(fresh.workspace).await.unwrap();
        unit.tenant()
            .fleet()
            .create_registration_token(new("a"))
            .await
            .unwrap();
        unit.commit().await.unwrap();
        let unit = fresh.store.begin(fresh.workspace).await.unwrap();
        let again = unit
            .tenant()
            .fleet()
            .create_registration_token(new("b"))
            .await;
        assert!(matches!(again, Err(StoreError::Conflict(_))), "{again:?}");
    }
}

#[tokio::test]
async fn a_copied_token_has_the_rules_and_each_goes_alone() {
    for fresh in databases::all().await {
        let (owner, server) = server(&fresh).await;
        let unit = fresh.store.begin(fresh.workspace).await.unwrap();
        let new = |name: &str| NewToken {
            user: owner,
            name: name.to_owned(),
            key_hash: name.to_owned(),
            scopes: vec![],
            expires_at: None,
        };
        let identity = unit.tenant().identity();
        let from = TokenId(identity.create_token(new("from")).await.unwrap().id);
        let to = TokenId(identity.create_token(new("to")).await.unwrap().id);
        let acl = unit.tenant().acl();
        let command = acl.add_command(from, "uptime", "", "").await.unwrap();
        acl.add_server(from, Some(server)).await.unwrap();
        acl.add_file(from, "/tmp/*", "upload", "root", "")
            .await
            .unwrap();
        acl.copy(from, to).await.unwrap();
        acl.delete(AclKind::Command, command.id.into())
            .await
            .unwrap();
        unit.commit().await.unwrap();

        let acl = fresh.store.tenant(fresh.workspace).acl();
        let kinds = [AclKind::Command, AclKind::Server, AclKind::File];
        for (kind, left) in kinds.into_iter().zip([0, 1, 1]) {
            assert_eq!(acl.count(kind, from).await.unwrap(), left);
            assert_eq!(acl.count(kind, to).await.unwrap(), 1);
        }
        assert_eq!(acl.named_servers(to, &[server]).await.unwrap(), [server]);
        let (files, count) = acl.file_page(to, Paging::default()).await.unwrap();
        assert_eq!((count, files[0].username.as_str()), (1, "root"));
        let id = files[0].id.into();
        assert_eq!(acl.token_of(AclKind::File, id).await.unwrap(), Some(to));
        assert_eq!(acl.token_of(AclKind::Server, id).await.unwrap(), None);
    }
}
