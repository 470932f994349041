//! Where a subcommand finds the data of a server.

use std::path::PathBuf;

use anyhow::ensure;
use clap::Args;
use store::Store;

use crate::config::Config;
use crate::crypto::keys::Keys;

#[derive(Debug, Args)]
pub(super) struct Place {
    /// Configuration file (TOML).
    #[arg(
        long,
        value_name = "FILE",
        env = "ALPACON_CONFIG",
        conflicts_with = "data"
    )]
    config: Option<PathBuf>,
    /// Data folder of an embedded node.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Use this database instead of the configured one.
    #[arg(
        long,
        value_name = "URL",
        env = "ALPACON_DATABASE__URL",
        hide_env_values = true
    )]
    database_url: Option<String>,
}

impl Place {
    /// The configuration that says where everything is.
    pub(super) fn config(self) -> anyhow::Result<Config> {
        let mut config = Config::load(self.config.as_deref())?;
        if let Some(data) = self.data {
            config.server.data_dir = data;
        }
        if self.database_url.is_some() {
            config.database.url = self.database_url;
        }
        Ok(config)
    }

    /// The data of a server that exists, which may be running meanwhile. Nothing is made
    /// where nothing is.
    pub(super) async fn existing(self) -> anyhow::Result<(Config, Keys, Store)> {
        let config = self.config()?;
        let data_dir = &config.server.data_dir;
        ensure!(
            data_dir.is_dir(),
            "there is no data folder {}",
            data_dir.display()
        );
        let keys = Keys::load_or_create(&data_dir.join("keys"))?;
        let store = super::node::open_store(&config, &keys).await?;
        Ok((config, keys, store))
    }
}
