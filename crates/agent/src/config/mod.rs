//! The agent's configuration file (`agent-control.md` §3).

pub(crate) mod file;
pub(crate) mod ini;
pub(crate) mod paths;

use std::fmt;
use std::path::{Path, PathBuf};

use transport::tls::Trust;

use self::ini::{Ini, parse_bool};

/// Bytes of a configuration file we are willing to read.
const MAX_FILE_SIZE: u64 = 64 * 1024;

/// Why there is no usable configuration.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    /// No file at any of the places.
    #[error(
        "no configuration found ({0}); register this machine with \
         `alpamon register --url URL --token TOKEN`"
    )]
    Missing(String),
    /// It exists but cannot be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is longer than any real configuration.
    #[error("{0} is too large for a configuration file")]
    TooLarge(PathBuf),
    /// It is no INI file.
    #[error("{path}: {source}")]
    Syntax {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: ini::IniError,
    },
    /// A required value is absent.
    #[error("{path}: {key} is missing")]
    Required {
        /// Which file.
        path: PathBuf,
        /// `section.key`.
        key: &'static str,
    },
    /// A value cannot be used.
    #[error("{path}: {key} {reason}")]
    Invalid {
        /// Which file.
        path: PathBuf,
        /// `section.key`.
        key: &'static str,
        /// What is wrong with it.
        reason: String,
    },
}

/// What the file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Config {
    /// `[server]`.
    pub(crate) server: Identity,
    /// `[ssl]`.
    pub(crate) tls: Tls,
    /// `[logging] debug`.
    pub(crate) debug: bool,
    /// `[pool]`.
    pub(crate) pool: Pool,
    /// `[file] max_download_bytes`: largest file that is fetched; 0: any.
    pub(crate) max_download_bytes: u64,
    /// `[orders]`, ours: the key whose orders alone are obeyed.
    pub(crate) orders: Option<PinnedKey>,
}

/// Where the server is and who we are there.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    /// Base URL without a trailing slash.
    pub(crate) url: String,
    /// Server id.
    pub(crate) id: String,
    /// Secret key.
    pub(crate) key: String,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("url", &self.url)
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// How certificates are checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tls {
    /// Check them at all.
    pub(crate) verify: bool,
    /// Trust these alone.
    pub(crate) ca_cert: Option<PathBuf>,
}

impl Tls {
    /// The same in the transport's terms.
    #[must_use]
    pub(crate) fn trust(&self) -> Trust {
        match (&self.ca_cert, self.verify) {
            (_, false) => Trust::Anybody,
            (Some(path), true) => Trust::Only(path.clone()),
            (None, true) => Trust::System,
        }
    }
}

/// Limits on concurrent commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pool {
    /// Commands running at once.
    pub(crate) max_workers: usize,
    /// Commands waiting.
    pub(crate) queue_size: usize,
    /// Seconds from receipt until a command is given up; 0: never.
    pub(crate) default_timeout: u64,
}

impl Default for Pool {
    fn default() -> Self {
        Self {
            max_workers: 256,
            queue_size: 1000,
            default_timeout: 3600,
        }
    }
}

/// The key pinned at registration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PinnedKey {
    /// Its name.
    pub(crate) key_id: String,
    /// Ed25519.
    pub(crate) public_key: [u8; 32],
}

impl PinnedKey {
    /// Reads the hex form of the file and of the registration answer.
    #[must_use]
    pub(crate) fn from_hex(key_id: &str, hex: &str) -> Option<Self> {
        let mut public_key = [0; 32];
        if hex.len() != 64 || !hex.is_ascii() || key_id.is_empty() || !ini::is_plain(key_id) {
            return None;
        }
        for (index, byte) in public_key.iter_mut().enumerate() {
            *byte = u8::from_str_radix(hex.get(index * 2..index * 2 + 2)?, 16).ok()?;
        }
        Some(Self {
            key_id: key_id.to_owned(),
            public_key,
        })
    }
}

impl Config {
    /// Reads and checks the file at `path`.
    ///
    /// # Errors
    /// When it cannot be read, parsed or used.
    pub(crate) fn load(path: &Path) -> Result<Self, ConfigError> {
        let read = |source| ConfigError::Read {
            path: path.to_owned(),
            source,
        };
        if std::fs::metadata(path).map_err(read)?.len() > MAX_FILE_SIZE {
            return Err(ConfigError::TooLarge(path.to_owned()));
        }
        Self::parse(&std::fs::read_to_string(path).map_err(read)?, path)
    }

    /// Checks `text`, which came from `path`.
    ///
    /// # Errors
    /// When it cannot be parsed or used.
    pub(crate) fn parse(text: &str, path: &Path) -> Result<Self, ConfigError> {
        let ini = Ini::parse(text).map_err(|source| ConfigError::Syntax {
            path: path.to_owned(),
            source,
        })?;
        let reader = Reader { ini: &ini, path };
        let url = reader.required("server", "url", "server.url")?;
        if !(url.starts_with("https://") || url.starts_with("http://")) {
            return Err(reader.invalid("server.url", "must start with http:// or https://"));
        }
        let tls = Tls {
            verify: reader.flag("ssl", "verify", true),
            ca_cert: reader.text("ssl", "ca_cert").map(PathBuf::from),
        };
        if let Some(ca) = &tls.ca_cert
            && tls.verify
            && url.starts_with("https://")
            && !ca.is_file()
        {
            return Err(reader.invalid("ssl.ca_cert", "names a file that does not exist"));
        }
        Ok(Self {
            server: Identity {
                url: url.strip_suffix('/').unwrap_or(url).to_owned(),
                id: reader.required("server", "id", "server.id")?.to_owned(),
                key: reader.required("server", "key", "server.key")?.to_owned(),
            },
            tls,
            debug: reader.flag("logging", "debug", false),
            pool: reader.pool(),
            max_download_bytes: reader.download_limit()?,
            orders: reader.pinned_key()?,
        })
    }

    /// The file's text.
    #[must_use]
    pub(crate) fn render(&self) -> String {
        let Identity { url, id, key } = &self.server;
        let mut text = format!(
            "[server]\nurl = {url}\nid = {id}\nkey = {key}\n\n[ssl]\nverify = {}\n",
            self.tls.verify
        );
        if let Some(ca) = &self.tls.ca_cert {
            text.push_str(&format!("ca_cert = {}\n", ca.display()));
        }
        text.push_str(&format!("\n[logging]\ndebug = {}\n", self.debug));
        if let Some(pin) = &self.orders {
            text.push_str(&format!(
                "\n[orders]\nkey_id = {}\npublic_key = {}\n",
                pin.key_id,
                crate::hex::encode(&pin.public_key)
            ));
        }
        text
    }
}

struct Reader<'a> {
    ini: &'a Ini,
    path: &'a Path,
}

impl<'a> Reader<'a> {
    fn text(&self, section: &str, key: &str) -> Option<&'a str> {
        self.ini.get(section, key).filter(|value| !value.is_empty())
    }

    fn required(
        &self,
        section: &str,
        key: &str,
        name: &'static str,
    ) -> Result<&'a str, ConfigError> {
        self.text(section, key)
            .ok_or_else(|| ConfigError::Required {
                path: self.path.to_owned(),
                key: name,
            })
    }

    fn invalid(&self, key: &'static str, reason: &str) -> ConfigError {
        ConfigError::Invalid {
            path: self.path.to_owned(),
            key,
            reason: reason.to_owned(),
        }
    }

    /// Absent: `default`. Unreadable: false, as in the public agent.
    fn flag(&self, section: &str, key: &str, default: bool) -> bool {
        self.text(section, key)
            .map_or(default, |text| parse_bool(text).unwrap_or(false))
    }

    fn pool(&self) -> Pool {
        let default = Pool::default();
        let count = |key, default| {
            self.text("pool", key)
                .and_then(|text| text.parse().ok())
                .filter(|count| *count > 0)
                .unwrap_or(default)
        };
        Pool {
            max_workers: count("max_workers", default.max_workers),
            queue_size: count("queue_size", default.queue_size),
            default_timeout: self
                .text("pool", "default_timeout")
                .and_then(|text| text.parse().ok())
                .unwrap_or(default.default_timeout),
        }
    }

    /// A present but unusable key must not switch verification off.
    /// Unlike other numbers, a bad one is refused: the limit would silently be none.
    fn download_limit(&self) -> Result<u64, ConfigError> {
        let Some(text) = self.text("file", "max_download_bytes") else {
            return Ok(0);
        };
        text.trim()
            .parse()
            .map_err(|_| self.invalid("file.max_download_bytes", "must be a whole number of bytes"))
    }

    fn pinned_key(&self) -> Result<Option<PinnedKey>, ConfigError> {
        let key_id = self.text("orders", "key_id");
        let public_key = self.text("orders", "public_key");
        match (key_id, public_key) {
            (None, None) => Ok(None),
            (key_id, public_key) => {
                PinnedKey::from_hex(key_id.unwrap_or(""), public_key.unwrap_or(""))
                    .map(Some)
                    .ok_or_else(|| {
                        self.invalid(
                            "orders.public_key",
                            "and orders.key_id must hold 64 hex digits and a name; \
                             register this machine again with `alpamon register --force`",
                        )
                    })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Config, ConfigError> {
        Config::parse(text, Path::new("alpamon.conf"))
    }

    #[test]
    fn survives_writing_and_reading() {
        let config = Config {
            server: Identity {
                url: "https://acme.example.com".into(),
                id: "0b2f".into(),
                key: "s3cr3t".into(),
            },
            tls: Tls {
                verify: true,
                ca_cert: None,
            },
            debug: false,
            pool: Pool::default(),
            max_download_bytes: 0,
            orders: PinnedKey::from_hex("k1", &"0a".repeat(32)),
        };
        assert!(config.orders.is_some());
        assert_eq!(parse(&config.render()).unwrap(), config);
    }

    #[test]
    fn verifies_certificates_unless_told_otherwise() {
        let base = "[server]\nurl=https://a/\nid=i\nkey=k\n";
        assert!(parse(base).unwrap().tls.verify);
        assert_eq!(parse(base).unwrap().server.url, "https://a");
        assert!(
            !parse(&format!("{base}[ssl]\nverify = no\n"))
                .unwrap()
                .tls
                .verify
        );
    }

    #[test]
    fn refuses_what_would_fail_open() {
        let base = "[server]\nurl=https://a\nid=i\nkey=k\n";
        assert!(parse(&format!("{base}[orders]\nkey_id = a\n")).is_err());
        assert!(parse(&format!("{base}[orders]\nkey_id = a\npublic_key = zz\n")).is_err());
        assert!(parse(&format!("{base}[ssl]\nca_cert = /does/not/exist\n")).is_err());
        assert!(parse("[server]\nurl=ftp://a\nid=i\nkey=k\n").is_err());
        assert!(parse("[server]\nurl=https://a\nid=i\n").is_err());
    }

    #[test]
    fn debug_output_hides_the_key() {
        let config = parse("[server]\nurl=https://a\nid=i\nkey=topsecret\n").unwrap();
        assert!(!format!("{config:?}").contains("topsecret"));
    }

    #[test]
    fn a_limit_that_is_no_number_is_refused() {
        let with = |line: &str| {
            parse(&format!(
                "[server]\nurl = https://a\nid = i\nkey = k\n[file]\n{line}\n"
            ))
        };
        assert_eq!(with("").unwrap().max_download_bytes, 0);
        let limited = with("max_download_bytes = 1000").unwrap();
        assert_eq!(limited.max_download_bytes, 1000);
        for text in ["-1", "10MB", "1.5"] {
            assert!(
                with(&format!("max_download_bytes = {text}")).is_err(),
                "{text}"
            );
        }
    }
}
