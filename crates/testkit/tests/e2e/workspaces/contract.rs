//! The OpenAPI document that a server serves, as a list of things to try.

use serde_json::{Map, Value, json};
use testkit::Api;

use crate::accounts::PASSWORD;

/// How deep a body is made up: what lies deeper is left out.
const DEPTH: usize = 6;

/// One way to call the server.
#[derive(Clone, Debug)]
pub(super) struct Operation {
    pub(super) method: String,
    pub(super) path: String,
    /// Names of the query parameters.
    pub(super) query: Vec<String>,
    body: Option<Value>,
}

/// The document.
pub(super) struct Contract {
    document: Value,
    pub(super) operations: Vec<Operation>,
}

impl Contract {
    pub(super) fn of(api: &Api) -> Self {
        let document = api.get("/api/openapi.json").expect(200).json();
        let mut operations = Vec::new();
        for (path, methods) in document["paths"].as_object().unwrap() {
            for (method, operation) in methods.as_object().unwrap() {
                if !["get", "post", "put", "patch", "delete"].contains(&method.as_str()) {
                    continue;
                }
                let parameters = operation["parameters"].as_array();
                let query = parameters
                    .into_iter()
                    .flatten()
                    .filter(|parameter| parameter["in"] == "query")
                    .filter_map(|parameter| parameter["name"].as_str())
                    .map(str::to_owned);
                let body = operation.pointer("/requestBody/content/application~1json/schema");
                operations.push(Operation {
                    method: method.to_uppercase(),
                    path: path.clone(),
                    query: query.collect(),
                    body: body.cloned(),
                });
            }
        }
        assert!(operations.len() > 40, "{} operations", operations.len());
        Self {
            document,
            operations,
        }
    }

    /// A body of the right form for an operation; every id in it is `id`. The second value
    /// says whether there is one.
    pub(super) fn body(&self, operation: &Operation, id: &str) -> (Value, bool) {
        let mut holds_id = false;
        let body = match &operation.body {
            Some(schema) => self.example("", schema, id, DEPTH, &mut holds_id),
            None => json!({}),
        };
        (body, holds_id)
    }

    fn example(
        &self,
        name: &str,
        schema: &Value,
        id: &str,
        depth: usize,
        holds_id: &mut bool,
    ) -> Value {
        let mut is_id = |value: Value| {
            *holds_id = true;
            value
        };
        if depth == 0 {
            return Value::Null;
        }
        if let Some(reference) = schema["$ref"].as_str() {
            if reference.ends_with("Id") {
                return is_id(json!(id));
            }
            let found = self.document.pointer(reference.trim_start_matches('#'));
            let found = found.cloned().unwrap_or(Value::Null);
            return self.example(name, &found, id, depth - 1, holds_id);
        }
        for choice in ["oneOf", "anyOf", "allOf"] {
            let options = schema[choice].as_array();
            let chosen = options
                .into_iter()
                .flatten()
                .find(|option| option["type"] != "null");
            if let Some(chosen) = chosen {
                return self.example(name, chosen, id, depth - 1, holds_id);
            }
        }
        let kind = match &schema["type"] {
            Value::Array(kinds) => kinds.iter().find(|kind| **kind != "null"),
            kind => Some(kind),
        };
        match kind.and_then(Value::as_str) {
            Some("string") if schema["format"] == "uuid" => is_id(json!(id)),
            Some("string") if schema["format"] == "date-time" => json!("2099-01-01T00:00:00Z"),
            Some("string") => json!(word(name)),
            Some("integer" | "number") => json!(1),
            Some("boolean") => json!(false),
            Some("array") => {
                let item = self.example(name, &schema["items"], id, depth - 1, holds_id);
                if item.is_null() {
                    json!([])
                } else {
                    json!([item])
                }
            }
            Some("object") => {
                let mut members = Map::new();
                for (member, schema) in schema["properties"].as_object().into_iter().flatten() {
                    let value = self.example(member, schema, id, depth - 1, holds_id);
                    if !value.is_null() {
                        members.insert(member.clone(), value);
                    }
                }
                Value::Object(members)
            }
            _ => Value::Null,
        }
    }
}

/// A text that the member of this name may hold.
fn word(name: &str) -> &'static str {
    match name {
        "email" | "login" => "somebody@example.com",
        "username" => "somebody",
        "password" | "new_password" => PASSWORD,
        "platform" => "debian",
        "role" => "member",
        "kind" => "user",
        "shell" => "system",
        "action" => "update_information",
        "scope" | "scopes" => "command",
        "path" => "/tmp/x",
        "requester_type" => "user",
        "line" | "command" => "true",
        _ => "x",
    }
}

/// Every UUID in a JSON value.
pub(super) fn ids_in(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => {
            let is_id = text.len() == 36 && text.parse::<uuid::Uuid>().is_ok();
            if is_id && !found.contains(text) {
                found.push(text.clone());
            }
        }
        Value::Array(items) => items.iter().for_each(|item| ids_in(item, found)),
        Value::Object(members) => members.values().for_each(|item| ids_in(item, found)),
        _ => {}
    }
}
