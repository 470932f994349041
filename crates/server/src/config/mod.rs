//! Configuration: one TOML file, every key also an environment variable, all of
//! it checked before anything starts.

mod egress;
mod environment;
mod mail;
mod oidc;
mod transfers;
mod websh;

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

pub(crate) use mail::{MailConfig, MailSecurity};
pub(crate) use oidc::OidcConfig;
pub(crate) use transfers::{ObjectsConfig, TransfersConfig};
pub(crate) use websh::WebshConfig;

/// Why a configuration is refused. Every message names the key.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    #[error("cannot read {path}: {source}")]
    Read {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("{path}: {message}")]
    Parse { path: PathBuf, message: String },
    #[error("environment variable {name}: {message}")]
    Environment { name: String, message: String },
    #[error("{key}: {message}")]
    Value { key: &'static str, message: String },
}

/// The whole configuration.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    pub(crate) server: ServerConfig,
    pub(crate) tls: TlsConfig,
    pub(crate) database: DatabaseConfig,
    pub(crate) log: LogConfig,
    pub(crate) commands: CommandConfig,
    pub(crate) oauth: OAuthConfig,
    pub(crate) oidc: OidcConfig,
    pub(crate) objects: ObjectsConfig,
    pub(crate) transfers: TransfersConfig,
    /// Terminals and their recordings.
    pub(crate) websh: WebshConfig,
    pub(crate) mail: MailConfig,
    pub(crate) notifications: NotificationsConfig,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ServerConfig {
    /// Address to listen on.
    pub(crate) listen: SocketAddr,
    /// Folder of keys, checkpoints and the embedded database.
    pub(crate) data_dir: PathBuf,
    /// How callers reach the server; absent: as their `Host` header says.
    pub(crate) public_url: Option<String>,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub(crate) trusted_proxies: Vec<IpAddr>,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8443)),
            data_dir: PathBuf::from("/var/lib/alpacon-server"),
            public_url: None,
            trusted_proxies: Vec::new(),
        }
    }
}

/// Both files, or neither: plain HTTP behind a proxy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct TlsConfig {
    /// PEM, the certificate first.
    pub(crate) certificate: Option<PathBuf>,
    /// PEM.
    pub(crate) key: Option<PathBuf>,
}

#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct DatabaseConfig {
    /// `sqlite:<path>` or `postgres://…`; absent: an embedded one in the data folder.
    pub(crate) url: Option<String>,
}

/// A database address may hold a password.
impl std::fmt::Debug for DatabaseConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.url.is_some() {
            "DatabaseConfig(…)"
        } else {
            "DatabaseConfig(embedded)"
        })
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct LogConfig {
    /// Filter, for example `info` or `alpacon_server=debug`; `RUST_LOG` overrules it.
    pub(crate) filter: String,
    pub(crate) format: LogFormat,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self {
            filter: "info".to_owned(),
            format: LogFormat::Text,
        }
    }
}

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LogFormat {
    #[default]
    Text,
    Json,
}

/// Webhooks and chats.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct NotificationsConfig {
    /// Hosts inside the network that webhooks may name, also by plain HTTP.
    pub(crate) private_hosts: Vec<String>,
}

/// The built-in authorization server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct OAuthConfig {
    /// Where consoles served elsewhere take their authorization codes.
    pub(crate) console_redirect_uris: Vec<String>,
}

/// How long commands may wait, in seconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct CommandConfig {
    /// For a connection of the agent.
    pub(crate) queue_seconds: i64,
    /// For the agent's acknowledgement of a delivered command.
    pub(crate) ack_seconds: i64,
    /// For the result of an acknowledged one.
    pub(crate) result_seconds: i64,
    /// For an agent that left while it had an acknowledged one.
    pub(crate) agent_gone_seconds: i64,
}

impl Default for CommandConfig {
    fn default() -> Self {
        Self {
            queue_seconds: 60,
            ack_seconds: 60,
            result_seconds: 40 * 60,
            agent_gone_seconds: 90,
        }
    }
}

impl CommandConfig {
    pub(crate) fn queue_timeout(&self) -> TimeDelta {
        TimeDelta::seconds(self.queue_seconds)
    }

    pub(crate) fn ack_timeout(&self) -> TimeDelta {
        TimeDelta::seconds(self.ack_seconds)
    }

    pub(crate) fn result_timeout(&self) -> TimeDelta {
        TimeDelta::seconds(self.result_seconds)
    }

    pub(crate) fn agent_gone_after(&self) -> TimeDelta {
        TimeDelta::seconds(self.agent_gone_seconds)
    }
}

/// Codes travel to it: by TLS, or not beyond this machine.
fn is_redirect(uri: &str) -> bool {
    url::Url::parse(uri).is_ok_and(|url| {
        let is_local = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
        (url.scheme() == "https" || (url.scheme() == "http" && is_local))
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none()
    })
}

impl Config {
    /// Reads `file`, lays the environment over it and checks the outcome.
    pub(crate) fn load(file: Option<&Path>) -> Result<Self, ConfigError> {
        let mut table = match file {
            Some(path) => {
                let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Read {
                    path: path.to_owned(),
                    source,
                })?;
                toml::from_str(&text).map_err(|error| ConfigError::Parse {
                    path: path.to_owned(),
                    message: error.to_string(),
                })?
            }
            None => toml::Table::new(),
        };
        environment::overlay(&mut table, std::env::vars())?;
        let path = file.map_or_else(|| PathBuf::from("configuration"), Path::to_owned);
        let config: Self =
            toml::Value::Table(table)
                .try_into()
                .map_err(|error: toml::de::Error| ConfigError::Parse {
                    path,
                    message: error.to_string(),
                })?;
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), ConfigError> {
        let wrong = |key, message: &str| ConfigError::Value {
            key,
            message: message.to_owned(),
        };
        if let Some(url) = &self.server.public_url {
            let bare = url
                .strip_prefix("https://")
                .or_else(|| url.strip_prefix("http://"));
            if bare.is_none_or(|rest| rest.is_empty() || rest.contains(['/', '?', '#'])) {
                return Err(wrong(
                    "server.public_url",
                    "must be http(s)://host[:port] without path or trailing slash",
                ));
            }
        }
        if self.tls.certificate.is_some() != self.tls.key.is_some() {
            return Err(wrong(
                "tls",
                "certificate and key are given together or not at all",
            ));
        }
        if let Some(url) = &self.database.url
            && !["sqlite:", "postgres://", "postgresql://"]
                .iter()
                .any(|p| url.starts_with(p))
        {
            return Err(wrong(
                "database.url",
                "must start with sqlite: or postgres://",
            ));
        }
        if !self
            .oauth
            .console_redirect_uris
            .iter()
            .all(|uri| is_redirect(uri))
        {
            return Err(wrong(
                "oauth.console_redirect_uris",
                "must be https:// addresses (or http://localhost) with a path and no fragment",
            ));
        }
        let commands = &self.commands;
        for (key, seconds) in [
            ("commands.queue_seconds", commands.queue_seconds),
            ("commands.ack_seconds", commands.ack_seconds),
            ("commands.result_seconds", commands.result_seconds),
            ("commands.agent_gone_seconds", commands.agent_gone_seconds),
        ] {
            if !(1..=7 * 24 * 3600).contains(&seconds) {
                return Err(wrong(key, "must be from 1 to 604800 (a week)"));
            }
        }
        let fault = self.objects.fault().or(self.transfers.fault());
        if let Some((key, message)) = fault.or(self.websh.fault()) {
            return Err(wrong(key, message));
        }
        self.oidc.check()?;
        let hosts = &self.notifications.private_hosts;
        egress::check_hosts("notifications.private_hosts", hosts)?;
        self.mail.check(self.server.public_url.is_some())
    }

    /// Where transferred content lies.
    pub(crate) fn objects_folder(&self) -> PathBuf {
        let folder = self.objects.folder.clone();
        folder.unwrap_or_else(|| self.server.data_dir.join("objects"))
    }

    /// Where the database is.
    pub(crate) fn database_url(&self) -> String {
        self.database.url.clone().unwrap_or_else(|| {
            format!(
                "sqlite:{}",
                self.server.data_dir.join("alpacon.sqlite3").display()
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_configuration_is_valid_and_survives_a_round_trip() {
        let config = Config::default();
        config.check().unwrap();
        let text = toml::to_string(&config).unwrap();
        assert_eq!(toml::from_str::<Config>(&text).unwrap(), config);
    }

    /// docs/configuration.md shows every key with its default.
    #[test]
    fn the_documentation_shows_the_defaults() {
        let page = include_str!("../../../../docs/configuration.md");
        let block = page
            .split("```toml")
            .nth(1)
            .and_then(|rest| rest.split("```").next())
            .unwrap();
        let documented: toml::Table = toml::from_str(block).unwrap();
        let config: Config = toml::from_str(block).unwrap();
        let shown = Config {
            server: ServerConfig {
                public_url: None,
                ..config.server.clone()
            },
            tls: TlsConfig::default(),
            database: DatabaseConfig::default(),
            objects: ObjectsConfig {
                region: config.objects.region.clone(),
                prefix: config.objects.prefix.clone(),
                allow_http: config.objects.allow_http,
                ..ObjectsConfig::default()
            },
            oidc: OidcConfig {
                ca_file: None,
                ..config.oidc.clone()
            },
            mail: config.mail.without_optional(),
            ..config.clone()
        };
        assert_eq!(shown, Config::default());
        let optional = [
            ("server", "public_url"),
            ("tls", "certificate"),
            ("tls", "key"),
            ("database", "url"),
            ("objects", "folder"),
            ("objects", "bucket"),
            ("objects", "endpoint"),
            ("objects", "access_key_id"),
            ("objects", "secret_access_key"),
            ("oidc", "ca_file"),
            ("mail", "host"),
            ("mail", "from"),
            ("mail", "username"),
            ("mail", "password"),
            ("mail", "password_file"),
            ("mail", "ca_file"),
        ];
        let defaults = toml::Table::try_from(Config::default()).unwrap();
        for (section, keys) in &defaults {
            for key in keys.as_table().unwrap().keys() {
                assert!(documented[section].get(key).is_some(), "{section}.{key}");
            }
        }
        for (section, key) in optional {
            assert!(documented[section].get(key).is_some(), "{section}.{key}");
        }
    }

    #[test]
    fn errors_name_the_key() {
        let mut config = Config::default();
        config.server.public_url = Some("https://host/path".to_owned());
        assert!(
            config
                .check()
                .unwrap_err()
                .to_string()
                .starts_with("server.public_url")
        );
        let mut config = Config::default();
        config.tls.key = Some(PathBuf::from("key.pem"));
        assert!(config.check().unwrap_err().to_string().starts_with("tls"));
        let mut config = Config::default();
        config.database.url = Some("mysql://x".to_owned());
        assert!(
            config
                .check()
                .unwrap_err()
                .to_string()
                .starts_with("database.url")
        );
        assert!(toml::from_str::<Config>("[server]\nlisten_on = 1").is_err());
    }

    #[test]
    fn a_database_address_is_not_shown() {
        let config = DatabaseConfig {
            url: Some("postgres://u:secret@h/d".to_owned()),
        };
        assert!(!format!("{config:?}").contains("secret"));
    }
}
