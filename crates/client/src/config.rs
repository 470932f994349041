//! `~/.alpacon/config.json`, shared with the public Go CLI (`rest-identity.md` §4).

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{Credential, Error, decode, secrets};

/// Prefix by which service tokens are known.
const SERVICE_TOKEN_PREFIX: &str = "alpst-";
/// An access token this close to its end is renewed before it is used.
const REFRESH_MARGIN: Duration = Duration::seconds(10);

/// The stored workspace and login. Members we do not know are kept as they are.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Config {
    /// Base URL, no closing slash.
    pub workspace_url: String,
    /// Short name, key of [`Config::active_work_sessions`].
    pub workspace_name: String,
    /// Session, personal or service token.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub token: String,
    /// End of a password login, RFC 3339.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub expires_at: String,
    /// OAuth access token.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub access_token: String,
    /// OAuth refresh token.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub refresh_token: String,
    /// End of the access token, RFC 3339.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub access_token_expires_at: String,
    /// Domain above the workspaces of a cloud.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub base_domain: String,
    /// Certificates are not checked.
    pub insecure: bool,
    /// Workspace name → work session in use.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub active_work_sessions: BTreeMap<String, String>,
    /// Ours: additions the server named at login, see
    /// [`protocol::auth::extension`].
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub server_extensions: Vec<String>,
    /// Ours: where the secrets are, [`crate::secrets::FILE`] (also when empty),
    /// [`crate::secrets::KEYRING`] or [`crate::secrets::SECRET_SERVICE`].
    #[serde(skip_serializing_if = "String::is_empty")]
    pub credential_store: String,
    /// What another program stored here.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// How the stored login came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthMethod {
    /// OAuth in a browser.
    BrowserLogin,
    /// Token of an application.
    ServiceToken,
    /// Personal token.
    Token,
    /// Password login: its session token comes with an end.
    PasswordLogin,
    /// No credential.
    Unknown,
}

impl AuthMethod {
    /// For programs and envelopes: a closed set, in which a password login is a
    /// token.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::BrowserLogin => "Browser login",
            Self::ServiceToken => "Service token",
            Self::Token | Self::PasswordLogin => "Token",
            Self::Unknown => "unknown",
        }
    }

    /// For people, who should see that a person logged in.
    #[must_use]
    pub fn description(self) -> &'static str {
        match self {
            Self::BrowserLogin => "Browser login (interactive)",
            Self::PasswordLogin => "Password login (interactive)",
            other => other.label(),
        }
    }

    /// For programs: `auth_classification` of `whoami`.
    #[must_use]
    pub fn classification(self) -> &'static str {
        match self {
            Self::BrowserLogin => "browser_login",
            Self::ServiceToken => "service_token",
            Self::Token | Self::PasswordLogin => "token",
            Self::Unknown => "unknown",
        }
    }
}

impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Config")
            .field("workspace_url", &self.workspace_url)
            .field("auth_method", &self.auth_method())
            .finish_non_exhaustive()
    }
}

impl Config {
    /// The credential for requests: the access token wins.
    #[must_use]
    pub fn credential(&self) -> Credential {
        if !self.access_token.is_empty() {
            Credential::Bearer(self.access_token.clone())
        } else if !self.token.is_empty() {
            Credential::Token(self.token.clone())
        } else {
            Credential::None
        }
    }

    /// How the login came about.
    #[must_use]
    pub fn auth_method(&self) -> AuthMethod {
        if !self.access_token.is_empty() {
            AuthMethod::BrowserLogin
        } else if self.token.trim().starts_with(SERVICE_TOKEN_PREFIX) {
            AuthMethod::ServiceToken
        } else if self.token.is_empty() {
            AuthMethod::Unknown
        } else if self.expires_at.is_empty() {
            AuthMethod::Token
        } else {
            AuthMethod::PasswordLogin
        }
    }

    /// Whether the login reaches several workspaces of one cloud.
    #[must_use]
    pub fn is_multi_workspace(&self) -> bool {
        !self.access_token.is_empty() && !self.base_domain.is_empty()
    }

    /// Whether the access token must be renewed before use.
    #[must_use]
    pub fn needs_refresh(&self, now: DateTime<Utc>) -> bool {
        !self.access_token.is_empty()
            && DateTime::parse_from_rfc3339(&self.access_token_expires_at)
                .map_or(true, |end| now > end.with_timezone(&Utc) - REFRESH_MARGIN)
    }

    /// The work session in use in this workspace.
    #[must_use]
    pub fn active_work_session(&self) -> Option<&str> {
        self.active_work_sessions
            .get(&self.workspace_name)
            .map(String::as_str)
            .filter(|id| !id.is_empty())
    }

    /// Whether the server named this addition at login.
    #[must_use]
    pub fn has_extension(&self, name: &str) -> bool {
        self.server_extensions.iter().any(|known| known == name)
    }
}

/// The folder with the client's state.
#[derive(Clone, Debug)]
pub struct ConfigStore {
    folder: PathBuf,
}

impl ConfigStore {
    /// State below this home directory.
    #[must_use]
    pub fn in_home(home: &Path) -> Self {
        Self {
            folder: home.join(".alpacon"),
        }
    }

    /// The folder itself, mode 0700 once something was written.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Reads the configuration; `None` when there is no file.
    ///
    /// # Errors
    /// When the file exists but cannot be read or understood, or a keyring not be asked.
    pub fn load(&self) -> Result<Option<Config>, Error> {
        match self.load_bare()? {
            Some(config) => secrets::recall(config, &self.place()).map(Some),
            None => Ok(None),
        }
    }

    /// Reads the file as it is, without what a keyring holds; `None` when there is none.
    ///
    /// # Errors
    /// When the file exists but cannot be read or understood.
    pub fn load_bare(&self) -> Result<Option<Config>, Error> {
        let path = self.path();
        let unreadable = |reason: String| Error::Config {
            path: path.clone(),
            reason,
        };
        let body = match std::fs::read(&path) {
            Ok(body) => body,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(unreadable(error.to_string())),
        };
        decode::from_slice(&body)
            .map(Some)
            // The text of the decoder may quote the value, which may be a secret.
            .map_err(|error| unreadable(format!("invalid JSON at line {}", error.line())))
    }

    /// Writes the configuration: whole or not at all, readable by its owner only.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn save(&self, config: &Config) -> Result<(), Error> {
        let config = secrets::stash(config, &self.place())?;
        let mut body = Vec::new();
        let formatter = serde_json::ser::PrettyFormatter::with_indent(b"    ");
        let mut serializer = serde_json::Serializer::with_formatter(&mut body, formatter);
        config
            .serialize(&mut serializer)
            .map_err(|error| self.unwritable(error.into()))?;
        body.push(b'\n');
        self.write(&self.path(), &body)
    }

    /// Forgets the login; the device id stays.
    ///
    /// # Errors
    /// When the file exists and cannot be removed.
    pub fn delete(&self) -> Result<(), Error> {
        // A file that cannot be read names no keyring.
        let store = self.load_bare().ok().flatten().unwrap_or_default();
        self.forget_secrets(&store.credential_store);
        match std::fs::remove_file(self.path()) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(self.unwritable(error))
            }
            _ => Ok(()),
        }
    }

    /// Forgets secrets that an earlier login put into the keyring `store`, a value of
    /// [`Config::credential_store`].
    pub fn forget_secrets(&self, store: &str) {
        secrets::forget(&self.place(), store);
    }

    /// Stores `id` as the session in use, or forgets it.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub fn set_active_work_session(&self, id: Option<&str>) -> Result<(), Error> {
        let mut config = self.load()?.ok_or(Error::NotLoggedIn)?;
        let name = config.workspace_name.clone();
        let before = match id {
            Some(id) => config.active_work_sessions.insert(name, id.to_owned()),
            None => config.active_work_sessions.remove(&name),
        };
        if before.as_deref() == id {
            return Ok(());
        }
        self.save(&config)
    }

    pub(crate) fn write(&self, path: &Path, body: &[u8]) -> Result<(), Error> {
        let attempt = || -> std::io::Result<()> {
            self.create_folder()?;
            // The temporary file is 0600 from its creation on.
            let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
            file.write_all(body)?;
            file.as_file().sync_all()?;
            file.persist(path)?;
            Ok(())
        };
        attempt().map_err(|source| Error::State {
            path: path.to_owned(),
            source,
        })
    }

    fn create_folder(&self) -> std::io::Result<()> {
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&self.folder)
    }

    fn unwritable(&self, source: std::io::Error) -> Error {
        Error::State {
            path: self.path(),
            source,
        }
    }

    /// Names this store among those of the user.
    fn place(&self) -> String {
        self.folder.display().to_string()
    }

    fn path(&self) -> PathBuf {
        self.folder.join("config.json")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store() -> (tempfile::TempDir, ConfigStore) {
        let home = tempfile::tempdir().unwrap();
        let store = ConfigStore::in_home(home.path());
        (home, store)
    }

    #[test]
    fn unknown_members_and_nulls_survive_a_rewrite() {
        let (_home, store) = store();
        std::fs::create_dir_all(store.folder()).unwrap();
        std::fs::write(
            store.path(),
            r#"{"workspace_url":"https://w","workspace_name":"w","token":"t","insecure":false,
                "expires_at":null,"theme":{"dark":true}}"#,
        )
        .unwrap();
        store.set_active_work_session(Some("s1")).unwrap();
        let text = std::fs::read_to_string(store.path()).unwrap();
        let value: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["theme"]["dark"], true);
        assert_eq!(value["active_work_sessions"]["w"], "s1");
        assert!(text.starts_with("{\n    \"workspace_url\""), "{text}");
    }

    #[cfg(unix)]
    #[test]
    fn files_are_for_their_owner_only() {
        use std::os::unix::fs::PermissionsExt;
        let (_home, store) = store();
        store.save(&Config::default()).unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&store.path()), 0o600);
        assert_eq!(mode(store.folder()), 0o700);
    }

    #[test]
    fn a_broken_file_is_not_quoted() {
        let (_home, store) = store();
        std::fs::create_dir_all(store.folder()).unwrap();
        std::fs::write(store.path(), r#"{"insecure":"s3cret"}"#).unwrap();
        let text = store.load().unwrap_err().to_string();
        assert!(
            !text.contains("s3cret") && text.contains("alpacon login"),
            "{text}"
        );
    }

    #[test]
    fn the_method_follows_the_credential() {
        let with = |token: &str, access: &str| Config {
            token: token.into(),
            access_token: access.into(),
            ..Config::default()
        };
        assert_eq!(with("", "").auth_method(), AuthMethod::Unknown);
        assert_eq!(with("alpst-1", "").auth_method(), AuthMethod::ServiceToken);
        assert_eq!(with("alpat-1", "").auth_method(), AuthMethod::Token);
        assert_eq!(with("alpst-1", "a").auth_method(), AuthMethod::BrowserLogin);
    }

    #[test]
    fn an_access_token_without_a_readable_end_is_renewed() {
        let now = Utc::now();
        let ending = |end: String| Config {
            access_token: "a".into(),
            access_token_expires_at: end,
            ..Config::default()
        };
        assert!(ending(String::new()).needs_refresh(now));
        assert!(ending((now + Duration::seconds(9)).to_rfc3339()).needs_refresh(now));
        assert!(!ending((now + Duration::seconds(60)).to_rfc3339()).needs_refresh(now));
        assert!(!Config::default().needs_refresh(now));
    }
}
