//! Several workspaces: who is whom across them, and what of one is nothing in another.

use chrono::TimeDelta;
use protocol::id::{InvitationId, LockId, MailId, PasswordResetId, PersonId, UserId, WorkspaceId};
use serde_json::json;
use store::identity::UserChange;
use store::locks::LockKind;
use store::mails::NewMail;
use store::{Paging, StoreError, now};

use crate::databases::{self, Fresh};
use crate::tenancy::user;

async fn second(fresh: &Fresh) -> WorkspaceId {
    let row = fresh
        .store
        .create_workspace("two", "two.test", json!({}), &fresh.key)
        .await;
    WorkspaceId(row.unwrap().id)
}

async fn prove(fresh: &Fresh, workspace: WorkspaceId, user: UserId, email: &str) -> PersonId {
    let unit = fresh.store.begin(workspace).await.unwrap();
    let person = unit.tenant().identity().prove_email(user, email).await;
    unit.commit().await.unwrap();
    person.unwrap()
}

async fn reached(fresh: &Fresh, workspace: WorkspaceId, user: UserId) -> Vec<UserId> {
    let rows = fresh.store.workspaces_of(workspace, user).await.unwrap();
    rows.into_iter().map(|row| row.user).collect()
}

#[tokio::test]
async fn only_a_proven_address_makes_users_one_person() {
    for fresh in databases::all().await {
        let (one, two) = (fresh.workspace, second(&fresh).await);
        let here = user(&fresh, one, "jane").await;
        let there = user(&fresh, two, "jane").await;
        // The same address in both accounts, written by whoever manages them.
        for (workspace, id) in [(one, here), (two, there)] {
            let unit = fresh.store.begin(workspace).await.unwrap();
            let identity = unit.tenant().identity();
            let row = identity.user(id).await.unwrap().unwrap();
            let change = UserChange {
                email: Some("jane@example.com".to_owned()),
                ..UserChange::default()
            };
            identity.change_user(row, change).await.unwrap();
            unit.commit().await.unwrap();
        }
        assert_eq!(reached(&fresh, one, here).await, [here]);

        let first = prove(&fresh, one, here, "Jane@Example.com").await;
        assert_eq!(reached(&fresh, one, here).await, [here]);
        let again = prove(&fresh, two, there, "jane@example.com").await;
        assert_eq!(first, again);
        assert_eq!(reached(&fresh, one, here).await, [here, there]);
        assert_eq!(reached(&fresh, two, there).await, [here, there]);
        // A user of one workspace is nobody in another.
        assert_eq!(reached(&fresh, two, here).await, [here]);

        let other = user(&fresh, two, "other").await;
        prove(&fresh, two, other, "jane@example.com").await;
        assert_eq!(reached(&fresh, one, here).await, [here, other]);
        assert_eq!(reached(&fresh, two, there).await, [there]);
    }
}

#[tokio::test]
async fn nobody_reaches_what_is_disabled_or_where_they_are_inactive() {
    for fresh in databases::all().await {
        let (one, two) = (fresh.workspace, second(&fresh).await);
        let here = user(&fresh, one, "jane").await;
        let there = user(&fresh, two, "jane").await;
        prove(&fresh, one, here, "jane@example.com").await;
        prove(&fresh, two, there, "jane@example.com").await;

        let unit = fresh.store.begin(two).await.unwrap();
        unit.tenant().set_enabled(false).await.unwrap();
        unit.commit().await.unwrap();
        assert_eq!(reached(&fresh, one, here).await, [here]);

        let unit = fresh.store.begin(two).await.unwrap();
        unit.tenant().set_enabled(true).await.unwrap();
        let identity = unit.tenant().identity();
        let row = identity.user(there).await.unwrap().unwrap();
        let change = UserChange {
            is_active: Some(false),
            ..UserChange::default()
        };
        identity.change_user(row, change).await.unwrap();
        unit.commit().await.unwrap();
        assert_eq!(reached(&fresh, one, here).await, [here]);
    }
}

#[tokio::test]
async fn a_host_name_leads_to_one_workspace() {
    for fresh in databases::all().await {
        let two = second(&fresh).await;
        let taken = fresh
            .store
            .create_workspace("three", "two.test", json!({}), &fresh.key)
            .await;
        assert!(matches!(taken, Err(StoreError::Conflict(_))));
        let unit = fresh.store.begin(fresh.workspace).await.unwrap();
        let taken = unit.tenant().set_host("two.test").await;
        assert!(matches!(taken, Err(StoreError::Conflict(_))));
        let taken = unit.tenant().add_host("two.test").await;
        assert!(matches!(taken, Err(StoreError::Conflict(_))));
        for added in [true, false] {
            assert_eq!(unit.tenant().add_host("more.test").await.unwrap(), added);
        }
        unit.commit().await.unwrap();
        let unit = fresh.store.begin(two).await.unwrap();
        for taken in [
            unit.tenant().set_host("more.test").await.err(),
            unit.tenant().add_host("more.test").await.err(),
        ] {
            assert!(matches!(taken, Some(StoreError::Conflict(_))));
        }
        assert!(!unit.tenant().remove_host("more.test").await.unwrap());
        let hosts = fresh.store.workspace_hosts().await.unwrap();
        assert_eq!(hosts.len(), 1);
        assert_eq!(hosts[0].workspace_id, fresh.workspace.0);
    }
}

#[tokio::test]
async fn invitations_resets_locks_and_mails_of_another_workspace_do_not_exist() {
    for fresh in databases::all().await {
        let (here, there) = (fresh.workspace, second(&fresh).await);
        let jane = user(&fresh, here, "jane").await;
        let later = now() + TimeDelta::hours(1);
        let unit = fresh.store.begin(here).await.unwrap();
        let identity = unit.tenant().identity();
        let invited = identity
            .invite("a@example.com", "i".to_owned(), None, later)
            .await
            .unwrap();
        let reset = identity
            .create_password_reset(jane, "r".to_owned(), "", later)
            .await
            .unwrap();
        let locks = unit.tenant().locks();
        let lock = locks.add(LockKind::User, jane.0, "", None).await.unwrap();
        unit.commit().await.unwrap();

        for (workspace, visible) in [(there, false), (here, true)] {
            let unit = fresh.store.begin(workspace).await.unwrap();
            let identity = unit.tenant().identity();
            let invitation = InvitationId(invited.id);
            let found = identity.invitation(invitation).await.unwrap();
            assert_eq!(found.is_some(), visible);
            let found = identity.invitation_by_hash("i").await.unwrap();
            assert_eq!(found.is_some(), visible);
            assert_eq!(identity.take_invitation(invitation).await.unwrap(), visible);
            let found = identity.password_reset_by_hash("r").await.unwrap();
            assert_eq!(found.is_some(), visible);
            let taken = identity
                .take_password_reset(PasswordResetId(reset.id))
                .await;
            assert_eq!(taken.unwrap(), visible);
            let locks = unit.tenant().locks();
            let id = LockId(lock.id);
            assert_eq!(locks.find(id).await.unwrap().is_some(), visible);
            let (_, count) = locks.list(None, None, Paging::default()).await.unwrap();
            assert_eq!(count, u64::from(visible));
            assert_eq!(locks.delete(id).await.unwrap(), visible);
            let changed = identity.set_password(jane, "hash", false).await.unwrap();
            assert_eq!(changed, visible);
            unit.commit().await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_leave_is_taken_once_and_a_new_password_ends_the_others() {
    for fresh in databases::all().await {
        let jane = user(&fresh, fresh.workspace, "jane").await;
        let unit = fresh.store.begin(fresh.workspace).await.unwrap();
        let identity = unit.tenant().identity();
        let later = now() + TimeDelta::hours(1);
        let mut ids = Vec::new();
        for hash in ["a", "b"] {
            let row = identity.create_password_reset(jane, hash.to_owned(), "", later);
            ids.push(PasswordResetId(row.await.unwrap().id));
        }
        assert!(identity.take_password_reset(ids[0]).await.unwrap());
        assert!(!identity.take_password_reset(ids[0]).await.unwrap());
        identity.set_password(jane, "hash", true).await.unwrap();
        assert!(!identity.take_password_reset(ids[1]).await.unwrap());
        let row = identity.hold_user(jane).await.unwrap().unwrap();
        assert!(row.must_change_password && row.password_changed_at.is_some());
    }
}

#[tokio::test]
async fn a_mail_is_sent_by_one_node_and_its_text_is_forgotten() {
    for fresh in databases::all().await {
        let unit = fresh.store.begin(fresh.workspace).await.unwrap();
        let mails = unit.tenant().mails();
        let row = mails
            .add(NewMail {
                kind: "test",
                recipient: "a@example.com".to_owned(),
                sealed: b"text".to_vec(),
                expires_at: now() + TimeDelta::hours(1),
            })
            .await
            .unwrap();
        assert_eq!(mails.count_waiting().await.unwrap(), 1);
        unit.commit().await.unwrap();

        let store = &fresh.store;
        let time = now();
        let lease = TimeDelta::minutes(1);
        let due = store.due_mails(time, 10).await.unwrap();
        assert_eq!(due.len(), 1);
        assert!(store.claim_mail(&row, time, lease).await.unwrap());
        assert!(!store.claim_mail(&row, time, lease).await.unwrap());
        assert!(store.due_mails(time, 10).await.unwrap().is_empty());
        let again = store.due_mails(time + lease, 10).await.unwrap();
        assert_eq!((again.len(), again[0].attempts), (1, 1));
        assert!(again[0].sealed.is_some());

        store.mail_sent(MailId(row.id)).await.unwrap();
        assert!(store.due_mails(time + lease, 10).await.unwrap().is_empty());
        let gone = store.delete_ended_mails(now() + TimeDelta::days(1)).await;
        assert_eq!(gone.unwrap(), 1);
    }
}

#[tokio::test]
async fn the_same_thing_is_locked_once() {
    for fresh in databases::all().await {
        let unit = fresh.store.begin(fresh.workspace).await.unwrap();
        let locks = unit.tenant().locks();
        let id = fresh.workspace.0;
        locks.add(LockKind::Workspace, id, "", None).await.unwrap();
        let twice = locks.add(LockKind::Workspace, id, "", None).await;
        assert!(matches!(twice, Err(StoreError::Conflict(_))));
    }
}
