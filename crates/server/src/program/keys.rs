//! `alpacon-server keys`: what access tokens are signed with.

use super::{ConfigArguments, keys, node};
use crate::config::Config;
use crate::oauth::keys::rotate;

/// Makes a new signing key. Running nodes sign with it within a minute; what was
/// signed before stays valid, so nobody is logged out.
#[expect(clippy::print_stdout, reason = "the output of the subcommand")]
pub(super) async fn run_rotate(arguments: ConfigArguments) -> anyhow::Result<()> {
    let config = Config::load(arguments.config.as_deref())?;
    let keys = keys(&config)?;
    let store = node::open_store(&config, &keys).await?;
    let id = rotate(&store, &keys.sealing).await?;
    println!("Access tokens are signed with the key {id} from now on.");
    Ok(())
}
