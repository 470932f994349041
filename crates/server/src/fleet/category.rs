//! The nine categories of system information (`agent-control.md` §8.4).

use std::str::FromStr;

use serde_json::Value;

/// Objects of one body that are looked at: no host has more, and every one is
/// written while other writers wait.
const MAX_OBJECTS: usize = 10_000;

/// A category of system information.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Category {
    Info,
    Os,
    Time,
    Groups,
    Users,
    Interfaces,
    Addresses,
    Disks,
    Partitions,
}

/// No such category.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct UnknownCategory;

impl FromStr for Category {
    type Err = UnknownCategory;

    fn from_str(text: &str) -> Result<Self, UnknownCategory> {
        Self::ALL
            .into_iter()
            .find(|category| category.name() == text)
            .ok_or(UnknownCategory)
    }
}

impl Category {
    /// All of them, in the order they are synchronised.
    pub(super) const ALL: [Self; 9] = [
        Self::Info,
        Self::Os,
        Self::Time,
        Self::Groups,
        Self::Users,
        Self::Interfaces,
        Self::Addresses,
        Self::Disks,
        Self::Partitions,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Os => "os",
            Self::Time => "time",
            Self::Groups => "groups",
            Self::Users => "users",
            Self::Interfaces => "interfaces",
            Self::Addresses => "addresses",
            Self::Disks => "disks",
            Self::Partitions => "partitions",
        }
    }

    /// Whether a host has one object of it, not a list.
    pub(super) fn is_single(self) -> bool {
        self.key_member().is_none()
    }

    /// The member that tells the rows of a list apart.
    fn key_member(self) -> Option<&'static str> {
        match self {
            Self::Info | Self::Os | Self::Time => None,
            Self::Groups => Some("gid"),
            Self::Users => Some("username"),
            Self::Addresses => Some("address"),
            Self::Interfaces | Self::Disks | Self::Partitions => Some("name"),
        }
    }

    /// What identifies an object in its category. None: it cannot be stored.
    pub(super) fn row_key(self, object: &Value) -> Option<String> {
        let members = object.as_object()?;
        let Some(member) = self.key_member() else {
            return Some(String::new());
        };
        match members.get(member)? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        }
    }

    /// The objects of a body with their keys. What is not an object of the category,
    /// or beyond the bound, is left out: an agent would repeat a refused body forever.
    pub(super) fn objects(self, body: Value) -> Vec<(String, Value)> {
        let all = match body {
            Value::Array(all) => all,
            one => vec![one],
        };
        let given = all.len();
        let kept: Vec<_> = all
            .into_iter()
            .take(MAX_OBJECTS)
            .filter_map(|object| {
                let object = clean(object);
                Some((self.row_key(&object)?, object))
            })
            .collect();
        if kept.len() < given {
            let lost = given - kept.len();
            tracing::warn!(
                category = self.name(),
                lost,
                "objects without a key, or too many"
            );
        }
        kept
    }
}

/// The object as it is stored: without the id, which is ours to give, and without
/// NUL characters, which PostgreSQL does not keep.
fn clean(mut object: Value) -> Value {
    if let Some(members) = object.as_object_mut() {
        members.remove("id");
    }
    without_nul(&mut object);
    object
}

fn without_nul(value: &mut Value) {
    match value {
        Value::String(text) if text.contains('\0') => *text = text.replace('\0', "\u{fffd}"),
        Value::Array(items) => items.iter_mut().for_each(without_nul),
        Value::Object(members) => {
            if members.keys().any(|name| name.contains('\0')) {
                members.retain(|name, _| !name.contains('\0'));
            }
            members.values_mut().for_each(without_nul);
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_order_is_the_one_agents_use() {
        let names = Category::ALL.map(Category::name);
        assert_eq!(names, protocol::agent::SYNC_CATEGORIES);
        for category in Category::ALL {
            assert_eq!(category.name().parse(), Ok(category));
        }
        assert_eq!("firewall".parse::<Category>(), Err(UnknownCategory));
    }

    #[test]
    fn rows_are_told_apart_by_their_own_member() {
        let table = [
            (Category::Info, json!({"uuid": "u"}), Some("")),
            (Category::Groups, json!({"gid": 27}), Some("27")),
            (
                Category::Users,
                json!({"uid": 0, "username": "root"}),
                Some("root"),
            ),
            (
                Category::Addresses,
                json!({"address": "192.0.2.1"}),
                Some("192.0.2.1"),
            ),
            (Category::Disks, json!({"name": "sda"}), Some("sda")),
            (Category::Users, json!({"uid": 0}), None),
            (Category::Groups, json!({"gid": null}), None),
            (Category::Info, json!("text"), None),
        ];
        for (category, object, key) in table {
            assert_eq!(category.row_key(&object).as_deref(), key, "{object}");
        }
    }

    #[test]
    fn bodies_are_one_object_or_many_and_keep_no_id() {
        let one = json!({"id": "mine", "name": "sda", "label": "a\0b"});
        let clean = json!({"name": "sda", "label": "a\u{fffd}b"});
        let expected = vec![("sda".to_owned(), clean)];
        assert_eq!(Category::Disks.objects(one.clone()), expected);
        assert_eq!(
            Category::Disks.objects(json!([one, {"label": "x"}, 1])),
            expected
        );
    }
}
