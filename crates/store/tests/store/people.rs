//! People, groups and what being in one shows.

use protocol::id::{GroupId, UserId, WorkspaceId};
use serde_json::json;
use store::identity::{
    EVERYONE, GroupChange, NewGroup, NewLogin, NewToken, UserChange, UserFilter,
};
use store::{Paging, StoreError, Viewer};

use crate::databases::{self, Fresh};
use crate::tenancy::{server, user};

async fn group(fresh: &Fresh, name: &str) -> GroupId {
    let unit = fresh.store.begin(fresh.workspace).await.unwrap();
    let new = NewGroup {
        name: name.to_owned(),
        ..NewGroup::default()
    };
    let row = unit.tenant().identity().create_group(new).await.unwrap();
    unit.commit().await.unwrap();
    GroupId(row.id)
}

async fn everyone(fresh: &Fresh, workspace: WorkspaceId) -> GroupId {
    let identity = fresh.store.tenant(workspace).identity();
    let row = identity.group_by_name(EVERYONE).await.unwrap();
    GroupId(row.expect("a workspace has its built-in group").id)
}

async fn is_member(fresh: &Fresh, group: GroupId, user: UserId) -> bool {
    let identity = fresh.store.tenant(fresh.workspace).identity();
    let found = identity.membership_of(group, user).await.unwrap();
    found.is_some()
}

#[tokio::test]
async fn everyone_is_in_the_built_in_group() {
    for fresh in databases::all().await {
        let built_in = everyone(&fresh, fresh.workspace).await;
        let jane = user(&fresh, fresh.workspace, "jane").await;
        assert!(is_member(&fresh, built_in, jane).await);
        let identity = fresh.store.tenant(fresh.workspace).identity();
        let counts = identity.group_counts([jane.0]).await.unwrap();
        assert_eq!(counts.get(&jane.0), Some(&1));

        // A start repairs what went missing and changes nothing else.
        fresh.execute("DELETE FROM memberships").await;
        let unit = fresh.store.begin(fresh.workspace).await.unwrap();
        let identity = unit.tenant().identity();
        assert!(!identity.ensure_everyone().await.unwrap());
        assert!(!identity.ensure_everyone().await.unwrap());
        unit.commit().await.unwrap();
        assert!(is_member(&fresh, built_in, jane).await);
    }
}

#[tokio::test]
async fn a_workspace_from_before_groups_gets_one_with_its_free_servers() {
    for fresh in databases::all().await {
        let jane = user(&fresh, fresh.workspace, "jane").await;
        let joe = user(&fresh, fresh.workspace, "joe").await;
        let web = server(&fresh, fresh.workspace, jane).await;
        fresh.execute("DELETE FROM groups").await;
        let unit = fresh.store.begin(fresh.workspace).await.unwrap();
        assert!(unit.tenant().identity().ensure_everyone().await.unwrap());
        unit.commit().await.unwrap();
        let built_in = everyone(&fresh, fresh.workspace).await;
        assert!(is_member(&fresh, built_in, joe).await);
        let fleet = fresh.store.tenant(fresh.workspace).fleet();
        let seen = fleet.find(Viewer::Member(joe), web).await.unwrap();
        assert!(seen.is_some(), "the server joined the built-in group");
    }
}

#[tokio::test]
async fn members_see_the_servers_of_their_groups_until_they_leave() {
    for fresh in databases::all().await {
        let owner = user(&fresh, fresh.workspace, "jane").await;
        let joe = user(&fresh, fresh.workspace, "joe").await;
        let web = server(&fresh, fresh.workspace, owner).await;
        let ops = group(&fresh, "ops").await;
        let sees = async || {
            let fleet = fresh.store.tenant(fresh.workspace).fleet();
            let viewer = Viewer::Member(joe);
            let found = fleet.find(viewer, web).await.unwrap().is_some();
            let (_, count) = fleet.list(viewer, None, Paging::default()).await.unwrap();
            assert_eq!(count, u64::from(found), "list and detail disagree");
            let all = fleet.find_all(viewer, [web.0]).await.unwrap();
            assert_eq!(all.len(), usize::from(found));
            found
        };
        let unit = fresh.store.begin(fresh.workspace).await.unwrap();
        let identity = unit.tenant().identity();
        let membership = identity.add_membership(ops, joe, "member").await.unwrap();
        unit.commit().await.unwrap();
        assert!(!sees().await, "the group has no server yet");

        let unit = fresh.store.begin(fresh.workspace).await.unwrap();
        let identity = unit.tenant().identity();
        identity
            .change_group_servers(ops, &[web], &[])
            .await
            .unwrap();
        unit.commit().await.unwrap();
        assert!(sees().await);

        let unit = fresh.store.begin(fresh.workspace).await.unwrap();
        let identity = unit.tenant().identity();
        identity
            .delete_membership(membership.id.into())
            .await
            .unwrap();
        unit.commit().await.unwrap();
        assert!(!sees().await);
    }
}

#[tokio::test]
async fn a_deleted_group_takes_its_sight_along_and_leaves_the_servers() {
    for fresh in databases::all().await {
        let owner = user(&fresh, fresh.workspace, "jane").await;
        let joe = user(&fresh, fresh.workspace, "joe").await;
        let web = server(&fresh, fresh.workspace, owner).await;
        let ops = group(&fresh, "ops").await;
        let unit = fresh.store.begin(fresh.workspace).await.unwrap();
        let identity = unit.tenant().identity();
        identity.add_membership(ops, joe, "member").await.unwrap();
        identity
            .change_group_servers(ops, &[web], &[])
            .await
            .unwrap();
        identity.delete_group(ops).await.unwrap();
        unit.commit().await.unwrap();
        let fleet = || fresh.store.tenant(fresh.workspace).fleet();
        let seen = fleet().find(Viewer::Member(joe), web).await.unwrap();
        assert!(seen.is_none());
        let there = fleet().find(Viewer::Everything, web).await.unwrap();
        assert!(there.is_some());
    }
}

#[tokio::test]
async fn names_are_unique_in_a_workspace_and_the_empty_one_is_no_name() {
    for fresh in databases::all().await {
        let there = fresh
            .store
            .create_workspace("two", "two.test", json!({}), &fresh.key)
            .await;
        let there = WorkspaceId(there.unwrap().id);
        user(&fresh, there, "jane").await;
        user(&fresh, fresh.workspace, "jane").await;
        let first = user(&fresh, fresh.workspace, "").await;
        let second = user(&fresh, fresh.workspace, "").await;

        let set = async |id, name: &str| {
            let unit = fresh.store.begin(fresh.workspace).await.unwrap();
            let done = unit.tenant().identity().set_username(id, name).await;
            if done.is_ok() {
                unit.commit().await.unwrap();
            }
            done
        };
        assert!(set(first, "joe").await.unwrap());
        assert!(!set(first, "jim").await.unwrap(), "a name is set once");
        for taken in ["joe", "jane"] {
            let refused = set(second, taken).await;
            assert!(
                matches!(refused, Err(StoreError::Conflict(_))),
                "{refused:?}"
            );
        }
    }
}

#[tokio::test]
async fn numbers_are_given_out_one_after_the_other() {
    for fresh in databases::all().await {
        let identity = || fresh.store.tenant(fresh.workspace).identity();
        let mut uids = Vec::new();
        for name in ["a", "b"] {
            let id = user(&fresh, fresh.workspace, name).await;
            uids.push(identity().user(id).await.unwrap().unwrap().uid);
        }
        assert_eq!(uids[1], uids[0] + 1);
        let mut gids = Vec::new();
        for name in ["x", "y"] {
            let id = group(&fresh, name).await;
            gids.push(identity().group(id).await.unwrap().unwrap().gid);
        }
        assert_eq!(gids[1], gids[0] + 1);
        assert!(uids[0] >= 10_000 && gids[0] >= 10_000);
    }
}

#[tokio::test]
async fn a_change_touches_what_it_names() {
    for fresh in databases::all().await {
        let jane = user(&fresh, fresh.workspace, "jane").await;
        let unit = fresh.store.begin(fresh.workspace).await.unwrap();
        let identity = unit.tenant().identity();
        let row = identity.user(jane).await.unwrap().unwrap();
        let change = UserChange {
            first_name: Some("Jane".to_owned()),
            is_staff: Some(true),
            ..UserChange::default()
        };
        let changed = identity.change_user(row.clone(), change).await.unwrap();
        assert_eq!(changed.first_name, "Jane");
        let expected = store::entity::user::Model {
            first_name: "Jane".to_owned(),
            is_staff: true,
            ..row
        };
        assert_eq!(changed, expected);
        unit.commit().await.unwrap();

        let staff = UserFilter {
            is_staff: Some(true),
            ..UserFilter::default()
        };
        let identity = fresh.store.tenant(fresh.workspace).identity();
        let (rows, count) = identity.users(&staff, Paging::default()).await.unwrap();
        assert_eq!((count, rows[0].id), (1, jane.0));

        let ops = group(&fresh, "ops").await;
        let unit = fresh.store.begin(fresh.workspace).await.unwrap();
        let identity = unit.tenant().identity();
        let row = identity.group(ops).await.unwrap().unwrap();
        let change = GroupChange {
            tags: Some("#a".to_owned()),
            ..GroupChange::default()
        };
        let changed = identity.change_group(row.clone(), change).await.unwrap();
        assert_eq!((changed.tags.as_str(), changed.name), ("#a", row.name));
    }
}

#[tokio::test]
async fn a_user_goes_with_everything_that_could_act_for_them() {
    for fresh in databases::all().await {
        let jane = user(&fresh, fresh.workspace, "jane").await;
        let joe = user(&fresh, fresh.workspace, "joe").await;
        let unit = fresh.store.begin(fresh.workspace).await.unwrap();
        let identity = unit.tenant().identity();
        for (owner, key) in [(jane, "jane's"), (joe, "joe's")] {
            let new = NewToken {
                user: owner,
                name: "t".to_owned(),
                key_hash: key.to_owned(),
                scopes: vec![],
                expires_at: None,
            };
            identity.create_token(new).await.unwrap();
            let end = store::now() + chrono::TimeDelta::hours(1);
            identity
                .create_login(NewLogin::new(owner, "password", key.to_owned(), end))
                .await
                .unwrap();
        }
        assert_eq!(identity.disable_tokens_of(joe).await.unwrap(), 1);
        assert_eq!(identity.delete_logins_of(joe).await.unwrap(), 1);
        assert!(identity.delete_user(jane).await.unwrap());
        assert!(!identity.delete_user(jane).await.unwrap());
        unit.commit().await.unwrap();

        let identity = || fresh.store.tenant(fresh.workspace).identity();
        for key in ["jane's", "joe's"] {
            assert!(
                identity()
                    .login_by_hash("password", key)
                    .await
                    .unwrap()
                    .is_none()
            );
        }
        assert!(identity().token_by_hash("jane's").await.unwrap().is_none());
        let (token, _) = identity().token_by_hash("joe's").await.unwrap().unwrap();
        assert!(!token.enabled);
    }
}

#[tokio::test]
async fn people_of_another_workspace_are_out_of_reach() {
    for fresh in databases::all().await {
        let there = fresh
            .store
            .create_workspace("two", "two.test", json!({}), &fresh.key)
            .await;
        let there = WorkspaceId(there.unwrap().id);
        let jane = user(&fresh, fresh.workspace, "jane").await;
        let ops = group(&fresh, "ops").await;
        let unit = fresh.store.begin(there).await.unwrap();
        let identity = unit.tenant().identity();
        assert!(identity.group(ops).await.unwrap().is_none());
        assert!(identity.group_by_name("ops").await.unwrap().is_none());
        assert!(
            identity
                .members_of_groups([ops.0])
                .await
                .unwrap()
                .is_empty()
        );
        assert!(!identity.set_username(jane, "x").await.unwrap());
        assert!(!identity.delete_user(jane).await.unwrap());
        identity.delete_group(ops).await.unwrap();
        unit.commit().await.unwrap();
        let identity = || fresh.store.tenant(fresh.workspace).identity();
        assert!(identity().user(jane).await.unwrap().is_some());
        assert!(identity().group(ops).await.unwrap().is_some());
    }
}

#[tokio::test]
async fn settings_are_stored_per_workspace() {
    for fresh in databases::all().await {
        let there = fresh
            .store
            .create_workspace("two", "two.test", json!({"a": 1}), &fresh.key)
            .await
            .unwrap();
        let unit = fresh.store.begin(fresh.workspace).await.unwrap();
        assert_eq!(unit.tenant().lock_settings().await.unwrap(), json!({}));
        let settings = json!({"b": [2]});
        unit.tenant().store_settings(settings).await.unwrap();
        unit.commit().await.unwrap();
        for row in fresh.store.workspaces().await.unwrap() {
            let expected = if row.id == there.id {
                json!({"a": 1})
            } else {
                json!({"b": [2]})
            };
            assert_eq!(row.settings, expected);
        }
    }
}
