//! Environment variables over a configuration: `ALPACON_SERVER__LISTEN` sets
//! `server.listen`. A double underscore stands between section and key.

use toml::{Table, Value};

use super::ConfigError;

const PREFIX: &str = "ALPACON_";

/// Sections that the environment may set.
const SECTIONS: [&str; 12] = [
    "server",
    "tls",
    "database",
    "log",
    "commands",
    "judge",
    "mail",
    "notifications",
    "objects",
    "oidc",
    "transfers",
    "websh",
];

/// Lays the variables that name a section over `table`.
pub(super) fn overlay(
    table: &mut Table,
    variables: impl Iterator<Item = (String, String)>,
) -> Result<(), ConfigError> {
    for (name, text) in variables {
        let Some(path) = name.strip_prefix(PREFIX) else {
            continue;
        };
        let Some((section, key)) = path.split_once("__") else {
            continue;
        };
        let (section, key) = (section.to_lowercase(), key.to_lowercase());
        if !SECTIONS.contains(&section.as_str()) {
            continue;
        }
        let entry = table
            .entry(section)
            .or_insert_with(|| Value::Table(Table::new()));
        let Value::Table(section) = entry else {
            return Err(ConfigError::Environment {
                name,
                message: "the file gives this section another form".to_owned(),
            });
        };
        section.insert(key, value(&text));
    }
    Ok(())
}

/// A list, number or boolean where the text is one in TOML, else the text itself.
fn value(text: &str) -> Value {
    let parsed = toml::from_str::<Table>(&format!("value = {text}"));
    match parsed.ok().and_then(|mut table| table.remove("value")) {
        Some(value @ (Value::Array(_) | Value::Integer(_) | Value::Boolean(_))) => value,
        _ => Value::String(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn with(variables: &[(&str, &str)]) -> Result<Config, String> {
        let mut table: Table = toml::from_str("[server]\nlisten = \"127.0.0.1:1\"").unwrap();
        let variables = variables
            .iter()
            .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()));
        overlay(&mut table, variables).map_err(|error| error.to_string())?;
        Value::Table(table)
            .try_into()
            .map_err(|error: toml::de::Error| error.to_string())
    }

    #[test]
    fn variables_overrule_the_file() {
        let config = with(&[
            ("ALPACON_SERVER__LISTEN", "0.0.0.0:2"),
            ("ALPACON_SERVER__TRUSTED_PROXIES", "[\"10.0.0.1\"]"),
            ("ALPACON_COMMANDS__ACK_SECONDS", "5"),
            ("ALPACON_WORK_SESSION", "not ours"),
            ("ALPACON_OTHER__KEY", "not ours"),
        ])
        .unwrap();
        assert_eq!(config.server.listen.port(), 2);
        assert_eq!(config.server.trusted_proxies.len(), 1);
        assert_eq!(config.commands.ack_seconds, 5);
    }

    #[test]
    fn unknown_keys_are_refused() {
        assert!(
            with(&[("ALPACON_SERVER__LISTN", "x")])
                .unwrap_err()
                .contains("listn")
        );
    }
}
