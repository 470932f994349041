//! `alpacon work-session current`.

use client::{decode, work_sessions};

use super::ls::Row;
use crate::context::Context;
use crate::error::{CliError, Failure};
use crate::output::{Format, json, message, table};

pub(super) async fn run(context: &Context) -> Result<(), Failure> {
    let config = context.config()?;
    let Some(id) = config.active_work_session() else {
        match context.format {
            Format::Json => json::print(&()),
            Format::Table => message::info("no work session is in use"),
        }
        return Ok(());
    };
    let session = context.connect().await?;
    let body = work_sessions::detail(&session.api, id)
        .await
        .map_err(|error| {
            let message = format!(
                "work session {id} cannot be read: {}; to forget it run `alpacon work-session use \
             --unset`",
                client::error::without_period(&error.to_string())
            );
            CliError {
                message,
                ..CliError::from(error)
            }
        })?;
    match context.format {
        Format::Json => json::print(&body),
        Format::Table => {
            let current = decode::from_value(body).map_err(|error| client::Error::Decode {
                what: "work session".to_owned(),
                reason: error.to_string(),
            })?;
            table::print(&[Row::new(current, Some(id))], context.format);
        }
    }
    Ok(())
}
