//! `alpacon logout`: local credentials always go, even if the server cannot be told.

use client::{Api, Config, Error, auth, oauth};

use crate::context::{Context, USER_AGENT};
use crate::error::Failure;
use crate::output::message;

pub(crate) async fn run(context: &Context) -> Result<(), Failure> {
    match context.store.load() {
        Ok(None) => {
            message::info("not logged in");
            return Ok(());
        }
        Ok(Some(config)) => {
            if config.is_multi_workspace() {
                message::warning("this logs you out of all workspaces of your account");
            }
            if let Err(error) = tell_server(context, config).await {
                message::warning(&format!("the server could not be told: {error}"));
            }
        }
        Err(error) => message::warning(&error.to_string()),
    }
    context.store.delete()?;
    message::success("logged out");
    Ok(())
}

async fn tell_server(context: &Context, mut config: Config) -> Result<(), Error> {
    let api = match Api::from_config(&config, USER_AGENT) {
        Err(Error::NotLoggedIn) => return Ok(()),
        api => api?,
    };
    let environment = auth::environment(&api).await?;
    if environment.auth0.method != oauth::METHOD || config.access_token.is_empty() {
        return auth::logout(&api).await;
    }
    if config.refresh_token.is_empty() {
        return Ok(());
    }
    let refresh_token = config.refresh_token.clone();
    if oauth::refresh_if_needed(&api, &context.store, &mut config)
        .await
        .is_ok()
    {
        auth::blacklist_access_token(&api).await?;
    }
    oauth::revoke(&api, &environment.auth0, &refresh_token).await
}
