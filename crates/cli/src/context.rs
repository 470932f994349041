//! What every command starts from: the format, the stored state, the connection.

use client::{Api, Config, ConfigStore, oauth};

use crate::error::{CliError, Failure};
use crate::output::Format;
use crate::output::spinner::Spinner;

/// Sent with every request.
pub(crate) const USER_AGENT: &str = concat!("alpacon-cli/", env!("CARGO_PKG_VERSION"));

/// Before anything was read.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    pub(crate) format: Format,
    pub(crate) store: ConfigStore,
}

/// Logged in.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) api: Api,
    pub(crate) config: Config,
    pub(crate) store: ConfigStore,
}

impl Context {
    pub(crate) fn new(format: Format) -> Result<Self, Failure> {
        let home = std::env::home_dir()
            .filter(|home| !home.as_os_str().is_empty())
            .ok_or_else(|| CliError::refusal("no home directory; set HOME"))?;
        Ok(Self {
            format,
            store: ConfigStore::in_home(&home),
        })
    }

    /// The stored login.
    pub(crate) fn config(&self) -> Result<Config, Failure> {
        Ok(self.store.load()?.ok_or(client::Error::NotLoggedIn)?)
    }

    /// A client for the stored workspace, its login renewed where needed.
    pub(crate) async fn connect(&self) -> Result<Session, Failure> {
        let mut config = self.config()?;
        let api = Api::from_config(&config, USER_AGENT)?;
        if config.needs_refresh(chrono::Utc::now()) {
            let _spinner = Spinner::start("Renewing the login...");
            oauth::refresh_if_needed(&api, &self.store, &mut config).await?;
        }
        Ok(Session {
            api,
            config,
            store: self.store.clone(),
        })
    }
}
