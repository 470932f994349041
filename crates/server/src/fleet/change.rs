//! Changing and deleting servers.

use std::collections::BTreeMap;

use http::StatusCode;
use protocol::id::{GroupId, ServerId, UserId};
use serde_json::{Map, Value, json};
use store::audit::AuditRecord;
use store::entity::{membership, server};
use store::fleet::ServerChange;
use store::{StoreError, Unit};
use uuid::Uuid;

use super::{manage, register, slug, view};
use crate::http::{ApiError, ApiResult, Ctx};

const SOURCE: &str = "server";
/// Groups of one server.
const MAX_GROUPS: usize = 100;

/// What a document wants a server to be; None: it does not say. Clients send the
/// whole document they read, so everything else in it is ignored.
#[derive(Debug, Default, PartialEq, Eq)]
struct Wanted {
    name: Option<String>,
    tags: Option<BTreeMap<String, String>>,
    groups: Option<Vec<GroupId>>,
    starred: Option<bool>,
}

impl Wanted {
    fn read(document: &Map<String, Value>) -> ApiResult<Self> {
        let member = |name: &str| document.get(name).filter(|value| !value.is_null());
        Ok(Self {
            name: member("name").map(name).transpose()?,
            tags: member("tags").map(tags).transpose()?,
            groups: member("groups").map(groups).transpose()?,
            starred: member("starred").map(starred).transpose()?,
        })
    }

    /// Leaves out what is so already.
    fn without(self, current: &Self) -> Self {
        fn changed<T: PartialEq>(wanted: Option<T>, current: Option<&T>) -> Option<T> {
            wanted.filter(|value| Some(value) != current)
        }
        Self {
            name: changed(self.name, current.name.as_ref()),
            tags: changed(self.tags, current.tags.as_ref()),
            groups: changed(self.groups, current.groups.as_ref()),
            starred: changed(self.starred, current.starred.as_ref()),
        }
    }

    /// Whether it changes what others see too.
    fn is_shared(&self) -> bool {
        self.name.is_some() || self.tags.is_some() || self.groups.is_some()
    }
}

fn name(value: &Value) -> ApiResult<String> {
    let name = value
        .as_str()
        .ok_or_else(|| ApiError::field(SOURCE, "name", "name must be a text."))?;
    slug::check(name)?;
    Ok(name.to_owned())
}

fn tags(value: &Value) -> ApiResult<BTreeMap<String, String>> {
    let tags = serde_json::from_value(value.clone())
        .map_err(|_| ApiError::field(SOURCE, "tags", "tags must be an object with text values."))?;
    register::check_tags(&tags)?;
    Ok(tags)
}

/// Ids, or objects that have one.
fn groups(value: &Value) -> ApiResult<Vec<GroupId>> {
    let refuse = || {
        ApiError::field(
            SOURCE,
            "groups",
            format!("groups must be an array of at most {MAX_GROUPS} group ids."),
        )
    };
    let items = value
        .as_array()
        .filter(|items| items.len() <= MAX_GROUPS)
        .ok_or_else(refuse)?;
    let mut groups = Vec::with_capacity(items.len());
    for item in items {
        let id = item.get("id").unwrap_or(item).as_str();
        let id: Uuid = id.and_then(|id| id.parse().ok()).ok_or_else(refuse)?;
        groups.push(GroupId(id));
    }
    groups.sort_unstable();
    groups.dedup();
    Ok(groups)
}

fn starred(value: &Value) -> ApiResult<bool> {
    value
        .as_bool()
        .ok_or_else(|| ApiError::field(SOURCE, "starred", "starred must be true or false."))
}

/// Changes a server to what `document` says of it.
pub(super) async fn change(
    ctx: &Ctx,
    id: ServerId,
    document: &Map<String, Value>,
) -> ApiResult<server::Model> {
    let row = manage::reachable(ctx, id, "update").await?;
    let current = current(ctx, &row).await?;
    let wanted = Wanted::read(document)?.without(&current);
    if wanted == Wanted::default() {
        return Ok(row);
    }
    if wanted.is_shared() {
        ctx.principal.require_staff()?;
    }
    let unit = ctx.begin().await?;
    let fleet = unit.tenant().fleet();
    if let Some(starred) = wanted.starred {
        let user = ctx.principal.require_user()?;
        fleet.set_starred(user.id.into(), id, starred).await?;
    }
    if let Some(groups) = &wanted.groups {
        let existing = unit
            .tenant()
            .identity()
            .existing_groups(groups.clone())
            .await?;
        if existing.len() < groups.len() {
            let detail = "One of the groups does not exist; see: alpacon group ls";
            return Err(ApiError::field(SOURCE, "groups", detail));
        }
    }
    let blinded = blinded(&unit, &current, &wanted).await?;
    let record = change_record(ctx, &row, &wanted);
    let changed = if wanted.is_shared() {
        let change = ServerChange {
            name: wanted.name,
            tags: wanted.tags,
            groups: wanted.groups,
        };
        fleet.change(row, change).await.map_err(name_taken)?
    } else {
        row
    };
    unit.audit(record).await?;
    unit.commit().await?;
    for row in blinded {
        ctx.app.events.close_of_user(UserId(row.user_id));
    }
    Ok(changed)
}

/// Members of the groups that the server leaves: what they listen to was checked when
/// they saw it.
async fn blinded(
    unit: &Unit,
    current: &Wanted,
    wanted: &Wanted,
) -> ApiResult<Vec<membership::Model>> {
    let (Some(before), Some(after)) = (&current.groups, &wanted.groups) else {
        return Ok(Vec::new());
    };
    let left = before.iter().filter(|group| !after.contains(group));
    Ok(unit
        .tenant()
        .identity()
        .members_of_groups(left.map(|group| group.0))
        .await?)
}

fn name_taken(error: StoreError) -> ApiError {
    match error {
        StoreError::Conflict(_) => {
            ApiError::conflict("There is a server of this name already; choose another one.")
        }
        other => other.into(),
    }
}

async fn current(ctx: &Ctx, row: &server::Model) -> ApiResult<Wanted> {
    let groups = ctx.tenant().fleet().groups_of([row.id]).await?;
    let mut groups: Vec<GroupId> = groups.iter().map(|row| GroupId(row.group_id)).collect();
    groups.sort_unstable();
    let starred = match ctx.principal.user_id() {
        Some(user) => !ctx
            .tenant()
            .fleet()
            .starred(user, [row.id])
            .await?
            .is_empty(),
        None => false,
    };
    Ok(Wanted {
        name: Some(row.name.clone()),
        tags: Some(view::tags(row)),
        groups: Some(groups),
        starred: Some(starred),
    })
}

fn change_record(ctx: &Ctx, row: &server::Model, wanted: &Wanted) -> AuditRecord {
    AuditRecord {
        actor: ctx.principal.actor(),
        ip: ctx.ip.to_string(),
        app: "server",
        model: "server",
        object_id: Some(row.id),
        action: "update",
        status_code: StatusCode::OK.as_u16(),
        description: format!("server {} changed", row.name),
        data: json!({
            "name": wanted.name,
            "tags": wanted.tags,
            "groups": wanted.groups,
            "starred": wanted.starred,
        }),
    }
}

/// Deletes a server. Its agent's key stops working and its connection is closed.
pub(super) async fn delete(ctx: &Ctx, id: ServerId) -> ApiResult<()> {
    let row = manage::manageable(ctx, id, "delete").await?;
    let unit = ctx.begin().await?;
    unit.tenant().fleet().delete(id).await?;
    unit.audit(AuditRecord {
        actor: ctx.principal.actor(),
        ip: ctx.ip.to_string(),
        app: "server",
        model: "server",
        object_id: Some(row.id),
        action: "delete",
        status_code: StatusCode::NO_CONTENT.as_u16(),
        description: format!("server {} deleted", row.name),
        data: json!({}),
    })
    .await?;
    unit.commit().await?;
    ctx.app.agents.close(id);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(document: &Value) -> ApiResult<Wanted> {
        Wanted::read(document.as_object().unwrap())
    }

    #[test]
    fn a_whole_document_is_read_for_what_can_change() {
        let (a, b) = (GroupId::new(), GroupId::new());
        let wanted = read(&json!({
            "id": "ignored", "status": {"code": "ok"}, "load": 0.5, "owner": {"id": "x"},
            "name": "web-02", "tags": {"env": "prod"}, "starred": true, "unknown": [1],
            "groups": [b, {"id": a, "name": "ops"}, a],
        }))
        .unwrap();
        assert_eq!(wanted.name.as_deref(), Some("web-02"));
        assert_eq!(wanted.groups, Some(vec![a, b]));
        assert_eq!(wanted.starred, Some(true));
        assert_eq!(wanted.tags.unwrap().get("env").unwrap(), "prod");
        assert_eq!(
            read(&json!({"name": null, "groups": null})).unwrap(),
            Wanted::default()
        );
    }

    #[test]
    fn what_can_change_has_its_type() {
        for document in [
            json!({"name": "web 02"}),
            json!({"name": 7}),
            json!({"tags": {"a": 1}}),
            json!({"tags": []}),
            json!({"groups": ["ops"]}),
            json!({"groups": "ops"}),
            json!({"starred": "yes"}),
        ] {
            assert_eq!(read(&document).unwrap_err().status, StatusCode::BAD_REQUEST);
        }
    }

    #[test]
    fn what_is_so_already_is_no_change() {
        let current = || Wanted {
            name: Some("web".to_owned()),
            tags: Some(BTreeMap::new()),
            groups: Some(vec![]),
            starred: Some(false),
        };
        let same = current().without(&current());
        assert_eq!(same, Wanted::default());
        let starred = Wanted {
            starred: Some(true),
            ..current()
        };
        let starred = starred.without(&current());
        assert!(!starred.is_shared());
        assert_eq!(starred.starred, Some(true));
    }
}
