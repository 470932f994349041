//! What has to be written so that the server's rows become ours
//! (`agent-control.md` §8.4).

use std::collections::HashMap;

use reqwest::Method;
use serde_json::Value;

use super::Category;

/// One write below the category's collection.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Write {
    /// Verb.
    pub(super) method: Method,
    /// The row; `None` for the collection itself.
    pub(super) row: Option<String>,
    /// What to write.
    pub(super) body: Option<Value>,
}

impl Category {
    /// Identifies a row; `None` for categories that are a single object.
    fn row_key(self) -> Option<&'static str> {
        match self {
            Self::Info | Self::Os | Self::Time => None,
            Self::Groups => Some("gid"),
            Self::Users => Some("username"),
            Self::Addresses => Some("address"),
            Self::Interfaces | Self::Disks | Self::Partitions => Some("name"),
        }
    }

    /// The fields whose change is worth a write.
    fn compared(self) -> &'static [&'static str] {
        match self {
            Self::Info => &[
                "uuid",
                "cpu_type",
                "cpu_brand",
                "cpu_physical_cores",
                "cpu_logical_cores",
                "physical_memory",
                "hardware_vendor",
                "hardware_model",
                "hardware_serial",
                "computer_name",
                "hostname",
                "local_hostname",
            ],
            Self::Os => &[
                "name",
                "version",
                "major",
                "minor",
                "patch",
                "platform",
                "platform_like",
            ],
            Self::Time => &["timezone"],
            Self::Groups => &["gid", "groupname"],
            Self::Users => &[
                "uid",
                "gid",
                "username",
                "directory",
                "shell",
                "shadow_expire_date",
            ],
            Self::Interfaces => &["name", "mac", "type", "flags", "mtu", "link_speed"],
            Self::Addresses => &["address", "broadcast", "interface_name", "mask"],
            Self::Disks => &["name", "serial_number", "label"],
            Self::Partitions => &["mount_points", "name", "disk_name", "fs_type", "is_virtual"],
        }
    }
}

/// The writes that turn `remote` into `local`. No remote object or list stands
/// for an empty one.
pub(super) fn difference(category: Category, local: &Value, remote: Option<&Value>) -> Vec<Write> {
    match category.row_key() {
        None => single(category, local, remote),
        Some(key) => {
            let none = Vec::new();
            let local = local.as_array().unwrap_or(&none);
            let remote = remote.and_then(Value::as_array).unwrap_or(&none);
            rows(category, key, local, remote)
        }
    }
}

fn single(category: Category, local: &Value, remote: Option<&Value>) -> Vec<Write> {
    let id = remote.and_then(|remote| remote.get("id")).and_then(row_id);
    match (remote, id) {
        (Some(remote), Some(_)) if is_same(category, local, remote) => Vec::new(),
        (Some(_), Some(id)) => vec![patch(id, local)],
        _ => vec![post(local.clone())],
    }
}

fn rows(category: Category, key: &str, local: &[Value], remote: &[Value]) -> Vec<Write> {
    let mut missing: HashMap<String, &Value> = local
        .iter()
        .filter_map(|row| Some((row.get(key)?.to_string(), row)))
        .collect();
    let mut writes = Vec::new();
    for row in remote {
        let Some(id) = row.get("id").and_then(row_id) else {
            continue;
        };
        let key = row.get(key).map(Value::to_string).unwrap_or_default();
        // A second row with the same key finds its twin gone, and goes too.
        match missing.remove(&key) {
            Some(local) if is_same(category, local, row) => {}
            Some(local) => writes.push(patch(id, local)),
            None => writes.push(Write {
                method: Method::DELETE,
                row: Some(id),
                body: None,
            }),
        }
    }
    let new: Vec<Value> = local
        .iter()
        .filter(|row| {
            row.get(key)
                .is_some_and(|key| missing.contains_key(&key.to_string()))
        })
        .cloned()
        .collect();
    if !new.is_empty() {
        writes.push(post(Value::Array(new)));
    }
    writes
}

fn is_same(category: Category, local: &Value, remote: &Value) -> bool {
    category.compared().iter().all(|field| {
        let (local, remote) = (local.get(field), remote.get(field));
        if *field == "shadow_expire_date" {
            return local == remote.filter(|value| !value.is_null());
        }
        local == remote || (is_zero(local) && is_zero(remote))
    })
}

/// An absent field, `null` and the empty value of its type are the same.
fn is_zero(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null | Value::Bool(false)) => true,
        Some(Value::String(text)) => text.is_empty(),
        Some(Value::Number(number)) => number.as_u64() == Some(0),
        Some(Value::Array(items)) => items.is_empty(),
        Some(_) => false,
    }
}

/// Ids go into URLs, so only harmless ones count.
fn row_id(value: &Value) -> Option<String> {
    let id = match value {
        Value::String(id) => id.clone(),
        Value::Number(id) => id.to_string(),
        _ => return None,
    };
    crate::orders::is_command_id(&id).then_some(id)
}

fn patch(id: String, local: &Value) -> Write {
    Write {
        method: Method::PATCH,
        row: Some(id),
        body: Some(local.clone()),
    }
}

fn post(body: Value) -> Write {
    Write {
        method: Method::POST,
        row: None,
        body: Some(body),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn single_objects_are_created_changed_or_left() {
        let local = json!({"datetime": "a", "timezone": "UTC", "uptime": 5});
        let writes = difference(Category::Time, &local, None);
        assert_eq!(writes, [post(local.clone())]);
        let same = json!({"id": "1", "datetime": "b", "timezone": "UTC", "uptime": 9});
        assert!(difference(Category::Time, &local, Some(&same)).is_empty());
        let other = json!({"id": "1", "timezone": "KST"});
        let writes = difference(Category::Time, &local, Some(&other));
        assert_eq!(writes, [patch("1".into(), &local)]);
    }

    #[test]
    fn rows_are_changed_deleted_and_created() {
        let local = json!([
            {"gid": 0, "groupname": "root"},
            {"gid": 5, "groupname": "tty"},
            {"gid": 9, "groupname": "new"},
        ]);
        let remote = json!([
            {"id": "a", "gid": 0, "groupname": "root"},
            {"id": "b", "gid": 5, "groupname": "old"},
            {"id": "c", "gid": 7, "groupname": "gone"},
            {"id": "d", "gid": 0, "groupname": "root"},
        ]);
        let writes = difference(Category::Groups, &local, Some(&remote));
        let brief: Vec<_> = writes
            .iter()
            .map(|write| (write.method.as_str(), write.row.as_deref()))
            .collect();
        assert_eq!(
            brief,
            [
                ("PATCH", Some("b")),
                ("DELETE", Some("c")),
                ("DELETE", Some("d")),
                ("POST", None)
            ]
        );
        assert_eq!(
            writes[3].body,
            Some(json!([{"gid": 9, "groupname": "new"}]))
        );
    }

    #[test]
    fn an_expiry_that_vanished_is_a_change() {
        let local = json!([{"uid": 1, "gid": 1, "username": "k", "description": "",
            "directory": "/", "shell": "/bin/sh", "valid_shells": ["/bin/sh"]}]);
        let mut remote = local.clone();
        remote[0]["id"] = json!("x");
        remote[0]["description"] = json!("ignored");
        remote[0]["shadow_expire_date"] = json!(null);
        assert!(difference(Category::Users, &local, Some(&remote)).is_empty());
        remote[0]["shadow_expire_date"] = json!(20000);
        assert_eq!(difference(Category::Users, &local, Some(&remote)).len(), 1);
    }

    #[test]
    fn ids_that_would_change_the_path_are_ignored() {
        let remote = json!([{"id": "../../x", "gid": 7}]);
        assert!(difference(Category::Groups, &json!([]), Some(&remote)).is_empty());
    }
}
